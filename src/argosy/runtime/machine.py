"""All parts of a runtime, wired, started in order and stopped in order. What they are for is told by :mod:`manager`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from argosy.bus.local import Bus
from argosy.core.lifecycle import Stop
from argosy.core.limits import Limits
from argosy.core.types import Task
from argosy.errors import DiskFull, StoreError
from argosy.runtime import aftermath, standing
from argosy.runtime.aftermath import Aftermath, Wishes
from argosy.runtime.clock import Clock
from argosy.runtime.crew import Crew
from argosy.runtime.gate import Gate
from argosy.runtime.holdings import Holdings
from argosy.runtime.hub import Hub
from argosy.runtime.identity import this_process
from argosy.runtime.mailbox import Mailbox
from argosy.runtime.message import Item, Outcome, Reap
from argosy.runtime.pool import Pool
from argosy.runtime.ports import Engines, Sources, Warehouse
from argosy.runtime.pulse import Pulse
from argosy.runtime.recovery import Recovery
from argosy.runtime.retention import Retention
from argosy.runtime.router import Router
from argosy.runtime.scheduler import Scheduler
from argosy.runtime.throttle import Throttles
from argosy.runtime.verbs import Verbs
from argosy.runtime.watch import Watch
from argosy.runtime.yard import Yard
from argosy.store.port import Store
from argosy.telemetry.trace import Witness

log = logging.getLogger(__name__)

RESTART_S: Final = 1.0


class Machine:
    """One runtime's moving parts, on one loop, with or without a pool of workers."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        work: bool,
        session: bool,
        limits: Limits,
        pinned: bool,
        max_running: int | None,
        engines: Callable[[], Engines],
        sources: Sources,
        warehouse: Callable[[], Warehouse],
        witness: Witness | None = None,
        wishes: Wishes | None = None,
        history_days: float = 0,
        reuse: str = "off",
    ) -> None:
        self.store = store
        self.clock = clock
        self.work = work
        self.me = this_process(serves_queue=not session)
        self.session = self.me.id if session else None
        self.common_limits = limits
        """Those of every process on this store; ``limits`` are they with what is this process's own."""
        self.limits = limits if max_running is None else replace(limits, max_running=max_running)
        self.sources = sources
        self._default_limits = limits
        self._pinned = pinned
        self._max_running = max_running
        self._witness = witness
        self._engines = engines
        self._reuse = reuse
        self._build_warehouse = warehouse
        self.warehouse = warehouse()
        self.holdings = Holdings(self.me.id, self.me.pid)
        self.bus = Bus(store)
        self.watch = Watch()
        self.bus.listen(self.watch)
        self.crew = Crew(clock, self.holdings, self.warehouse)
        self.router = Router(store, clock, self.holdings, self.crew, self.bus)
        self.scheduler = Scheduler(
            store, clock, self.holdings, self.crew, self.router, session=self.session, limits=self.limits
        )
        self.hub = Hub(clock, self.holdings, self.bus, store, self.router.post)
        self.recovery = Recovery(store, clock, self.me, self.holdings, self.router)
        self.pulse = Pulse(
            store, clock, self.me, self.holdings, self.router, self.bus, self.recovery if work else None,
            self._changed_elsewhere,
        )  # fmt: skip
        self.verbs = Verbs(store, self.router, self.scheduler if work else None)
        self.aftermath = Aftermath(wishes or Wishes())
        self._retention = Retention(store, clock, history_days)
        self.router.ended = self._ended
        self.router.settled = self._settled
        self.router.failed = self.scheduler.heed
        self._signed_on = False
        """Whether others know of us by the store."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._quiet = asyncio.Event()

    # -- starting ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Have everything running. What was started is stopped again if something cannot."""
        self._loop = asyncio.get_running_loop()
        try:
            if self.work:
                self.crew.pool = Pool(self._build_yard)
            await _all_of(self._open_store(), *([self.crew.pool.open()] if self.crew.pool else []))
            await self._load_limits()
            self._spawn("router", self.router.run)
            if self.work:
                await self.store.register(self.me)
                self._signed_on = True
            await self.recovery.sweep()  # who only looks must not see as running what a dead process held
            if self.work:
                self._spawn("scheduler", self.scheduler.run)
                self._spawn("hub", self.hub.run)
                if self.aftermath.wanted:
                    self._spawn("aftermath", self.aftermath.run)
                if self._retention.limited:
                    self._spawn("retention", self._retention.run)
            self._spawn("pulse", self.pulse.run)
        except BaseException:
            await self.stop(0.0)
            raise

    async def _open_store(self) -> None:
        await self.store.open()
        await self.bus.open()

    def _build_yard(self, pool: Pool) -> Yard:
        """Called on the transfer loop."""
        reports: Mailbox[Item] = Mailbox(self._loop, self.router.post)
        return Yard(
            store=self.store, clock=self.clock, engines=self._engines(), sources=self.sources,
            warehouse=self._build_warehouse(), throttles=Throttles(self.limits, self.clock),
            gate=Gate(self.limits.first_per_host, self.limits.most_per_host), post=reports.post,
            reply=lambda future, outcome: pool.call(_resolve, future, outcome), witness=self._witness,
            reuse=self._reuse,
        )  # fmt: skip

    def _spawn(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        self._tasks[name] = self._loop.create_task(_supervised(name, run), name=f"argosy-{name}")

    def _settled(self, waiting: bool) -> None:
        self.scheduler.wake(waiting=waiting)
        self.hub.wake()
        self._quiet.set()

    def _ended(self, task: Task) -> None:
        self.scheduler.heed_end(task)
        self.aftermath.ended(task)

    async def settled(self, seconds: float) -> None:
        """Return when the router has settled something, or after that time."""
        self._quiet.clear()
        try:
            await asyncio.wait_for(self._quiet.wait(), seconds)
        except TimeoutError:
            return

    # -- limits ------------------------------------------------------------------------------------

    async def _load_limits(self) -> None:
        if not self._pinned:
            self.take_limits(standing.load(await self.store.setting(standing.SETTING), self._default_limits))

    def take_limits(self, limits: Limits) -> None:
        """Let ``limits`` hold from now on; how many tasks run at once is this process's own, if it was told."""
        self.common_limits = limits
        if self._max_running is not None:
            limits = replace(limits, max_running=self._max_running)
        if limits == self.limits:
            return
        self.limits = self.scheduler.limits = limits
        self.scheduler.wake()
        if self.crew.pool is not None:
            self.crew.pool.call(_apply, self.crew.pool, limits)

    async def _changed_elsewhere(self) -> None:
        await self._load_limits()
        self.scheduler.wake()
        self._quiet.set()

    # -- stopping ----------------------------------------------------------------------------------

    async def stop(self, grace_s: float) -> None:
        """Let every worker put down what it has, then end everything. Nothing runs afterwards."""
        await self._end("scheduler")
        await self._let_go(grace_s)
        await self.crew.finish()
        if "aftermath" in self._tasks:
            await self.aftermath.finish(aftermath.LONGEST_S)
        for name in ("hub", "pulse", "router", "aftermath", "retention"):
            await self._end(name)
        if self.crew.pool is not None:
            await self.crew.pool.close()
            self.crew.pool = None
        try:
            await self.router.drain()
            if self._signed_on:
                await self.store.forget(self.me.id)
        except (StoreError, DiskFull) as error:
            log.warning("runtime.sign_off_failed", extra={"code": error.detail_code, "error": error.message})
        self.router.close()
        self.bus.close()
        self.watch.release_all()
        await self.warehouse.close()
        await self.store.close()

    async def _let_go(self, grace_s: float) -> None:
        for task_id in tuple(self.holdings.tasks):
            self.crew.signal(task_id, Stop.PAUSE)
        loop = asyncio.get_running_loop()
        until = loop.time() + grace_s
        while self.holdings.tasks and loop.time() < until and "router" in self._tasks:
            await self.settled(until - loop.time())
        left = list(self.holdings.tasks.values())
        for task in left:
            log.warning("task.cut_off", extra={"task_id": task.id, "grace_s": grace_s})
            self.crew.fence_off(task.id)
        if left and "router" in self._tasks:
            await self.router.ask_all([(task.id, Reap(task.fence)) for task in left])

    async def _end(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])


async def _all_of(*works: Awaitable[None]) -> None:
    """Return once all are over, at the same time; what went wrong with the first of them is raised then."""
    for error in await asyncio.gather(*works, return_exceptions=True):
        if error is not None:
            raise error


async def _supervised(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Keep ``run`` running: one unforeseen error must not leave a queue that nobody works."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("runtime.part_restarted", extra={"part": name})
            await asyncio.sleep(RESTART_S)


def _resolve(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)


def _apply(pool: Pool, limits: Limits) -> None:
    """Change the rates and gates on their own loop."""
    pool.yard.throttles.apply(limits)
    pool.yard.gate.change(limits.first_per_host, limits.most_per_host)
