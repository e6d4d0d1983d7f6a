"""One attempt at one task: from Began to the last report. A worker only ever reports; it never changes a status."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

from argosy.core.lifecycle import AttemptFailed, Began, Finished, Finishing, Stopped, WorkerTrigger
from argosy.core.types import FileState, Status, file_states
from argosy.destinations.salvage import vanished
from argosy.engines.port import Cancelled
from argosy.engines.stop import unless_stopped
from argosy.errors import ArgosyError, Failure, Fenced, NetworkError
from argosy.runtime.carrier import Carrier, anew
from argosy.runtime.manifest import Manifest, unfinished
from argosy.runtime.message import Dropped, Item, Outcome, Remark
from argosy.runtime.ports import Destination
from argosy.runtime.revision import as_asked
from argosy.runtime.yard import Job, Yard

log = logging.getLogger(__name__)


class Attempt:
    """Lives on the transfer loop for as long as :meth:`run` runs."""

    def __init__(self, job: Job, yard: Yard) -> None:
        self._job = job
        self._task = job.task
        self._yard = yard
        self._manifest = Manifest(job, (), yard.store)
        self._told_finishing = False

    async def run(self) -> None:
        """Report how it went, exactly once, unless cancelled from outside (then somebody else reports)."""
        self._send(Began())
        try:
            last: WorkerTrigger | Dropped = await self._bring()
        except Cancelled:
            last = Stopped(self._durable)
        except Fenced:
            last = Dropped()
        except ArgosyError as error:
            last = self._failed(error.failure())
        except Exception as error:
            from argosy.core.redact import redacted  # noqa: PLC0415 - only for what nobody has foreseen

            log.exception("task.attempt_broken", extra={"task_id": self._task.id})
            last = self._failed(
                Failure("internal", redacted(f"{type(error).__name__}: {error}"), "this is a bug; please report it")
            )
        if not isinstance(last, (Dropped, Finished)) and len(self._manifest.files) > 1:
            await self._count_what_is_done()
        self._send(last, await self._manifest.hand_over())

    async def _count_what_is_done(self) -> None:
        """Have the task tell how many of its files are there, although it ends without all of them."""
        with suppress(ArgosyError):  # what is left unwritten goes with the report
            await self._manifest.record(())

    def _failed(self, failure: Failure) -> AttemptFailed:
        from random import random  # noqa: PLC0415 - only where something fails

        return AttemptFailed(failure, self._durable, random())  # noqa: S311 - jitter, no secret

    @property
    def _durable(self) -> int:
        """Bytes that are safe, also before the files have been looked up."""
        return self._manifest.durable if self._manifest.files else self._task.received

    async def _bring(self) -> WorkerTrigger:
        """Bring and publish every file, and return the last report."""
        self._job.token.check()
        files = await self._files()
        self._manifest = manifest = Manifest(self._job, files, self._yard.store)
        if not files:
            await manifest.record(await self._resolve())
        self._show()
        place = await self._place()
        destination = self._yard.warehouse.destination(place)
        try:
            return await self._bring_to(destination, place)
        finally:
            destination.forget(unfinished(manifest.files.values()))

    async def _place(self) -> str:
        """Return the folder that the files come to: beside the right one, if they are to appear there all at once."""
        spec, manifest = self._task.spec, self._manifest
        if len(manifest.files) == 1 or spec.files or not self._yard.sources.arrives_whole(spec.source):
            return spec.directory
        from argosy.destinations.gathering import chosen, unaccounted  # noqa: PLC0415 - few sources come as a whole

        place = await asyncio.to_thread(chosen, spec.directory, self._task.id)
        for state in await asyncio.to_thread(unaccounted, place, tuple(manifest.files.values())):
            manifest.note(anew(state))
        return place

    async def _bring_to(self, destination: Destination, place: str) -> WorkerTrigger:
        manifest = self._manifest
        if self._job.files is None:  # somebody held the task before, and may have died before anything was recorded
            await destination.sweep(tuple(manifest.files.values()))
            await self._look_after(place)
        carrier = Carrier(self._job, self._yard, manifest, destination)
        if len(manifest.files) == 1:
            name = await self._bring_one(carrier, destination)
        else:
            name = None
            await self._bring_many(carrier, destination, place)
        await self._yard.sources.finish(self._task.spec, tuple(manifest.files.values()))
        return Finished(manifest.durable, manifest.total or manifest.durable, manifest.done, name)

    async def _bring_many(self, carrier: Carrier, destination: Destination, place: str) -> None:
        from argosy.destinations.gathering import appear  # noqa: PLC0415 - a task of one file needs none of it
        from argosy.runtime.convoy import Convoy, FilesFailed  # noqa: PLC0415 - likewise

        manifest = self._manifest
        try:
            await Convoy(self._job, manifest, carrier, destination).bring_all()
        except FilesFailed:
            await self._yard.sources.fall_short(self._task.spec, tuple(manifest.files.values()), place)
            raise
        await self._finishing(None)
        if place != self._task.spec.directory:
            await asyncio.to_thread(appear, place, self._task.spec.directory)

    async def _look_after(self, place: str) -> None:
        """Bring once more what had come and was removed since: the task is complete when all of it is there."""
        manifest = self._manifest
        gone = await asyncio.to_thread(vanished, place, tuple(manifest.files.values()))
        for state in gone:
            manifest.note(anew(state))
        if gone:
            told = f"{gone[0].published} is" if len(gone) == 1 else f"{len(gone):,} files that had come are"
            self._send(Remark("files_gone", f"{told} no longer in {place}; fetching again"))

    async def _files(self) -> Sequence[FileState]:
        if self._job.files is not None:
            return self._job.files
        return as_asked(self._task.spec, await self._yard.store.files(self._task.id))

    async def _resolve(self) -> Sequence[FileState]:
        """Ask the source which files there are, and which of them are here."""
        from argosy.runtime.web import TaskWeb  # noqa: PLC0415 - a URL is its file

        web = TaskWeb(self._yard.engines, self._task.spec.options)
        try:
            found = await unless_stopped(self._job.token, self._yard.sources.resolve(self._task.spec, web))
        except NetworkError as error:
            from argosy.runtime.network import explained  # noqa: PLC0415 - only where something fails

            raise await explained(error, self._task.host, waits=self._task.session is None) from error
        spec = replace(self._task.spec, files=tuple(found))
        states = file_states(replace(self._task, spec=spec))
        return await self._yard.sources.settled(self._task.spec, found, states)

    def _show(self) -> None:
        gauge, manifest = self._job.gauge, self._manifest
        gauge.received, gauge.total = manifest.durable, manifest.total
        gauge.files_done, gauge.files_total = manifest.done, len(manifest.files)
        gauge.protocol = urlsplit(next(iter(manifest.files.values())).urls[0]).scheme

    # -- a task of one file ------------------------------------------------------------------------

    async def _bring_one(self, carrier: Carrier, destination: Destination) -> str | None:
        """Bring the file and publish it; returns its name."""
        manifest = self._manifest
        for state in unfinished(manifest.files.values()):
            brought = await carrier.bring(state)
            manifest.note(brought)
            if not brought.finished:
                await self._publish(brought, destination)
        state = next(iter(manifest.files.values()))
        if not self._told_finishing:
            await self._finishing(state.published)
        return state.published

    async def _publish(self, brought: FileState, destination: Destination) -> None:
        options = self._task.spec.options
        while True:
            (chosen,) = await destination.choose_many([brought], options)
            if self._told_finishing:
                await self._manifest.record([chosen])
            else:
                self._job.token.check()  # a name that was only chosen must not be remembered as one in use
                self._manifest.note(chosen)
                await self._finishing(chosen.published)
            (done,) = await destination.publish_many([chosen], options)
            if done is not None:
                self._manifest.note(done)
                return

    async def _finishing(self, name: str | None) -> None:
        """Return once the task is completing, and all that the manifest holds is stored with that."""
        self._job.token.check()
        manifest = self._manifest
        total = manifest.total or manifest.durable
        outcome = await self._ask(Finishing(manifest.durable, total, name), await manifest.hand_over())
        self._told_finishing = True
        outcome.require()
        if outcome.task is None or outcome.task.status is not Status.COMPLETING:
            raise Fenced("the task was taken from this worker")

    # -- reporting ---------------------------------------------------------------------------------

    def _send(self, report: WorkerTrigger | Dropped | Remark, files: tuple[FileState, ...] = ()) -> None:
        self._yard.post(Item(self._task.id, report, fence=self._job.fence, files=files))

    async def _ask(self, report: WorkerTrigger, files: tuple[FileState, ...]) -> Outcome:
        """Send a report and return what it came to."""
        answered: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._yard.post(
            Item(
                self._task.id, report, fence=self._job.fence, files=files,
                answer=lambda outcome: self._yard.reply(answered, outcome),
            )
        )  # fmt: skip
        return await answered
