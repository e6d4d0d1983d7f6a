"""A task of many files: a bounded number of lanes, each file tried again on its own, none stopping the others."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import replace
from typing import Final

from argosy.core.redact import redacted_url
from argosy.core.retry import RetryAt, RetryPolicy, next_step
from argosy.core.types import FileState, FileStatus
from argosy.engines.port import Begun, Cancelled
from argosy.errors import ArgosyError, DiskFull, Failure, Offline, StoreError, TransferError
from argosy.runtime.carrier import Carrier
from argosy.runtime.manifest import Manifest, unfinished
from argosy.runtime.ports import Destination
from argosy.runtime.publisher import Publisher, failed
from argosy.runtime.yard import Job

FEWEST_LANES: Final = 16
MOST_LANES: Final = 32
NAMED: Final = 3
"""So many of the failed files are named in the task's message."""


class FilesFailed(TransferError):
    """Some files of a task could not be brought; the others are there."""

    code = "files_failed"


class Convoy:
    """All files of one attempt. Lives on the transfer loop."""

    def __init__(self, job: Job, manifest: Manifest, carrier: Carrier, destination: Destination) -> None:
        self._job = job
        self._options = job.task.spec.options
        self._manifest = manifest
        self._carrier = carrier
        self._publisher = Publisher(destination, manifest, self._options)
        self._todo = deque(self._worth_trying())
        self._stopped = False

    def _worth_trying(self) -> list[FileState]:
        """Leave out what cannot succeed, unless a person asked: an automatic retry is for the others."""
        files = unfinished(self._manifest.files.values())
        if self._job.task.attempt == 0:
            return files
        return [state for state in files if state.error is None or state.error.retryable]

    async def bring_all(self) -> None:
        """Return once every file is published. Raises FilesFailed, Cancelled, or what concerns them all."""
        try:
            async with asyncio.TaskGroup() as group:
                publishing = group.create_task(self._publisher.run())
                await self._bring_them(group)
                self._publisher.end()
                await publishing
        except BaseExceptionGroup as group_error:
            raise _first(group_error) from group_error
        if self._stopped:
            self._job.token.check()
        self._raise_failures()

    async def _bring_them(self, group: asyncio.TaskGroup) -> None:
        """Return once every file is with the publisher, or given up for now."""
        count = min(max(self._options.first_connections, FEWEST_LANES), MOST_LANES, len(self._todo))
        tray = self._carrier.tray(self._publisher, self._todo, self._bring_in_turn)
        if tray.engine is not None:
            await tray.engine.fetch_bulk(tray, self._options, count)
            self._stopped = self._job.token.stop is not None
            return
        lanes = [group.create_task(self._lane()) for _ in range(count)]
        if lanes:
            await asyncio.wait(lanes)

    async def _lane(self) -> None:
        while self._todo and not self._stopped:
            await self._bring_in_turn(self._todo.popleft())

    async def _bring_in_turn(self, state: FileState, begun: Begun | None = None) -> None:
        try:
            await self._bring(state, begun)
        except Cancelled:
            self._stopped = True  # the others make their own last checkpoints

    async def _bring(self, state: FileState, begun: Begun | None) -> None:
        """Bring one file, again and again within its own budget of retries."""
        policy = RetryPolicy(max_retries=self._options.file_retries)
        attempt = 0
        while True:
            self._job.token.check()
            before = self._manifest.files[state.index].received
            try:
                brought = await self._carrier.bring(self._manifest.files[state.index], begun)
            except (Cancelled, DiskFull, Offline, StoreError):
                raise
            except ArgosyError as error:
                now = self._manifest.files[state.index]
                step = next_step(policy, error.failure(), attempt, now.received > before, random.random())  # noqa: S311 - jitter, no secret
                if not isinstance(step, RetryAt):
                    self._manifest.note(failed(now, error))
                    return
                attempt, begun = step.attempt, None
                self._manifest.note(replace(now, error=error.failure(), attempts=now.attempts + 1))
                await self._rest(step.delay_s)
            else:
                self._manifest.note(brought)
                if not brought.finished:
                    self._publisher.give(brought)
                return

    async def _rest(self, delay_s: float) -> None:
        """Wait, unless the task is told to stop."""
        try:
            await asyncio.wait_for(self._job.token.wait(), delay_s)
        except TimeoutError:
            return

    def _raise_failures(self) -> None:
        losses = [state for state in self._manifest.files.values() if state.status is FileStatus.FAILED]
        if not losses:
            return
        errors = [state.error for state in losses if state.error is not None]
        shown = "; ".join(
            f"{state.path or redacted_url(state.urls[0])}: {_message(state.error)}" for state in losses[:NAMED]
        )
        more = f"; and {len(losses) - NAMED} more" if len(losses) > NAMED else ""
        error = FilesFailed(
            f"{len(losses)} of {len(self._manifest.files)} files failed: {shown}{more}",
            hint="the other files are there; retry fetches only what is missing",
            retryable=any(failure.retryable for failure in errors),
        )
        error.exit_code = errors[0].exit_code if errors else error.exit_code  # type: ignore[misc]
        raise error


def _message(failure: Failure | None) -> str:
    return failure.message if failure is not None else "unknown"


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the error that ended them all."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
