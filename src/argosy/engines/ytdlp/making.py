"""A file that yt-dlp fetches itself: into a folder beside the part, and from there into the part."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from argosy.core.lifecycle import Stop
from argosy.core.types import FileState, TransferOptions
from argosy.engines.port import Desk, Facts
from argosy.engines.roll import Roll, held, rest
from argosy.engines.ytdlp.dialogue import Dialogue, Message
from argosy.engines.ytdlp.link import Link
from argosy.engines.ytdlp.naming import MEDIA
from argosy.engines.ytdlp.order import fetching
from argosy.engines.ytdlp.veil import Quiet
from argosy.errors import BadResponse, LocalError, NetworkError, ServerRefused

MOVED_BYTES: Final = 4 * 1024 * 1024
LOOK_S: Final = 1.0
"""How often its folder is looked at while it says nothing: other programs tell nothing of their progress."""
BUSY_S: Final = 3600.0
"""How long ffmpeg may join picture and sound without a sign of life."""
SLOWEST_START_S: Final = 60.0
SHORTEST_REST_S: Final = 0.001


class Making:
    """One attempt. ``run`` once."""

    def __init__(self, link: Link, state: FileState, options: TransferOptions, desk: Desk) -> None:
        self._link = link
        self._options = options
        self._desk = desk
        self._quiet = Quiet(desk, state)
        self._roll = Roll(state, self._quiet)
        self._received = 0
        self._total: int | None = None
        self._patience_s = max(SLOWEST_START_S, 2 * (options.connect_timeout_s + options.stall_timeout_s))

    async def run(self) -> FileState:
        ready = _Ready.of(self._roll.state.memo)
        self._roll.place(Facts(self._link.url, resumable=True))
        if ready is None and held(self._roll.state):
            self._roll.restart(None)
        workshop = self._workshop()
        try:
            if ready is None or not ready.is_in(workshop):
                self._roll.restart(None)
                ready = await self._made_anyhow(workshop)
            await self._moved(workshop, ready)
        finally:
            if self._desk.cancel.stop is Stop.CANCEL:
                await asyncio.to_thread(shutil.rmtree, workshop, ignore_errors=True)
        self._roll.state = self._roll.state.having(memo=None)
        done = await self._roll.finish()
        await asyncio.to_thread(shutil.rmtree, workshop, ignore_errors=True)
        return self._quiet.dressed(done)

    def _workshop(self) -> Path:
        part = self._quiet.part
        where = part.workshop if part is not None else None
        if where is None:
            raise LocalError("yt-dlp needs a folder on this machine to work in", code="no_workshop")
        return Path(where)

    # -- fetching ------------------------------------------------------------------------------------

    async def _made_anyhow(self, workshop: Path) -> _Ready:
        """Do that with what an earlier attempt has left; if it cannot go on with that (a file cut just at its end is one
        that yt-dlp asks beyond), once more without.
        """
        leftovers = await asyncio.to_thread(workshop.exists)
        try:
            return await self._made(workshop)
        except (BadResponse, ServerRefused) as error:
            if not leftovers:
                raise
            self._desk.warn("restarted", f"{error.message}; starting from the beginning")
        await asyncio.to_thread(shutil.rmtree, workshop, ignore_errors=True)
        self._received = 0
        return await self._made(workshop)

    async def _made(self, workshop: Path) -> _Ready:
        """Return what yt-dlp has made, once it is whole."""
        folder = await asyncio.to_thread(_room, workshop, self._link)
        async with await Dialogue.begin(
            fetching(self._link, str(folder), self._options), self._options.ca_file
        ) as worker:
            await self._note(worker.memo)
            made: str | None = None
            quiet_s, size, limit_s = 0.0, -1, self._patience_s
            asked = asyncio.ensure_future(worker.next())
            try:
                while True:
                    done, _ = await asyncio.wait([asked], timeout=LOOK_S)
                    if done:
                        message = await asked
                        if message is None:
                            break
                        made = message.get("file", made)
                        limit_s = BUSY_S if message.get("busy") else self._patience_s
                        await self._heed(message, worker)
                        quiet_s = 0.0
                        asked = asyncio.ensure_future(worker.next())
                        continue
                    grown = await asyncio.to_thread(_weight, folder)
                    quiet_s = quiet_s + LOOK_S if grown == size else 0.0
                    size = grown
                    if quiet_s >= limit_s:
                        raise NetworkError(f"nothing came for {quiet_s:.0f} s", code="stalled")
            finally:
                asked.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await asked
        ready = await asyncio.to_thread(_checked, workshop, folder, made)
        await self._note(ready.told())
        return ready

    async def _heed(self, message: Message, worker: Dialogue) -> None:
        """Count what has come, and let more come once the limits allow it."""
        told = message.get("progress")
        if told is None:
            return
        new, total = max(0, int(told["received"]) - self._received), told["total"]
        self._received += new
        self._total = int(total) if total and total >= self._received else None
        self._desk.report(self._roll.state.index, self._received, self._total, 1)
        owed = self._desk.throttle.admit(new) if new else 0.0
        if owed > SHORTEST_REST_S:
            await rest(self._desk, owed)
        worker.go_on()

    async def _note(self, memo: dict[str, Any]) -> None:
        self._roll.state = self._roll.state.having(memo=json.dumps(memo))
        await self._roll.save()

    # -- moving --------------------------------------------------------------------------------------

    async def _moved(self, workshop: Path, ready: _Ready) -> None:
        """Return once every byte of what was made is in the part."""
        with (workshop / ready.path).open("rb") as file:
            file.seek(self._roll.received)
            while data := await asyncio.to_thread(file.read, MOVED_BYTES):
                await self._roll.append(data)
                self._desk.cancel.check()
        if self._roll.received != ready.size:
            raise LocalError("what yt-dlp made changed while it was moved", code="unstable_source", retryable=True)


class _Ready:
    """What lies whole in the workshop, as it is noted for another process."""

    def __init__(self, path: str, size: int, mtime_ns: int) -> None:
        self.path = path
        self.size = size
        self._mtime_ns = mtime_ns

    @classmethod
    def of(cls, memo: str | None) -> _Ready | None:
        try:
            noted = json.loads(memo or "{}")
            return cls(str(noted["ready"]), int(noted["size"]), int(noted["mtime_ns"]))
        except (ValueError, TypeError, KeyError):
            return None

    def told(self) -> dict[str, Any]:
        return {"ready": self.path, "size": self.size, "mtime_ns": self._mtime_ns}

    def is_in(self, workshop: Path) -> bool:
        try:
            there = os.lstat(workshop / self.path)
        except (OSError, ValueError):
            return False
        return stat.S_ISREG(there.st_mode) and (there.st_size, there.st_mtime_ns) == (self.size, self._mtime_ns)


def _room(workshop: Path, link: Link) -> Path:
    """Return the folder for just this video in just this format: what is left of another one goes."""
    mark = hashlib.blake2b(repr((link.video, link.format, link.subtitle)).encode(), digest_size=8).hexdigest()
    try:
        workshop.mkdir(mode=0o700, exist_ok=True)
        if workshop.is_symlink():
            raise LocalError(f"{workshop} is a symbolic link", hint="remove it", code="symlink")
        for other in workshop.iterdir():
            if other.name != mark:
                shutil.rmtree(other, ignore_errors=True)
        (workshop / mark).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LocalError(f"cannot work in {workshop}: {error.strerror}") from error
    return workshop / mark


def _checked(workshop: Path, folder: Path, made: str | None) -> _Ready:
    """Return what was made. Raises BadResponse unless it is a file of that folder, and of a kind that videos are."""
    path = Path(made or "")
    there = os.lstat(path) if made and path.parent == folder else None
    if there is None or not stat.S_ISREG(there.st_mode) or not there.st_size:
        raise BadResponse("yt-dlp made no video", code="video_site")
    if path.suffix.lower().lstrip(".") not in MEDIA:
        raise BadResponse(f"yt-dlp made a {path.suffix[:20]!r} file, which is no video", code="unsafe_extension")
    return _Ready(str(path.relative_to(workshop)), there.st_size, there.st_mtime_ns)


def _weight(folder: Path) -> int:
    """Return how many bytes are in the folder."""
    with suppress(OSError):
        return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(folder))
    return 0
