"""A runtime with an engine of one's own: ``python examples/custom_engine/download.py ROOT share:PATH FOLDER``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from share import ShareEngine

import argosy
from argosy.core.types import FileSpec
from argosy.engines.curl.engine import CurlEngine
from argosy.engines.registry import Registry


async def main(root: str, address: str, folder: str) -> None:
    def engines() -> Registry:  # called once, where engines live
        return Registry([ShareEngine(Path(root)), CurlEngine()])

    async with argosy.Runtime(directory=folder, engines=engines, session=True) as runtime:
        (task,) = await runtime.add_many([argosy.Request([], files=[FileSpec((address,))])])
        await task
        print(task.path)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
