"""An engine: moves ``drawer:NAME``, a file of the folder that ``ARGOSY_DRAWER`` names."""

from __future__ import annotations

import os

from argosy.core.types import FileState, TransferOptions
from argosy.engines.port import Cancelled, Desk, Facts
from argosy.engines.roll import Roll
from argosy.errors import ServerRefused


class DrawerEngine:  # noqa: D101 - the module is the engine
    name = "drawer"  # not ``guarded``: it reads files of this machine, which is for its owner alone

    def accepts(self, url: str) -> bool:
        return url.startswith("drawer:") and ".." not in url

    async def fetch(self, state: FileState, _: TransferOptions, desk: Desk) -> FileState:
        desk.cancel.check()
        name = state.urls[0].removeprefix("drawer:")
        try:
            file = open(f"{os.environ['ARGOSY_DRAWER']}/{name}", "rb")  # noqa: PTH123, SIM115 - closed below
        except OSError as error:
            raise ServerRefused(f"there is no {name} in the drawer", code="http_404") from error
        with file:
            told = os.fstat(file.fileno())
            version = f"{told.st_size}-{told.st_mtime_ns}"
            roll = Roll(state, desk)  # writes, hashes, throttles, and records what is durable
            roll.place(Facts(state.urls[0], size=told.st_size, resumable=True))
            if roll.received and state.etag != version:
                desk.warn("source_changed", "the file in the drawer is another one")
                roll.restart(told.st_size)
            roll.state = roll.state.having(etag=version)
            file.seek(roll.received)
            try:
                while data := file.read(64 * 1024):
                    desk.cancel.check()
                    await roll.append(data)
            except Cancelled:
                await roll.save()
                raise
        return await roll.finish()

    async def close(self) -> None: ...
