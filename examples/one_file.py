"""Fetch one file and watch it come: ``python examples/one_file.py URL [FOLDER]``."""

from __future__ import annotations

import asyncio
import sys

import argosy


async def main(url: str, folder: str = ".") -> None:
    async with argosy.Runtime(session=True) as runtime:
        task = await runtime.add(url, directory=folder)
        async for now in task.progress():
            share = f"{now.received / now.total:4.0%}" if now.total else "   ?"
            print(f"{share}  {now.received:>12,} bytes  {now.smoothed_bps / 1e6:8.1f} MB/s", file=sys.stderr)
        finished = await task
        print(task.path, finished.received)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
