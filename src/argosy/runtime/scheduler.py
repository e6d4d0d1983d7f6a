"""The scheduler: asks the policy who goes next and posts claims. It decides nothing and changes nothing itself."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from typing import Final

from argosy.core.breaker import BACKLOG, FOREGROUND
from argosy.core.lifecycle import DISK_RECHECK_S, AttemptFailed, Stop
from argosy.core.limits import Limits
from argosy.core.retry import RETRY_AFTER_CAP_S
from argosy.core.schedule import Candidate, Running, Situation, closed_hosts, plan, slots_of, window_opens
from argosy.core.timetable import next_change, parse_window
from argosy.core.types import Status, Task, TaskId
from argosy.errors import DiskFull, StoreError
from argosy.runtime.backlog import Backlog
from argosy.runtime.circuits import Circuits
from argosy.runtime.clock import Alarm, Clock
from argosy.runtime.holdings import Holdings
from argosy.runtime.message import Take
from argosy.runtime.ports import Hands
from argosy.runtime.router import Router
from argosy.store.port import Store

log = logging.getLogger(__name__)

LONGEST_SLEEP_S: Final = 60.0
STORE_RETRY_S: Final = 1.0
FEW: Final = 8
"""Where many may run, fewer free slots than the eighth part are not worth a plan of their own, unless for long."""
GATHER_S: Final = 0.005
LISTEN_S: Final = 1.0
"""While a host that failed is being tried, this often a look whether bytes come."""


class Scheduler:
    """Lives on the runtime loop."""

    def __init__(
        self, store: Store, clock: Clock, holdings: Holdings, hands: Hands, router: Router, *, session: str | None,
        limits: Limits,
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._holdings = holdings
        self._hands = hands
        self._router = router
        self._session = session
        self._alarm = Alarm(clock)
        self._held = 0
        self._planned_s = 0.0
        self._backlog = Backlog(store, session)
        self._circuits = Circuits(BACKLOG if session is None else FOREGROUND)
        self._cooling: dict[str, float] = {}
        self._looked_at = 0.0
        self._full: dict[str, float] = {}
        self.limits = limits

    def wake(self, *, waiting: bool = True) -> None:
        """Something has changed: look again. ``waiting``: among the tasks that wait, so the store must be asked."""
        if waiting:
            self._backlog.outdated()
        self._alarm.ring()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Start nothing meanwhile, so that pausing a long queue does not start what it has not come to yet."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self.wake()

    def heed(self, task: Task, report: AttemptFailed) -> None:
        """Remember what a failure says about others: a host that wants to be left alone, a disk that is full."""
        now, failure = self._clock.epoch(), report.failure
        if failure.retry_after_s is not None and task.host:
            until = now + min(failure.retry_after_s, RETRY_AFTER_CAP_S)
            self._cooling[task.host] = max(until, self._cooling.get(task.host, 0.0))
        self._circuits.failed(task, failure, now)
        if failure.code == "disk_full":
            self._full[task.spec.directory] = now + DISK_RECHECK_S

    def heed_end(self, task: Task) -> None:
        """A task has come to its end: if it is complete, its host serves."""
        if task.status is Status.COMPLETED:
            self._circuits.alive(task.host)

    def situation(self, paused_slots: int = 0) -> Situation:
        """Return the world as the policy wants to see it."""
        now = self._clock.epoch()
        if now < self._looked_at:  # the clock was set back: what was noted by it would last too long
            self._cooling, self._full = {}, {}
        self._looked_at = now
        self._cooling = {host: until for host, until in self._cooling.items() if until > now}
        self._full = {directory: until for directory, until in self._full.items() if until > now}
        self._circuits.forget(now)
        failing = self._circuits.failing(now)
        return Situation(now, self._clock.local(), paused_slots, self._cooling, failing, frozenset(self._full))

    def running(self) -> list[Running]:
        """Return what is active here as the policy wants to see it."""
        return [self._as_running(task) for task in self._holdings.tasks.values()]

    def _as_running(self, task: Task) -> Running:
        gauge = self._holdings.gauges.get(task.id)
        connections = 0 if gauge is None else min(gauge.connections, task.spec.options.first_connections)
        finishing = task.status is Status.COMPLETING
        return Running(task.id, task.host, task.spec.directory, connections, task.queue, finishing)

    # -- the loop ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Start what may start until cancelled."""
        while True:
            try:
                delay_s = await self._round()
            except (StoreError, DiskFull) as error:
                log.warning("scheduler.store_failed", extra={"code": error.detail_code, "error": error.message})
                delay_s = STORE_RETRY_S
            if not await self._alarm.wait(delay_s) and delay_s > GATHER_S:
                self._backlog.outdated()  # nobody tells what other processes add

    async def _round(self) -> float:
        """Claim what may run now, and return when to look again if nobody wakes us."""
        limits = self.limits
        now = self._clock.epoch()
        if self._held:
            return LONGEST_SLEEP_S
        paused, tasks = await self._paused_slots(), self._holdings.tasks
        finishing = sum(task.status is Status.COMPLETING for task in tasks.values())
        free = limits.max_running - slots_of(len(tasks), finishing, limits, paused)
        if 0 < free < limits.max_running // FEW and self._clock.steady() - self._planned_s < GATHER_S:
            return GATHER_S
        self._planned_s = self._clock.steady()
        listening = self._circuits.listen(self._holdings.tasks.values(), self._holdings.gauges, now)
        situation = self.situation(paused)
        if window_opens(limits, situation) is not None:
            self._stop_all()
        elif free <= 0:
            return self._window_closes_s()
        running = self.running()
        closed = closed_hosts(running, limits, situation)
        candidates = await self._backlog.candidates(now, max(0, free), closed)
        chosen = plan(candidates, running, limits, situation)
        if chosen.picks:
            await self._claim(chosen.picks)
            if len(chosen.picks) >= free:
                return self._window_closes_s()
        rests = [*self._full.values(), *situation.cooling.values(), *situation.failing.values()]
        wakes = [m for m in (self._backlog.due_at, chosen.wake_at, *rests) if m is not None and m > now]
        soonest = min(wakes, default=now + LONGEST_SLEEP_S) - self._clock.epoch()
        return max(0.0, min(soonest, self._window_closes_s(), LISTEN_S if listening else LONGEST_SLEEP_S))

    async def _claim(self, picks: Sequence[Candidate]) -> None:
        tasks = await self._backlog.take(picks)
        outcomes = await self._router.ask_all([(task.id, Take(task)) for task in tasks])
        if len(tasks) < len(picks) or any(outcome.error is not None for outcome in outcomes):
            self.wake()

    async def _paused_slots(self) -> int:
        if not self.limits.hold_slot_while_paused:
            return 0
        return (await self._store.counts()).get(Status.PAUSED, 0)

    def _stop_all(self) -> None:
        """The window has closed: what runs goes back to the queue."""
        stoppable: list[TaskId] = [
            task.id for task in self._holdings.tasks.values() if task.status in (Status.SCHEDULED, Status.RUNNING)
        ]
        for task_id in stoppable:
            self._hands.signal(task_id, Stop.PAUSE)

    def _window_closes_s(self) -> float:
        if not self.limits.window:
            return LONGEST_SLEEP_S
        local = self._clock.local()
        change = next_change(parse_window(self.limits.window), local)
        return LONGEST_SLEEP_S if change is None else min(LONGEST_SLEEP_S, (change - local).total_seconds())
