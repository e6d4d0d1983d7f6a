"""Slow by day, fast by night, changed while it runs: ``limits_and_timetable.py URL [FOLDER]``."""

from __future__ import annotations

import asyncio
import sys

import argosy

OFFICE_HOURS = "Mon-Fri 08:00-18:00 64k, else 64k"  # on your machine rather: "…, else unlimited"


async def main(url: str, folder: str = ".") -> None:
    limits = argosy.Limits(max_running=2, connections_per_host=4, rate=OFFICE_HOURS)
    async with argosy.Runtime(directory=folder, limits=limits, session=True) as runtime:
        task = await runtime.add(url, options=argosy.TransferOptions(limit_bps=50_000))
        why = await runtime.why(task.id)
        while why.code != "throttled":
            await asyncio.sleep(0.05)
            why = await runtime.why(task.id)
        print(why.code, "-", why.text)
        await task.cancel()

        await runtime.apply_limits(rate="off")  # at once, also for what is running, and for every later start
        print((await runtime.add(url, name="at-full-speed.bin")).id[:8], "is not limited")
        await runtime.idle()
        print(*[f"{task.status} {task.name}" for task in await runtime.tasks()], sep="\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
