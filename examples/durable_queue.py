"""A queue that outlives its process: kill it at any moment, start it again, and it goes on where it was.

``python examples/durable_queue.py FOLDER URL…`` adds the URLs (those that are there already are joined) and works until
the queue is empty; without URLs it just works.
"""

from __future__ import annotations

import asyncio
import sys

import argosy


async def main(folder: str, *urls: str) -> None:
    async with argosy.Runtime(directory=folder) as runtime, runtime.subscribe() as events:
        tasks = await runtime.add_many([argosy.Request(url) for url in urls])
        print("new", sum(not task.joined for task in tasks), "known", sum(task.joined for task in tasks), flush=True)
        idle = asyncio.create_task(runtime.idle())
        while not idle.done():
            told = await events.within(0.2)
            if isinstance(told, argosy.Recorded) and isinstance(told.event, argosy.StatusChanged):
                print(told.event.task_id[:8], told.event.to, told.event.reason, flush=True)
        for status, count in (await runtime.counts()).items():
            print(status, count)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
