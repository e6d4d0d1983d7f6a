"""Work for the disk's threads, many pieces to a trip: a hop between threads costs more than most of what is done there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Final, TypeVar

JOBS: Final = 2
"""Trips under way at once; what comes meanwhile is gathered for the next."""
BATCH: Final = 64
"""Errands of one trip."""

T = TypeVar("T")
_Errand = tuple[Callable[..., Any], tuple[object, ...], asyncio.Future[Any]]


class Errands:
    """Runs functions in threads, gathered. Belongs to the transfer loop; not thread-safe."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._waiting: list[_Errand] = []
        self._trips: set[asyncio.Future[list[tuple[Any, BaseException | None]]]] = set()

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Return what ``work`` returns, or raise what it raises. It is done even if nobody waits for it any more."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._dispatch)  # with all that this turn of the loop brings
        self._waiting.append((work, arguments, done))
        return await asyncio.shield(done)

    def _dispatch(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting and len(self._trips) < JOBS:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            trip = loop.run_in_executor(self._executor, _do_all, batch)
            self._trips.add(trip)
            trip.add_done_callback(lambda trip, batch=batch: self._back(trip, batch))  # type: ignore[misc]

    def _back(self, trip: asyncio.Future[list[tuple[Any, BaseException | None]]], batch: list[_Errand]) -> None:
        self._trips.discard(trip)
        failed = trip.cancelled() or trip.exception() is not None
        given_up = OSError("it was given up: the disk's threads have been stopped")
        results = [(None, given_up)] * len(batch) if failed else trip.result()
        for (_, _, done), (result, error) in zip(batch, results, strict=True):
            if done.done():
                continue
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)
        if self._waiting:
            self._dispatch()


def _do_all(batch: list[_Errand]) -> list[tuple[Any, BaseException | None]]:
    results: list[tuple[Any, BaseException | None]] = []
    for work, arguments, _ in batch:
        try:
            results.append((work(*arguments), None))
        except Exception as error:  # noqa: BLE001 - it is raised where the errand was given
            results.append((None, error))
    return results
