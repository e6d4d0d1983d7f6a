"""An engine of your own: ``share:`` addresses are files of a mounted folder. ``test_share.py`` holds it to its port."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from argosy import FileState, TransferOptions
from argosy.core.ranges import RangeMap
from argosy.destinations.ledger import Ledger
from argosy.engines.port import Desk, Facts


@dataclass
class ShareEngine:  # noqa: D101 - the module is the engine
    root: Path
    name = "share"

    def accepts(self, url: str) -> bool:
        return url.startswith("share:") and ".." not in url

    async def fetch(self, state: FileState, _: TransferOptions, desk: Desk) -> FileState:
        with (self.root / state.urls[0].removeprefix("share:")).open("rb") as source:
            part, state = desk.place(state, Facts(state.urls[0], size=source.seek(0, 2)))
            ledger = Ledger(part, RangeMap(source.tell(), state.extents), state.block_hashes, state.block_size)
            while True:
                snapshot, mtime_ns = ledger.snapshot(), part.mtime_ns
                await part.flush()  # the bytes first, then the record that claims them
                state = snapshot.onto(state, mtime_ns)
                await desk.checkpoint(state)
                desk.cancel.check()
                if (piece := ledger.ranges.take()) is None:
                    return state
                data = os.pread(source.fileno(), min(64 * 1024, piece.missing or 0), piece.position)
                ledger.begin(piece)
                ledger.write(piece, [data], len(data))
                ledger.ranges.release(piece)
                desk.report(state.index, ledger.ranges.received, ledger.ranges.size, 1)
                await asyncio.sleep(desk.throttle.admit(len(data)))

    async def close(self) -> None: ...
