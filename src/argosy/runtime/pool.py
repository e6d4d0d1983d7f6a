"""The worker pool: a thread with an event loop of its own, on which the workers and the engines run.

Measured with four connections at full speed on one loop for everything: timers were up to 1,070 ms late, because libcurl
drains a fast socket before it yields. With a thread of its own the rest stays prompt while bytes pour in.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from argosy.core.lifecycle import Stop
from argosy.core.types import TaskId
from argosy.runtime.mailbox import Mailbox
from argosy.runtime.worker import Attempt
from argosy.runtime.yard import Job, Yard

log = logging.getLogger(__name__)

JOIN_S: Final = 10.0
LINGER_S: Final = 1.0
"""libcurl does not end before a name server that is silent has been given up on, which takes the system many seconds: nobody
has to wait for that."""
T = TypeVar("T")
Call = tuple[Callable[..., object], tuple[object, ...]]


class Pool:
    """Long-lived workers, as many as there ever were jobs at once. Methods are called on the runtime loop."""

    def __init__(self, build: Callable[[Pool], Yard]) -> None:
        self._build = build
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._main, name="argosy-transfer", daemon=True)
        self._jobs: dict[TaskId, Job] = {}
        self._inbox: Mailbox[Call] | None = None
        # Below: the transfer loop's own.
        self._yard: Yard | None = None
        self._waiting: deque[Job] = deque()
        self._idle: deque[asyncio.Future[Job | None]] = deque()
        self._group: asyncio.TaskGroup | None = None
        self._closing: asyncio.Event | None = None
        self._put_down = threading.Event()
        """Nothing of ours is under way any more: no worker, no flush."""

    def __repr__(self) -> str:
        return f"<Pool {len(self._jobs)} jobs>"

    async def open(self) -> None:
        """Start the thread and return once its loop runs; raises what kept it from that."""
        self._thread.start()
        await asyncio.wrap_future(self._ready)

    async def close(self) -> None:
        """End all workers and the engines; afterwards the thread is gone, or waits for nothing but a name server."""
        if not self._thread.is_alive():
            return
        for job in self._jobs.values():
            job.abandoned = True
        self.call(self._shut)
        await asyncio.get_running_loop().run_in_executor(None, self._join)
        if not self._put_down.is_set():
            log.error("transfer.stuck", extra={"waited_s": JOIN_S})
        elif self._thread.is_alive():
            log.info("transfer.lingers", extra={"waited_s": LINGER_S})

    def _join(self) -> None:
        self._put_down.wait(JOIN_S)
        self._thread.join(LINGER_S)

    # -- from the runtime loop ---------------------------------------------------------------------

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Have ``function`` called on the transfer loop, in order, soon."""
        assert self._inbox is not None
        self._inbox.post((function, args))

    def start(self, job: Job) -> None:
        self._jobs[job.task.id] = job
        self.call(self._hand_over, job)

    def signal(self, task_id: TaskId, stop: Stop) -> None:
        """Set the token of the task's job."""
        job = self._jobs.get(task_id)
        if job is not None:
            self.call(job.token.set, stop)

    def abandon(self, task_id: TaskId) -> None:
        """Let the job write nothing more, and end it however it resists."""
        job = self._jobs.get(task_id)
        if job is not None:
            job.gauge.lease_deadline_s = 0.0
            job.abandoned = True
            self.call(self._end, job)

    def release(self, task_id: TaskId) -> None:
        self._jobs.pop(task_id, None)

    @property
    def yard(self) -> Yard:
        """What the transfer loop uses; touch it only there, by :meth:`call`."""
        assert self._yard is not None
        return self._yard

    async def run(self, work: Callable[[Yard], Coroutine[Any, Any, T]]) -> T:
        """Return what ``work`` returned on the transfer loop."""
        done: Future[T] = Future()
        self.call(self._start_work, work, done)
        return await asyncio.wrap_future(done)

    # -- on the transfer loop ----------------------------------------------------------------------

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=fastest_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            else:
                log.exception("transfer.broken")

    async def _serve(self) -> None:
        self._closing = asyncio.Event()
        self._inbox = Mailbox(asyncio.get_running_loop(), _call_all)
        self._yard = self._build(self)
        try:
            async with asyncio.TaskGroup() as self._group:
                self._ready.set_result(None)
                await self._closing.wait()
        finally:
            await self._yard.warehouse.close()
            self._put_down.set()
            await self._yard.engines.close()

    def _hand_over(self, job: Job) -> None:
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(job)
                return
        assert self._group is not None
        self._group.create_task(self._work(job), name="argosy-worker")

    async def _work(self, job: Job | None) -> None:
        """A worker's life: one job after another."""
        while job is not None:
            await self._run(job)
            idle: asyncio.Future[Job | None] = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            job = await idle

    async def _run(self, job: Job) -> None:
        me = asyncio.current_task()
        assert me is not None
        assert self._yard is not None
        job.worker = me
        try:
            if not job.abandoned:
                await Attempt(job, self._yard).run()
        except asyncio.CancelledError:
            if not job.abandoned:
                raise
            me.uncancel()
        finally:
            job.worker = None

    def _start_work(self, work: Callable[[Yard], Coroutine[Any, Any, T]], done: Future[T]) -> None:
        async def carry_out() -> None:
            try:
                done.set_result(await work(self.yard))
            except BaseException as error:
                done.set_exception(error)
                if not isinstance(error, Exception):
                    raise

        assert self._group is not None
        self._group.create_task(carry_out())

    def _end(self, job: Job) -> None:
        job.token.set(Stop.CANCEL)
        if job.worker is not None:
            job.worker.cancel()

    def _shut(self) -> None:
        assert self._closing is not None
        self._closing.set()
        for idle in self._idle:
            if not idle.done():
                idle.set_result(None)
        for job in list(self._jobs.values()):
            self._end(job)


def _call_all(calls: list[Call]) -> None:
    for function, args in calls:
        try:
            function(*args)
        except Exception:
            log.exception("transfer.call_failed")


def fastest_loop() -> asyncio.AbstractEventLoop:
    """Return the fastest loop there is: with uvloop small files go twice as fast."""
    try:
        import uvloop  # noqa: PLC0415 - there is none for Windows
    except ImportError:
        return asyncio.SelectorEventLoop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
