"""What the tests do with a store again and again."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.core.types import Lease, Task
from argosy.store.port import Change, Committed, NewTask, Store
from argosy.testing.store_contract.sample import T0, claimed, make_task


async def put(store: Store, *tasks: Task) -> list[Task]:
    return [added.task for added in await store.add([NewTask(task) for task in tasks])]


async def put_one(store: Store, **known: object) -> Task:
    (task,) = await put(store, make_task(**known))
    return task


async def did(store: Store, *changes: Change) -> Task:
    """Apply the changes, which must not be refused, and return the task of the last."""
    answers = await store.commit(changes)
    last = answers[-1]
    assert all(isinstance(answer, Committed) for answer in answers), answers
    assert isinstance(last, Committed)
    assert last.task is not None
    return last.task


async def stored(store: Store, task: Task) -> Task | None:
    return (await store.get([task.id])).get(task.id)


async def leased(store: Store, **known: object) -> tuple[Task, Lease]:
    task = await did(store, claimed(await put_one(store, **known)))
    assert task.lease is not None
    return task, task.lease


def ids(found: Sequence[Task]) -> list[str]:
    return [task.id for task in found]


async def runnable(store: Store, **known: object) -> list[str]:
    """Return the ids of the tasks that may be claimed, sorted."""
    asked = {"now": T0, "limit": 100, "session": None} | known
    return sorted(found.id for found in await store.runnable(**asked))  # type: ignore[arg-type]
