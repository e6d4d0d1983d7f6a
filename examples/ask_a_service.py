"""Have a service download files, and watch it from here: ``ask_a_service.py URL…``.

It asks the daemon of this machine (``argosy serve``), or the service that ``ARGOSY_URL`` and ``ARGOSY_TOKEN`` name. If this
program ends first, the service goes on; run again, it joins what is under way.
"""

from __future__ import annotations

import asyncio
import sys

import argosy


async def told(client: argosy.Client, url: str) -> None:
    """Say where the file is on the service's machine, or why it is not."""
    task = await client.add(url)
    async for now in task.progress():
        share = f"{now.received / now.total:4.0%}" if now.total else "   ?"
        print(f"{share}  {task.seen.name or url}", file=sys.stderr)
    try:
        await task
    except argosy.ArgosyError as error:
        print("failed", error.detail_code, error.message)
    else:
        print("joined" if task.joined else "fetched", task.path)


async def main(*urls: str) -> None:
    async with argosy.Client() as client:
        async with asyncio.TaskGroup() as group:
            for url in urls:
                group.create_task(told(client, url))
        print({status.value: count for status, count in (await client.counts()).items() if count})


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
