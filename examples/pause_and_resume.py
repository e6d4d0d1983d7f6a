"""Pause a download halfway, let it go on, and see each change of its status: ``pause_and_resume.py URL [FOLDER]``."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

import argosy


async def pause_halfway(task: argosy.TaskHandle) -> None:
    """Return once the task is paused (or complete, if it was too quick)."""
    async for now in task.progress():
        if now.total and now.received > now.total / 2:
            with suppress(argosy.ArgosyError):  # what is complete cannot be paused any more
                await task.pause()


async def main(url: str, folder: str = ".") -> None:
    async with argosy.Runtime(session=True) as runtime, runtime.subscribe() as events:
        task = await runtime.add(url, directory=folder)
        await pause_halfway(task)
        print("kept", (await task.task()).received)
        with suppress(argosy.ArgosyError):
            await task.resume()
        print("whole", (await task).received)
        while (told := await events.within(0.1)) is not None:
            if isinstance(told, argosy.Recorded) and isinstance(told.event, argosy.StatusChanged):
                print(told.event.from_, "->", told.event.to)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
