"""The threads that touch the database, and the way of a job to them and of its answer back.

A job is handed over by a coroutine on any event loop. Answers go back in one call per loop for all jobs that were
done together: waking a loop costs more than a job.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

import apsw

from argosy.core.types import TaskId
from argosy.errors import Fenced
from argosy.store.sqlite.error import closed, gone, translated
from argosy.store.sqlite.work import Work
from argosy.value import dataclass

WRITES_TOGETHER = 512
READS_TOGETHER = 1
"""A long search must not hold up those behind it while another thread is free."""

D = TypeVar("D")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job(Generic[D]):
    """One operation and who waits for it; ``ids`` and ``keys`` are of the tasks it will look at."""

    run: Callable[[D], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    ids: Sequence[TaskId] = ()
    keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job."""

    job: Job[Any]
    result: Any = None
    error: Exception | None = None


class Lane(Generic[D]):
    """One or more threads that serve a queue of jobs until it is closed."""

    def __init__(self, name: str, path: Path, *, together: int) -> None:
        """``together`` is the most jobs that one thread takes at a time."""
        self._name = name
        self._path = path
        self._together = together
        self._jobs: SimpleQueue[Job[D] | None] = SimpleQueue()
        self._closed = False
        self._handover = threading.Lock()
        self._threads: list[threading.Thread] = []

    def start(self, serve: Callable[[Sequence[Job[D]]], Sequence[Outcome]]) -> None:
        thread = threading.Thread(target=self._serve, args=(serve,), name=self._name, daemon=True)
        self._threads.append(thread)
        thread.start()

    async def do(self, run: Callable[[D], T], ids: Sequence[TaskId] = (), keys: Sequence[str] = ()) -> T:
        """Have the job done and return its result. A caller who is cancelled leaves the job to be done."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._handover:
            if self._closed:
                raise closed(self._path)
            self._jobs.put(Job(run, loop, future, ids, keys))
        return await future

    def close(self) -> None:
        """Return when everything that was handed over is done; more is refused."""
        with self._handover:
            self._closed = True
            for _ in self._threads:
                self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self, serve: Callable[[Sequence[Job[D]]], Sequence[Outcome]]) -> None:
        last = False
        while not last:
            jobs, last = self._next()
            if jobs:
                _deliver(serve(jobs))

    def _next(self) -> tuple[list[Job[D]], bool]:
        """Wait for a job and return it with those that wait behind it, and whether it is time to stop."""
        jobs: list[Job[D]] = []
        job = self._jobs.get()
        with suppress(Empty):
            while job is not None:
                jobs.append(job)
                if len(jobs) == self._together:
                    return jobs, False
                job = self._jobs.get_nowait()
            return jobs, True
        return jobs, False


class Writing:
    """Does many jobs in one transaction, and tells nobody before it is durable."""

    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        self._work = Work(connection)
        self._path = path
        self._file = _identity(path)

    def serve(self, jobs: Sequence[Job[Work]]) -> Sequence[Outcome]:
        try:
            self._begin()
        except Exception as error:  # noqa: BLE001  # whatever it is, its callers must hear of it and the thread must live
            return [Outcome(job, error=translated(error, self._path)) for job in jobs]
        try:
            return self._together(jobs)
        except Exception as error:  # noqa: BLE001  # likewise
            if len(jobs) == 1:
                return [Outcome(jobs[0], error=translated(error, self._path))]
        return [outcome for job in jobs for outcome in self.serve([job])]  # so that only the culprits suffer

    def _begin(self) -> None:
        if _identity(self._path) != self._file:
            raise gone(self._path)  # what we would write could never be found again
        try:
            self._work.begin()
        except BaseException:
            self._work.abandon()
            raise

    def _together(self, jobs: Sequence[Job[Work]]) -> Sequence[Outcome]:
        try:
            self._work.look_up((one for job in jobs for one in job.ids), (key for job in jobs for key in job.keys))
            outcomes = [self._one(job) for job in jobs]
            self._work.finish()
        except BaseException:
            self._work.abandon()
            raise
        return outcomes

    def _one(self, job: Job[Work]) -> Outcome:
        try:
            return Outcome(job, result=job.run(self._work))
        except Fenced as error:  # raised before anything was written
            return Outcome(job, error=error)


class Reading:
    """Does jobs that only look, each for itself."""

    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def serve(self, jobs: Sequence[Job[apsw.Connection]]) -> Sequence[Outcome]:
        return [self._one(job) for job in jobs]

    def _one(self, job: Job[apsw.Connection]) -> Outcome:
        try:
            return Outcome(job, result=job.run(self._connection))
        except Exception as error:  # noqa: BLE001  # as in Writing
            return Outcome(job, error=translated(error, self._path))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _deliver(outcomes: Sequence[Outcome]) -> None:
    by_loop: defaultdict[asyncio.AbstractEventLoop, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_loop[outcome.job.loop].append(outcome)
    for loop, theirs in by_loop.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits there any more
            loop.call_soon_threadsafe(_settle, theirs)


def _settle(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        future = outcome.job.future
        if future.done():
            continue
        if outcome.error is None:
            future.set_result(outcome.result)
        else:
            future.set_exception(outcome.error)
