"""One file, from where it stands to every byte here and verified; publishing comes after."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from argosy.core.checksum import Checksum
from argosy.core.types import FileState, FileStatus, TransferOptions
from argosy.destinations.port import AlreadyThere
from argosy.engines.port import Begun, Engine
from argosy.engines.stop import unless_stopped
from argosy.errors import ArgosyError, IntegrityError, NetworkError
from argosy.runtime.desk import Desk
from argosy.runtime.manifest import Manifest
from argosy.runtime.message import Item, Remark
from argosy.runtime.ports import Destination, Revalidator, SpanReader
from argosy.runtime.proof import check_size, is_still_there, left_alone, proven
from argosy.runtime.publisher import Publisher
from argosy.runtime.relink import Relinker
from argosy.runtime.reuse import Reuse
from argosy.runtime.tray import Alone, Tray
from argosy.runtime.yard import Job, Yard

if TYPE_CHECKING:
    from argosy.core.pieces import Pieces
    from argosy.runtime.sidecar import Sidecars
    from argosy.runtime.tracing import FileTrace


class Carrier:
    """Carries the files of one attempt. Lives on the transfer loop."""

    def __init__(self, job: Job, yard: Yard, manifest: Manifest, destination: Destination) -> None:
        self._job = job
        self._yard = yard
        self._manifest = manifest
        self._destination = destination
        self._options = job.task.spec.options
        self._throttle = yard.throttles.share(job.task.host, self._options.limit_bps, job.gauge)
        self._sidecars = _lists_of_sums(self._options) if self._options.sidecar is not None else None
        self._reuse = Reuse(job, yard, destination)
        spec = job.task.spec
        self._listed = not spec.files and yard.sources.lists_sizes(spec.source)
        self._relinker = Relinker(job, yard, manifest)
        self._unlisted = False
        """Whether it has been said that a file's checksum is in no list."""

    def tray(self, publisher: Publisher, todo: deque[FileState], alone: Alone) -> Tray:
        """Return what an engine may bring small files on, by the hundred."""
        return Tray(
            self._job, self._yard, self._destination, self._throttle, publisher, todo, alone, self._reuse, listed=self._listed
        )  # fmt: skip

    async def bring(self, state: FileState, begun: Begun | None = None) -> FileState:
        """Return the file finished (it was there already) or with every byte durable and verified. ``begun``: a request for
        it is under way.

        A file whose checksum is wrong is fetched once more from the start; wrong again is an IntegrityError.
        """
        if state.status is FileStatus.PUBLISHING:
            state = await self._destination.recover(state)
            self._manifest.note(state)
            if state.finished:
                return state
        engine = self._yard.engines.engine_for(
            state.urls[0], self._job.task.spec.engine, public_only=self._options.public_only
        )
        if state.published is not None and state.part is None:
            if await self._is_current(state, engine):
                return replace(state, status=FileStatus.SKIPPED, received=state.size or 0)
            state = anew(state)
        if state.part is None and self._options.if_exists == "skip":
            there = await asyncio.to_thread(left_alone, self._job.task.spec.directory, state)
            if there is not None:
                return there
        if state.part is not None:
            state = await self._destination.adopt(state)
            self._manifest.note(state)
        expected = await self._expected(state, engine)
        borrowed = await self._reuse.borrow(anew(state), expected)
        if borrowed is not None:
            await self._destination.discard([state])
            return borrowed
        try:
            return await self._fetch(state, engine, expected, begun)
        except IntegrityError as error:
            if error.detail_code != "checksum":
                raise
            self._warn("checksum_mismatch", f"{error.message}; fetching it once more")
            state = await self._blank(state)
        except NetworkError as error:
            from argosy.runtime.network import explained  # noqa: PLC0415 - only where something fails

            raise await explained(error, self._job.task.host, waits=self._job.task.session is None) from error
        except ArgosyError as error:
            renewed = await unless_stopped(self._job.token, self._relinker.fresh(state, error))
            if renewed is None:
                raise
            self._warn("link_renewed", f"{error.message}; going on with a fresh link")
            state = await self._destination.adopt(renewed) if renewed.part is not None else renewed
        return await self._fetch(state, engine, expected)

    async def _expected(self, state: FileState, engine: Engine) -> Checksum | None:
        if state.checksum is not None or self._sidecars is None:
            return state.checksum
        found = await unless_stopped(self._job.token, self._sidecars.expected(state, engine))
        if found is None and not self._unlisted:
            self._unlisted = True
            self._warn("no_checksum", f"no list beside {state.path or 'the file'} has its checksum; it is not verified")
        return found

    async def _is_current(self, state: FileState, engine: Engine) -> bool:
        """Ask the server whether the file published earlier, if it is still as it was, is what it has."""
        if not is_still_there(self._job.task.spec.directory, state):
            return False
        if await self._reuse.is_proven(state):
            return True
        if not isinstance(engine, Revalidator):
            return False
        return await unless_stopped(self._job.token, engine.unchanged(state, self._options))

    async def _fetch(
        self, state: FileState, engine: Engine, expected: Checksum | None, begun: Begun | None = None
    ) -> FileState:
        if self._yard.witness is None:
            return await self._carry(state, engine, expected, None, begun)
        from argosy.runtime.tracing import traced  # noqa: PLC0415 - only where somebody records spans

        with traced(self._yard.witness, self._job.task, state) as file:
            return await self._carry(state, engine, expected, file, begun)

    async def _carry(
        self, state: FileState, engine: Engine, expected: Checksum | None, file: FileTrace | None, begun: Begun | None
    ) -> FileState:
        desk = Desk(self._job, self._yard, self._manifest, self._destination, self._throttle, state, expected)
        desk.begun = begun
        desk.segment = None if file is None else file.segment
        desk.listed = self._listed
        try:
            fetched = await engine.fetch(state.having(published=None), self._options, desk)
            self._manifest.note(fetched)
            found = await desk.finish_digest(fetched.size or 0)
            pieces = self._pieces_of(fetched)
            if pieces is not None and (desk.expected is None or found != desk.expected.hex):
                fetched = await self._mended(pieces, fetched, engine, desk)
                found = await desk.finish_digest(fetched.size or 0)
            try:
                if self._listed:
                    check_size(state, fetched.size)
                return proven(fetched, desk.facts, desk.expected, found, pieces)
            except IntegrityError:
                # Nobody must ever go on with bytes that are known to be wrong.
                await self._blank(fetched.having(size=state.size))
                raise
        except AlreadyThere as there:
            return there.state
        finally:
            await desk.close()

    def _pieces_of(self, state: FileState) -> Pieces | None:
        files = self._job.task.spec.files
        return files[state.index].pieces if state.index < len(files) and state.size else None

    async def _mended(self, pieces: Pieces, state: FileState, engine: Engine, desk: Desk) -> FileState:
        """Return the file with every piece as it must be."""
        from argosy.runtime.mending import Mending  # noqa: PLC0415 - few sources state pieces

        readers: dict[str, SpanReader] = {}
        for url in state.urls:
            usual = self._yard.engines.engine_for(url, public_only=self._options.public_only)
            for each in (engine, usual):
                if isinstance(each, SpanReader) and each.accepts(url) and url.lower().startswith("http"):
                    readers.setdefault(url, each)
        mended = await Mending(pieces, state, desk, readers, self._options).run()
        self._manifest.note(mended)
        return mended

    async def _blank(self, state: FileState) -> FileState:
        """Return the file as if nothing of it had come, its part removed."""
        await self._destination.discard([self._manifest.files[state.index]])
        blank = anew(state)
        self._manifest.note(blank)
        return blank

    def _warn(self, code: str, message: str) -> None:
        self._yard.post(Item(self._job.task.id, Remark(code, message), fence=self._job.fence))


def _lists_of_sums(options: TransferOptions) -> Sidecars:
    from argosy.runtime.sidecar import Sidecars  # noqa: PLC0415 - few ask for them

    return Sidecars(options)


def anew(state: FileState) -> FileState:
    """Return the file with nothing known but what was asked for."""
    return replace(
        state, status=FileStatus.PENDING, part=None, received=0, extents=(), block_hashes=b"", part_mtime_ns=None,
        etag=None, last_modified=None, date_is_strong=False, published=None, verified_by=None, memo=None,
    )  # fmt: skip
