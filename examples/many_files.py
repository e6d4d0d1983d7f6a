"""Many files as one task: one bad file stops none of the others: ``python examples/many_files.py FOLDER URL…``."""

from __future__ import annotations

import asyncio
import sys

import argosy


async def main(folder: str, *urls: str) -> int:
    async with argosy.Runtime(session=True) as runtime:
        task = await runtime.add(urls, directory=folder, options=argosy.TransferOptions(file_retries=1))
        try:
            await task
        except argosy.ArgosyError as error:
            print(f"{error.detail_code}: {error}", file=sys.stderr)
        files = await runtime.files(task.id)
        for file in files:
            print(file.status, file.path or file.urls[0], file.verified_by or (file.error and file.error.code))
        return sum(not file.finished for file in files)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*sys.argv[1:])))
