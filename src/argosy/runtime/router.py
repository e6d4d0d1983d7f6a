"""The command router: the only one who changes a task's status.

One coroutine takes whatever has come in (commands, the scheduler's wishes, workers' reports), asks
:func:`argosy.core.lifecycle.decide` about each, commits everything in one call, and only then tells, acts and answers:

    take ──► load ──► decide ──► commit ──► tell ──► act ──► answer
                        ▲           │
                        └─ refused ─┘   somebody else was first: decide again on what is stored now

While one batch is being committed the next one gathers, so the busier it is the cheaper each item gets.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

from argosy.core.events import Recorded, StatusChanged, Warned
from argosy.core.lifecycle import AttemptFailed, Began
from argosy.core.types import WAITING, Status, Task, TaskId
from argosy.errors import ArgosyError, DiskFull, StoreError
from argosy.runtime.clock import Alarm, Clock
from argosy.runtime.enforcer import Enforcer
from argosy.runtime.holdings import Holdings
from argosy.runtime.message import Ask, Dropped, Item, Outcome, Renewed, Take, future_answer
from argosy.runtime.ports import Hands, Teller
from argosy.runtime.round import Conclusion, Round
from argosy.store.port import Store

log = logging.getLogger(__name__)

BATCH: Final = 512
"""Items decided and committed together."""
MANY: Final = 4
GATHER_S: Final = 0.002
"""With many tasks at once a batch waits this long for company: half the transactions, and nobody notices."""
BEGAN_WITHIN_S: Final = 0.05
"""And if all it has to say is that some have begun, this long: a small one is at its end sooner, and both go together."""
PAGE: Final = 1000
"""Commands a caller hands over before waiting for their answers: what bounds the mailbox."""
STORE_RETRY_S: Final = 0.5


class Router:
    """Owns the holdings. All methods are called on the runtime loop."""

    def __init__(self, store: Store, clock: Clock, holdings: Holdings, hands: Hands, teller: Teller) -> None:
        self._store = store
        self._clock = clock
        self._holdings = holdings
        self._teller = teller
        self._queue: deque[Item] = deque()
        self._wake = asyncio.Event()
        self._rest = Alarm(clock)
        self._enforcer = Enforcer(clock, holdings, hands, self.post)
        self.settled: Callable[[bool], None] = _nothing
        """Called after each batch: a slot may be free now; ``True``: there may be another task to run as well."""
        self.failed: Callable[[Task, AttemptFailed], None] = _nothing
        """Called for each attempt that failed: it may say something about other tasks' hosts and disks."""
        self.ended: Callable[[Task], None] = _nothing
        """Called for each task that this router has seen to its end: complete or failed."""

    # -- the way in --------------------------------------------------------------------------------

    def post(self, items: Iterable[Item]) -> None:
        """Queue ``items`` in order."""
        self._queue.extend(items)
        self._wake.set()

    async def ask(self, task_id: TaskId, ask: Ask) -> Outcome:
        """Return what became of one command."""
        return (await self.ask_all([(task_id, ask)]))[0]

    async def ask_all(self, asks: Sequence[tuple[TaskId, Ask]]) -> list[Outcome]:
        """Return what became of each command, in order."""
        outcomes: list[Outcome] = []
        loop = asyncio.get_running_loop()
        for start in range(0, len(asks), PAGE):
            futures: list[asyncio.Future[Outcome]] = []
            items = []
            for task_id, ask in asks[start : start + PAGE]:
                future: asyncio.Future[Outcome] = loop.create_future()
                futures.append(future)
                items.append(Item(task_id, ask, future_answer(future)))
            self.post(items)
            outcomes += await asyncio.gather(*futures)
        return outcomes

    # -- the loop ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Settle what comes until cancelled. Nothing that goes wrong with one batch ends it."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._gather()
            while self._queue:
                if not await self._settle_safely(self._batch()):
                    await self._rest.wait(STORE_RETRY_S)

    async def _gather(self) -> None:
        """With many tasks at once, let more come in before a batch is taken."""
        if len(self._holdings.tasks) < MANY:
            return
        if all(isinstance(item.ask, Began) for item in self._queue):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), BEGAN_WITHIN_S)
            self._wake.clear()
        await asyncio.sleep(GATHER_S)

    async def drain(self) -> None:
        """Settle what is queued now, as far as the store takes it; for the end, when :meth:`run` no longer does."""
        while self._queue and await self._settle_safely(self._batch()):
            pass

    def _batch(self) -> list[Item]:
        return [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]

    def close(self) -> None:
        """Answer whoever still waits, and forget the timers."""
        self._enforcer.close()
        _answer(self._queue, StoreError("the runtime has stopped", code="stopped"))
        self._queue.clear()

    async def _settle_safely(self, batch: list[Item]) -> bool:
        """Settle the batch; False if the store failed and some of it is in the queue again."""
        try:
            await self._settle(batch)
        except (StoreError, DiskFull) as error:
            return not self._store_failed(batch, error)
        except asyncio.CancelledError:
            self._queue.extendleft(reversed(batch))
            raise
        except Exception:
            log.exception("router.batch_failed", extra={"items": len(batch)})
            _answer(batch, StoreError("internal error while deciding; the log has the details", code="internal"))
        return True

    def _store_failed(self, batch: list[Item], error: ArgosyError) -> bool:
        """Who asked gets the error. What workers reported, and what nobody waits for, must not be lost: it is tried
        again for as long as the task is ours, and before all that came since, or a task would end before it began.
        Tell whether there is any such.
        """
        log.warning("store.failed", extra={"code": error.detail_code, "error": error.message, "items": len(batch)})
        open_ones = [item for item in batch if item.answer is not _ANSWERED]
        _answer([item for item in open_ones if not item.must_arrive], error)
        alive = [item for item in open_ones if item.must_arrive and self._is_ours(item)]
        self._queue.extendleft(reversed(alive))
        return bool(alive)

    def _is_ours(self, item: Item) -> bool:
        if item.fence is None:
            return item.task_id in self._holdings.tasks
        return self._holdings.holds(item.task_id, item.fence)

    async def _settle(self, batch: list[Item]) -> None:
        current = await self._present(batch)
        todo: list[Item] = batch
        while todo:
            decided = Round(self._holdings, current, self._clock)
            decided.decide(todo)
            await self._load_discarded(decided)
            results = await self._store.commit(decided.changes) if decided.changes else ()
            outcome = decided.conclude(results)
            self._holdings.update(outcome.stored)
            for task_id in outcome.lost:
                self._enforcer.lose(task_id)
            _journal(outcome.events)
            await self._teller.tell(outcome.events)
            self._tell_ends(outcome)
            remarks = [event for item, _ in outcome.settled for event in decided.remarks.get(id(item), ())]
            if remarks:
                await self._teller.tell(await self._store.log(remarks, self._clock.epoch()))
            self._act(decided, outcome.settled)
            self.settled(any(task is not None and task.status in WAITING for task in outcome.stored.values()))
            for item, answer in outcome.settled:
                if item.answer is not None:
                    item.answer(answer)
                item.answer = _ANSWERED
            todo, current = outcome.again, outcome.current

    async def _present(self, batch: Sequence[Item]) -> dict[TaskId, Task | None]:
        """Return the tasks that the batch is about and that are not held here, as they are stored.

        What the scheduler read a moment ago will do: whoever was faster has changed the version, and the store says so.
        """
        held = self._holdings.tasks
        picks = (item.ask.task for item in batch if isinstance(item.ask, Take))
        present: dict[TaskId, Task | None] = {task.id: task for task in picks if task.id not in held}
        unknown = {item.task_id for item in batch if item.fence is None} - present.keys() - held.keys()
        if unknown:
            present.update(await self._store.get(list(unknown)))
        return present

    def _tell_ends(self, outcome: Conclusion) -> None:
        for told in outcome.events:
            if isinstance(told.event, StatusChanged) and told.event.to in (Status.COMPLETED, Status.FAILED):
                task = outcome.stored.get(told.event.task_id)
                if task is not None and task.status is told.event.to:
                    self.ended(task)

    async def _load_discarded(self, decided: Round) -> None:
        """Look up the files of tasks whose parts are to go, before the commit that may remove the records."""
        ids = [task.id for task in decided.discarded if task.fence]  # never claimed: there is no part
        files = await self._store.files_of(ids) if ids else {}
        for task_id in ids:
            decided.forget_parts(task_id, files.get(task_id, ()))

    # -- carrying out ------------------------------------------------------------------------------

    def _act(self, decided: Round, settled: Sequence[tuple[Item, Outcome]]) -> None:
        for item, answer in settled:
            if isinstance(item.ask, Dropped) and answer.error is None:
                self._enforcer.lose(item.task_id)
            elif isinstance(item.ask, AttemptFailed) and answer.task is not None and answer.changed:
                self.failed(answer.task, item.ask)
            for effect in decided.effects.get(id(item), ()):
                self._enforcer.carry_out(effect, decided)
        for task_id in decided.touched:
            if task_id not in self._holdings.tasks:
                self._enforcer.forget(task_id)

    # -- what the keeper of leases found -----------------------------------------------------------

    def lose(self, task_ids: Iterable[TaskId]) -> None:
        """Let go of tasks whose lease somebody else has, without writing anything."""
        for task_id in task_ids:
            self._enforcer.lose(task_id)
        self.settled(False)

    def refresh(self, tasks: Iterable[Task]) -> None:
        """Take over what another process has changed in tasks held here."""
        self.post(Item(task.id, Renewed(task)) for task in tasks)


def _journal(events: Sequence[Recorded]) -> None:
    """Log what has been committed, if anybody reads that."""
    if not log.isEnabledFor(logging.INFO):
        return
    for recorded in events:
        match recorded.event:
            case StatusChanged(task_id, from_, to, reason, error):
                cause = None if error is None else error.message
                told = {"task_id": task_id, "from": from_, "to": to or "removed", "reason": reason, "error": cause}
                log.info("task.status_changed", extra=told)
            case Warned(code, message, task_id):
                log.info("task.warned", extra={"task_id": task_id, "code": code, "warning": message})


def _nothing(*_: object) -> None:
    """Nobody has asked to be called."""


def _ANSWERED(_: Outcome) -> None:  # noqa: N802 - a marker, compared by identity
    """Stand in for the answer of an item that has had it."""


def _answer(items: Iterable[Item], error: ArgosyError) -> None:
    for item in items:
        if item.answer is not None:
            item.answer(Outcome(None, error=error))
            item.answer = _ANSWERED
