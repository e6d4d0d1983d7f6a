"""Where bytes end up: the folders of this machine, with the threads that flush, hash and publish."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from argosy.core.checksum import Checksum
from argosy.core.hashing import running
from argosy.destinations.digest import PrefixDigest
from argosy.destinations.errands import Errands
from argosy.destinations.flusher import Flusher
from argosy.destinations.local import LocalDestination
from argosy.destinations.parcel import Parcels
from argosy.destinations.port import Part
from argosy.runtime.ports import Destination, Digest

DISK_THREADS: Final = 4
KEPT: Final = 256
"""Destinations remembered; ten thousand tasks may go to as many folders."""


class LocalWarehouse:
    """Destinations and digests of one loop."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(DISK_THREADS, thread_name_prefix="argosy-disk")
        self._flusher = Flusher(self._executor)
        self._errands = Errands(self._executor)
        self._destinations: dict[str, LocalDestination] = {}

    def destination(self, directory: str) -> Destination:
        found = self._destinations.get(directory)
        if found is None:
            if len(self._destinations) >= KEPT:
                self._destinations.clear()
            found = LocalDestination(
                directory, flusher=self._flusher, executor=self._executor, errands=self._errands, parcels=Parcels()
            )
            self._destinations[directory] = found
        return found

    def digest(self, part: Part, expected: Checksum, size: int) -> Digest:
        return PrefixDigest(part, partial(running, expected, size), self._executor)

    async def close(self) -> None:
        """Finish what the threads are at; they are gone afterwards."""
        self._executor.shutdown(wait=True, cancel_futures=True)
