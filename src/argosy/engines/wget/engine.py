"""The engine: wget brings bytes, and what they mean is decided where it is for every engine."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from contextlib import suppress
from typing import Final

from argosy.core import answer
from argosy.core.answer import Asked, Head, Known, Refused, Take, Whole, judge
from argosy.core.header import Validators
from argosy.core.types import FileState, TransferOptions
from argosy.engines.child import STREAM_BYTES, Child, end_orphan
from argosy.engines.facts import described, facts_of
from argosy.engines.port import Desk
from argosy.engines.roll import Roll, held
from argosy.engines.stop import unless_stopped
from argosy.engines.wget.command import settings, words
from argosy.engines.wget.report import Report, failure_of
from argosy.errors import ArgosyError, BadResponse, NetworkError, UsageError

ATTEMPTS: Final = 2
"""One to go on with what is here; if that cannot be, one from the beginning."""
KEPT: Final = ("PATH", "HOME", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What of the environment wget may see."""


class Unfit(Exception):
    """What would come does not go with what is here."""


class WgetEngine:
    """HTTP and HTTPS through the ``wget`` program; only for tasks that name it. Lives on the transfer loop.

    It says nothing of being guarded: wget cannot be kept from private addresses.
    """

    name = "wget"

    def accepts(self, url: str) -> bool:
        return url.lower().startswith(("http://", "https://"))

    async def fetch(self, state: FileState, options: TransferOptions, desk: Desk) -> FileState:
        desk.cancel.check()
        if not self.accepts(state.urls[0]):
            raise UsageError("wget is used for http and https only", hint="leave --engine out", code="unsupported_url")
        if end_orphan(state.memo):
            desk.warn("orphan_ended", "a wget that an earlier run had left behind was ended")
        roll = Roll(state, desk)
        for _ in range(ATTEMPTS):
            try:
                return await Transfer(roll, options, desk).run()
            except Unfit as why:
                desk.warn("restarted", f"{why}; starting from the beginning")
                roll.restart(None)
                roll.state = roll.state.having(
                    extents=(), received=0, block_hashes=b"", etag=None, last_modified=None, size=None
                )
        raise BadResponse("the server's answers do not fit together", code="unstable_source")

    async def close(self) -> None:
        """Nothing outlives a fetch."""


class Transfer:
    """One run of the program."""

    def __init__(self, roll: Roll, options: TransferOptions, desk: Desk) -> None:
        self._roll = roll
        self._options = options
        self._desk = desk
        self._report = Report()
        self._begun = asyncio.Event()
        self._start = roll.received if roll.placed else held(roll.state)

    async def run(self) -> FileState:
        state = self._roll.state
        versions = Validators(state.etag, state.last_modified, state.date_is_strong, state.size)
        config = _readable(settings(self._options, if_range=versions.if_range() if self._start else None))
        environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {"LC_ALL": "C"}
        try:
            child = await Child.start(
                words(config, self._start), environment=environment, fds=[config], stdin=f"{state.urls[0]}\n".encode()
            )
        finally:
            os.close(config)
        async with child:
            self._roll.state = state.having(memo=child.memo())
            listening = asyncio.create_task(self._listen(child))
            try:
                return await unless_stopped(self._desk.cancel, self._take(child, listening, versions), first=self._save)
            finally:
                listening.cancel()
                with suppress(asyncio.CancelledError):
                    await listening

    async def _take(self, child: Child, listening: asyncio.Task[None], versions: Validators) -> FileState:
        try:
            first = await child.out.read(STREAM_BYTES)
            await self._heard(listening)
            total = self._judged(versions)
            while first:
                await self._roll.append(first)
                first = await child.out.read(STREAM_BYTES)
            await listening
            code = await child.wait()
        except ArgosyError:
            await self._save()
            raise
        received = self._roll.received
        if total is not None and received < total:
            await self._save()
            raise NetworkError(f"{total:,} bytes were announced, {received:,} came", code="incomplete")
        if code and total is None:
            await self._save()
            raise failure_of(code, self._report.last)
        self._roll.state = self._roll.state.having(memo=None)
        return await self._roll.finish()

    async def _save(self) -> None:
        if self._roll.placed:
            await self._roll.save()

    def _judged(self, versions: Validators) -> int | None:
        """Return the file's size once the answer is known to go on where the file stands. Raises what is wrong."""
        head = self._report.head
        if head is None:
            raise failure_of(4, self._report.last)
        known = Known(versions, self._roll.state.content_type, self._start) if self._start else Known()
        verdict = judge(head, Asked(self._start, ranged=self._start > 0), known, now=time.time())
        match verdict:
            case Take(first=first, proven=True) if first == self._start and self._start:
                self._place(head, verdict.validators, verdict.total)
                return verdict.total
            case Whole() if not self._start:
                self._check(head)
                self._place(head, verdict.validators, verdict.total)
                return verdict.total
            case Refused(error=error):
                raise error
        raise Unfit("the server does not prove that it still has the version that is here")

    def _check(self, head: Head) -> None:
        url = self._report.url or self._roll.state.urls[0]
        name = (self._roll.state.path or url.partition("?")[0]).rpartition("/")[2]
        if answer.decoding(head, name) is not None:
            raise BadResponse("the file came encoded, which was not asked for", code="decode")
        if not self._options.allow_html and answer.is_unexpected_page(head, name, promised=False):
            page = answer.web_page()
            raise BadResponse(
                page.message, hint="open the URL in a browser; --allow-html takes it as it is", code=page.detail_code
            )

    def _place(self, head: Head, validators: Validators, total: int | None) -> None:
        url = self._report.url or self._roll.state.urls[0]
        facts = facts_of(head, url, validators, total, resumable=True)
        self._roll.state = described(self._roll.state, facts)
        if not self._roll.placed:
            self._roll.place(facts)
            if self._roll.received != self._start:
                raise Unfit("what was here is gone")
        elif not self._start:
            self._roll.restart(total)

    # -- listening ---------------------------------------------------------------------------------

    async def _listen(self, child: Child) -> None:
        while True:
            try:
                line = await child.err.readline()
            except ValueError:
                continue  # a line without end: its beginning is dropped
            if not line:
                return
            self._report.hear(line.decode(errors="replace"))
            if self._report.begun:
                self._begun.set()

    async def _heard(self, listening: asyncio.Task[None]) -> None:
        """Return once the head of the answer whose body comes has been heard, or there is nothing more to hear."""
        begun = asyncio.create_task(self._begun.wait())
        try:
            await asyncio.wait([begun, listening], return_when=asyncio.FIRST_COMPLETED)
        finally:
            begun.cancel()


def _readable(text: str) -> int:
    """Return a descriptor of a file without a name that holds the text: wget takes no pipe for its settings."""
    with (
        tempfile.TemporaryFile()
        if not hasattr(os, "memfd_create")
        else os.fdopen(os.memfd_create("settings"), "w+b") as file
    ):
        file.write(text.encode())
        file.flush()
        file.seek(0)
        return os.dup(file.fileno())
