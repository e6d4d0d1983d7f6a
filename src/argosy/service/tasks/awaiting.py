"""Waiting for a task on behalf of a client, as long as that is bearable for both."""

from __future__ import annotations

import asyncio

from argosy.core.types import Task, TaskId
from argosy.service.context import Service


async def rested(service: Service, task_id: TaskId, seconds: float) -> Task:
    """Return the task once it is at rest, or as it is after that time, or when the service stops. Raises UnknownTask, and
    Full while too many clients wait or listen.
    """
    with service.live.connected("wait") as line:
        if service.live.closing is None:
            waiting = [asyncio.create_task(each) for each in (service.runtime.rest(task_id), line.bell.wait())]
            try:
                await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in waiting:
                    each.cancel()
                await asyncio.gather(*waiting, return_exceptions=True)
    return await service.runtime.task(task_id)
