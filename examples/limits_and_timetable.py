"""Slow in office hours, fast at night, changed while it runs: ``limits_and_timetable.py URL [FOLDER]``."""

from __future__ import annotations

import asyncio
import sys

import argosy

LIMITS = argosy.Limits(max_running=2, connections_per_host=4, rate="Mon-Fri 08:00-18:00 1M, else unlimited")


async def main(url: str, folder: str = ".") -> None:
    async with argosy.Runtime(directory=folder, limits=LIMITS, session=True) as runtime:
        slow = await runtime.add(url, options=argosy.TransferOptions(limit_bps=50_000))
        async for _ in slow.progress():
            why = await runtime.why(slow.id)
            if why.code == "throttled":
                print(why.code, "-", why.text)
                await slow.cancel()

        await runtime.apply_limits(rate="off")  # at once, also for what is running, and for every later start
        await runtime.add(url, name="at-full-speed.bin")
        await runtime.idle()
        print(*[f"{task.status} {task.name or task.spec.source}" for task in await runtime.tasks()], sep="\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
