"""One round of the router, without any waiting: decide a batch, then read the store's answers.

Several items may concern one task; each is decided on what the one before would leave. If the store refuses one, that
one and all later ones of its task come back in ``again``, to be decided on what is stored really.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import Final

from argosy.core.events import Lasting, Recorded, Warned
from argosy.core.lifecycle import (
    Changed,
    Claimed,
    Decision,
    Discard,
    Effect,
    Illegal,
    LeaseLost,
    Signal,
    Stop,
    Unchanged,
    decide,
)
from argosy.core.types import ACTIVE, FileState, FileStatus, Status, Task, TaskId, Want
from argosy.errors import Conflict, Fenced, IllegalTransition, UnknownTask
from argosy.runtime.clock import Clock
from argosy.runtime.holdings import Holdings
from argosy.runtime.message import Amend, Dropped, Enlist, Item, Outcome, Reap, Remark, Renewed, Take
from argosy.store.port import Change, Committed, Refused
from argosy.value import dataclass

LEASE_S: Final = 30.0
MAX_REFUSALS: Final = 8


@dataclass(slots=True)
class Conclusion:
    """What a round came to."""

    stored: dict[TaskId, Task | None] = field(default_factory=dict)
    events: list[Recorded] = field(default_factory=list)
    settled: list[tuple[Item, Outcome]] = field(default_factory=list)
    lost: list[TaskId] = field(default_factory=list)
    again: list[Item] = field(default_factory=list)
    current: dict[TaskId, Task | None] = field(default_factory=dict)


class Round:
    """Decide once, conclude once."""

    def __init__(self, holdings: Holdings, current: dict[TaskId, Task | None], clock: Clock) -> None:
        self._holdings = holdings
        self._current = current
        self._now = clock.epoch()
        self._decided: list[tuple[Item, Decision | Outcome, int | None]] = []
        self.changes: list[Change] = []
        self.effects: dict[int, tuple[Effect, ...]] = {}
        """By the item's identity."""
        self.discarded: list[Task] = []
        self.parts: dict[TaskId, Sequence[FileState]] = {}
        self.first_claims: set[TaskId] = set()
        self.remarks: dict[int, tuple[Lasting, ...]] = {}
        """Warnings that change nothing, by the item's identity."""
        self.touched: set[TaskId] = set()

    # -- deciding ----------------------------------------------------------------------------------

    def decide(self, items: Sequence[Item]) -> None:
        for item in items:
            task = self._task(item.task_id)
            verdict = self._verdict(item, task)
            index = None
            if isinstance(verdict, Changed):
                assert task is not None
                index = len(self.changes)
                self.changes.append(
                    Change(task, verdict.after, verdict.events, item.files, fenced=item.fence is not None)
                )
                self._current[item.task_id] = verdict.after
                self.touched.add(item.task_id)
            if isinstance(verdict, (Changed, Unchanged)) and verdict.effects:
                self.effects[id(item)] = verdict.effects
                self.discarded += [effect.task for effect in verdict.effects if isinstance(effect, Discard)]
            self._decided.append((item, verdict, index))

    def _task(self, task_id: TaskId) -> Task | None:
        if task_id in self._current:
            return self._current[task_id]
        task = self._current[task_id] = self._holdings.present(task_id)
        return task

    def _verdict(self, item: Item, task: Task | None) -> Decision | Outcome:
        ask = item.ask
        if item.fence is not None and not self._is_present(item, task):
            return Outcome(task, error=Fenced(f"the lease on {item.task_id[:8]} is gone"))
        if isinstance(ask, (Dropped, Renewed)):
            return self._renewed(task, ask.task) if isinstance(ask, Renewed) else Unchanged()
        if task is None:
            return Outcome(None, error=UnknownTask(f"there is no task {item.task_id}"))
        match ask:
            case Take(picked):
                return self._claim(task, picked.version)
            case Enlist(session):
                takes = not task.active and task.session != session
                return Changed(replace(task, session=session, updated_at=self._now)) if takes else Unchanged()
            case Amend():
                return self._amend(task, ask)
            case Reap(fence):
                return decide(task, LeaseLost(), self._now) if task.fence == fence else Unchanged()
            case Remark():
                return self._remark(item, task, ask)
        return decide(task, ask, self._now)

    def _is_present(self, item: Item, task: Task | None) -> bool:
        if task is None:
            return False
        return task.fence == item.fence and task.owner == self._holdings.owner

    def _claim(self, task: Task, version: int) -> Decision:
        if task.version != version:
            return Illegal("the task has changed since it was picked")
        if task.fence == 0:
            self.first_claims.add(task.id)
        # The clock makes fences grow across stores that were restored from a backup as well.
        fence = max(task.fence + 1, int(self._now * 1e6))
        return decide(task, Claimed(self._holdings.owner, fence, self._now + LEASE_S, self._holdings.pid), self._now)

    def _amend(self, task: Task, amend: Amend) -> Decision | Outcome:
        """Decide each trigger on what the one before leaves; the first that is not allowed forbids them all."""
        if task.version != amend.version or task.id in self.touched:
            return Outcome(task, error=Conflict(f"task {task.id[:8]} has changed", code="precondition_failed"))
        before, effects = task, list[Effect]()
        for trigger in amend.triggers:
            decision = decide(task, trigger, self._now)
            if isinstance(decision, Illegal):
                return decision
            effects += decision.effects
            if isinstance(decision, Changed) and decision.after is not None:
                task = decision.after
        return Unchanged() if task is before else Changed(task, (), tuple(effects))

    def _remark(self, item: Item, task: Task, remark: Remark) -> Decision:
        events = (Warned(remark.code, remark.message, task.id),) if remark.code else ()
        if not remark.holds:
            self.remarks[id(item)] = events
            return Unchanged()
        warning = remark.code or None
        if task.warning == warning or task.status not in ACTIVE:
            return Unchanged()
        return Changed(replace(task, warning=warning), events)

    def _renewed(self, task: Task | None, stored: Task) -> Decision:
        """Another process asked something of a task that is held here: take it over and pass it on."""
        if task is None or stored.version <= task.version or stored.id not in self._holdings.tasks:
            return Unchanged()
        self._current[stored.id] = stored
        self._holdings.update({stored.id: stored})
        if stored.want in (Want.CANCEL, Want.REMOVE):
            return Unchanged((Signal(stored.id, Stop.CANCEL),))
        respecified = stored.spec != task.spec and stored.status in (Status.SCHEDULED, Status.RUNNING)
        if stored.status is Status.PAUSING or respecified:
            return Unchanged((Signal(stored.id, Stop.PAUSE),))
        return Unchanged()

    # -- parts that go -----------------------------------------------------------------------------

    def forget_parts(self, task_id: TaskId, files: Sequence[FileState]) -> None:
        """Let the change that gives up the task's bytes also record that there are none, and remember which to remove."""
        index = max(i for i, change in enumerate(self.changes) if change.before.id == task_id)
        change = self.changes[index]
        known = {state.index: state for state in (*files, *change.files)}
        self.parts[task_id] = tuple(known.values())
        if change.after is not None:
            blank = tuple(map(_without_part, known.values()))
            self.changes[index] = replace(change, files=blank)

    # -- concluding --------------------------------------------------------------------------------

    def conclude(self, results: Sequence[Committed | Refused]) -> Conclusion:
        """Return who is settled and who must be decided again."""
        end = Conclusion()
        refused: dict[TaskId, Refused] = {}
        for item, verdict, index in self._decided:
            result = results[index] if index is not None else None
            if isinstance(result, Refused) or item.task_id in refused:
                if isinstance(result, Refused):
                    refused.setdefault(item.task_id, result)
                self._refuse(item, refused[item.task_id], end)
                continue
            if result is not None:
                end.stored[item.task_id] = result.task
                end.events += result.events
            end.settled.append((item, self._outcome(item, verdict, end)))
        for task_id, refusal in refused.items():
            end.current[task_id] = refusal.current
            end.stored[task_id] = refusal.current
            if task_id in self._holdings.tasks and not self._still_ours(refusal):
                end.lost.append(task_id)
        return end

    def _still_ours(self, refusal: Refused) -> bool:
        now, held = refusal.current, self._holdings.tasks[refusal.task_id]
        return now is not None and now.active and now.owner == self._holdings.owner and now.fence == held.fence

    def _refuse(self, item: Item, refusal: Refused, end: Conclusion) -> None:
        item.refusals += 1
        self.effects.pop(id(item), None)
        if item.fence is not None and refusal.fenced:
            error = Fenced(f"the lease on {item.task_id[:8]} is gone")
            end.settled.append((item, Outcome(refusal.current, error=error)))
        elif item.refusals > MAX_REFUSALS:
            error_ = Conflict(f"task {item.task_id[:8]} keeps changing; try again")
            end.settled.append((item, Outcome(refusal.current, error=error_)))
        else:
            end.again.append(item)

    def _outcome(self, item: Item, verdict: Decision | Outcome, end: Conclusion) -> Outcome:
        match verdict:
            case Outcome():
                return verdict
            case Illegal(message, hint):
                return Outcome(self._latest(item.task_id, end), error=IllegalTransition(message, hint=hint))
            case Unchanged():
                return Outcome(self._latest(item.task_id, end))
        return Outcome(end.stored.get(item.task_id), changed=True)

    def _latest(self, task_id: TaskId, end: Conclusion) -> Task | None:
        return end.stored[task_id] if task_id in end.stored else self._current.get(task_id)


def _without_part(state: FileState) -> FileState:
    if state.finished:
        return state
    return replace(
        state, status=FileStatus.PENDING, part=None, published=None, received=0, extents=(), block_hashes=b"",
        part_mtime_ns=None, etag=None, last_modified=None, verified_by=None,
    )  # fmt: skip
