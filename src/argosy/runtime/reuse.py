"""Content that is here already is not fetched again: a file of a known checksum is made from one that Argosy has brought."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from argosy.core.checksum import HEX_DIGITS, Checksum
from argosy.core.types import FileState, Kept
from argosy.destinations.port import Loan
from argosy.runtime.ports import Destination
from argosy.runtime.yard import Job, Yard

log = logging.getLogger(__name__)

STRONG: Final = frozenset({"sha256", "sha384", "sha512"})
"""Algorithms by which nobody can make two files that pass for each other."""
MOST: Final = 4
"""So many kept files are tried for one that is to come."""


class Reuse:
    """For the files of one attempt. Lives on the transfer loop.

    Never for a task of somebody else than the machine's owner: who knows a checksum must not be given a file by it.
    """

    def __init__(self, job: Job, yard: Yard, destination: Destination) -> None:
        self._job = job
        self._yard = yard
        self._destination = destination
        options = job.task.spec.options
        self._allowed = yard.reuse != "off" and not options.public_only

    def may_have(self, state: FileState, wanted: Checksum | None) -> bool:
        """Tell whether it is worth looking for the new file's bytes here. A checksum that is not among the algorithms proves
        nothing if it does not fit; one that is not strong says only whether what stands in the file's own place is it.
        """
        if not self._allowed or wanted is None or wanted.algorithm not in HEX_DIGITS:
            return False
        return wanted.algorithm in STRONG or (state.path is not None and self._own(state.path).exists())

    def _own(self, path: str) -> Path:
        return Path(self._job.task.spec.directory, path)

    async def is_proven(self, state: FileState) -> bool:
        """Tell whether the published file was verified by the very checksum that is wanted, and is as it was left."""
        if state.checksum is None or state.published is None:
            return False
        path = f"{self._job.task.spec.directory}/{state.published}"
        return any(
            (kept.path, kept.mtime_ns) == (path, state.part_mtime_ns) for kept in await self._kept(state.checksum)
        )

    async def borrow(self, state: FileState, wanted: Checksum | None) -> FileState | None:
        """Return the file with every byte here and verified, if a kept file has them. Raises Cancelled."""
        if wanted is None or not self.may_have(state, wanted):
            return None
        kept = await self._kept(wanted)
        if state.path is not None and state.size is not None:
            kept = [*kept, Kept(str(self._own(state.path)), state.size, None)]  # it may be it, whoever has brought it
        if not kept:
            return None
        token = self._job.token
        loan = Loan(wanted, tuple(kept), self._yard.reuse == "link", self._stopped)
        found = await self._destination.borrow(state, self._job.task.spec.options, loan, fence=self._job.fence)
        token.check()
        if found is not None:
            self._job.gauge.received += found.received - state.received
            log.info("file.reused", extra={"task_id": self._job.task.id, "checksum": str(wanted), "path": found.path})
        return found

    async def _kept(self, checksum: Checksum) -> list[Kept]:
        if not self._allowed or checksum.algorithm not in STRONG:
            return []
        return list(await self._yard.store.kept(checksum, MOST))

    def _stopped(self) -> bool:
        return self._job.token.stop is not None or not self._job.alive(self._yard.clock)
