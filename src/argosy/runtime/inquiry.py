"""Why a task is where it is: gathers what is known of it and of the others for :func:`argosy.core.explain.explain`."""

from __future__ import annotations

from typing import Final

from argosy.core.explain import Reason, Throttle, explain
from argosy.core.schedule import in_order
from argosy.core.types import WAITING, Status, Task
from argosy.runtime.machine import Machine

FRONT: Final = 1000
"""So many waiting tasks are put in order to tell how many are ahead."""
THROTTLED_S: Final = 2.0
"""A limit that made the task wait so lately holds it back now."""


async def why(machine: Machine, task: Task) -> Reason:
    """Return why the task is where it is, or how it moves."""
    counts = await machine.store.counts()
    workers = await machine.store.workers()
    return explain(
        task, running=machine.scheduler.running(), limits=machine.limits,
        situation=machine.scheduler.situation(counts.get(Status.PAUSED, 0)), ahead=await _ahead(machine, task),
        progress=machine.hub.progress(task.id), throttled_by=_throttled_by(machine, task),
        silent_s=machine.hub.still_for_s(task.id), session_alive=any(worker.id == task.session for worker in workers),
        served=any(worker.serves_queue for worker in workers),
    )  # fmt: skip


async def _ahead(machine: Machine, task: Task) -> int | None:
    """Return how many waiting tasks go before this one; None if it does not wait, or is too far back to tell."""
    if task.status not in WAITING:
        return None
    now = machine.clock.epoch()
    waiting = await machine.store.runnable(now=now, limit=FRONT, session=task.session)
    order = in_order(waiting, machine.scheduler.running(), machine.limits, now)
    return next((place for place, candidate in enumerate(order) if candidate.id == task.id), None)


def _throttled_by(machine: Machine, task: Task) -> Throttle | None:
    gauge = machine.holdings.gauges.get(task.id)
    if gauge is None or machine.clock.steady() - gauge.throttled_s >= THROTTLED_S:
        return None
    return gauge.throttled_by
