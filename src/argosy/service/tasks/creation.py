"""How tasks begin over HTTP: understood within the asker's rights, made once however often they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from argosy.core.types import Task, TaskId
from argosy.errors import ArgosyError, UsageError
from argosy.runtime.admission import Request
from argosy.runtime.handle import TaskHandle
from argosy.service.asking import idempotency
from argosy.service.asking.form import NewTask
from argosy.service.asking.idempotency import Claim
from argosy.service.context import Service
from argosy.service.security.principal import Principal
from argosy.service.tasks.admittance import request_of
from argosy.value import dataclass


@dataclass(frozen=True, slots=True)
class Created:
    """The task; ``joined``: it was there already."""

    task: Task
    joined: bool = False


Result = Created | ArgosyError
TOGETHER: Final = 200
"""Tasks that are understood in one turn of the loop: some 5 ms."""


async def create(service: Service, asker: Principal, wanted: Sequence[NewTask], claim: Claim | None) -> list[Result]:
    """Return for each its task, durably stored, or why there is none. With a ``claim`` the same tasks each time."""
    results: dict[int, Result] = {}
    requests: dict[int, Request] = {}
    for index, each in enumerate(wanted):
        try:
            requests[index] = request_of(each, service, asker, _id(service, claim, index))
        except UsageError as error:
            results[index] = error
        if index % TOGETHER == TOGETHER - 1:
            await asyncio.sleep(0)
    if claim is not None and not claim.fresh:
        results |= await _found(service, claim, requests)
    missing = [index for index in requests if index not in results]
    handles = await service.runtime.add_each([requests[index] for index in missing])
    for index, handle in zip(missing, handles, strict=True):
        results[index] = _result(requests[index], handle)
    if claim is not None:
        await idempotency.note_joined(service.runtime.store, claim, _joined(results))
    return [results[index] for index in range(len(wanted))]


def _id(service: Service, claim: Claim | None, index: int) -> TaskId | None:
    return None if claim is None else claim.task_id(service.secrets.key, index)


def _result(request: Request, handle: TaskHandle | UsageError) -> Result:
    """A task that bears the id which its key stands for was made for it, whoever of many was first."""
    if isinstance(handle, UsageError):
        return handle
    return Created(handle.seen, joined=handle.joined and handle.id != request.id)


def _joined(results: Mapping[int, Result]) -> dict[int, TaskId]:
    return {index: each.task.id for index, each in results.items() if isinstance(each, Created) and each.joined}


async def _found(service: Service, claim: Claim, requests: Mapping[int, Request]) -> dict[int, Result]:
    """Return what an earlier request with the same key has come to, as far as it had got."""
    store = service.runtime.store
    ids = {index: claim.joined.get(index) or request.id or "" for index, request in requests.items()}
    tasks = dict(await store.get(list(ids.values())))
    logged = [
        task_id for task_id in ids.values() if task_id not in tasks and await store.events(task_id=task_id, limit=1)
    ]
    tasks |= await store.get(logged)  # one may have been made since the first look
    found: dict[int, Result] = {}
    for index, task_id in ids.items():
        if task_id in tasks:
            found[index] = Created(tasks[task_id], joined=index in claim.joined)
        elif task_id in logged:
            found[index] = UsageError(
                "the task that was made for this key has been removed since", hint="take a new key", code="removed"
            )
    return found
