"""Who goes next: the scheduling policy, one pure function.

The order, most important first:

1. **Queue**: interactive, then automatic, then retry.
2. **Priority** within the queue, higher first.
3. **Rank** within the priority, lower first: what a person moved to the top.
4. **Turn** among equals: hosts alternate, so that ten thousand tasks of one host do not block five of another.
5. **Age**, then id, so that the same input always gives the same plan.

*Nothing starves.* For each ``limits.ageing_s`` a task has waited it rises one step. Six steps lift it into the next
queue up, those beyond count as priority. Once a task has reached the first queue, every task that came later than
``ageing_s`` times (their difference in priority + the steps the climb cost + 1) stays behind it for ever; so only so
many can pass it, however full the queues are kept.

*Limits are back-pressure, not errors*: what may not run now is left out, and ``wake_at`` says when to ask again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from functools import lru_cache

from argosy.core.limits import Limits
from argosy.core.timetable import opens_at, parse_window
from argosy.core.types import Queue, Status, TaskId
from argosy.value import dataclass

STEPS_PER_QUEUE = 6
"""A task that has risen so many steps stands in the next queue up."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """As much of a waiting task as the scheduling policy needs."""

    id: TaskId
    version: int
    status: Status
    queue: Queue
    priority: int
    rank: float
    queued_at: float
    host: str
    directory: str
    due_at: float | None


@dataclass(frozen=True, slots=True)
class Running:
    """As much of an active task as the scheduling policy needs."""

    id: TaskId
    host: str
    directory: str
    connections: int
    queue: Queue
    finishing: bool = False
    """Every byte is here; what is left is to record that and to name it."""


@dataclass(frozen=True, slots=True)
class Situation:
    """The world at the moment of planning."""

    now: float
    """Epoch seconds."""
    local: datetime
    """The same moment as local wall time, naive."""
    paused_slots: int = 0
    """How many paused tasks there are; they count only if ``limits.hold_slot_while_paused``."""
    cooling: Mapping[str, float] = field(default_factory=dict)
    """Hosts that asked to be left alone, and until when (epoch seconds)."""
    failing: Mapping[str, float] = field(default_factory=dict)
    """Hosts that fail every task, and until when they are left alone; from then on one task at a time tries."""
    full_directories: frozenset[str] = frozenset()
    """Folders whose disk is full."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Claim ``picks`` in this order; ask again at ``wake_at`` (None: only when something has happened)."""

    picks: tuple[Candidate, ...]
    wake_at: float | None


def plan(candidates: Sequence[Candidate], running: Sequence[Running], limits: Limits, situation: Situation) -> Plan:
    """Return who starts now: never more than there are free slots, and none that a limit forbids."""
    opening = window_opens(limits, situation)
    if opening is not None:
        return Plan((), opening)
    welcome = [task for task in candidates if task.directory not in situation.full_directories]
    starts = [not_before(task.host, task.due_at, situation) for task in welcome]
    ready = [task for task, start in zip(welcome, starts, strict=True) if start <= situation.now]
    wake_at = min((start for start in starts if start > situation.now), default=None)
    free = max(0, limits.max_running - busy_slots(running, limits, situation))
    ordered = in_order(ready, running, limits, situation.now)
    picks = _within_hosts(ordered, host_loads(running), limits, situation)
    return Plan(tuple(task for task, _ in zip(picks, range(free), strict=False)), wake_at)


def in_order(
    candidates: Sequence[Candidate], running: Sequence[Running], limits: Limits, now: float
) -> list[Candidate]:
    """Return the candidates, first to go first. A host's turns are counted from what already runs of it."""
    turns = Counter(task.host for task in running)
    placed: list[tuple[tuple[int, int, float, int, int], Candidate]] = []
    for task in sorted(candidates, key=lambda task: (*standing(task, limits, now), task.queued_at, task.id)):
        placed.append(((*standing(task, limits, now), turns[task.host], len(placed)), task))
        turns[task.host] += 1
    return [task for _, task in sorted(placed, key=lambda entry: entry[0])]


def standing(task: Candidate, limits: Limits, now: float) -> tuple[int, int, float]:
    """Return where ``task`` stands after all its waiting; lower goes first, and equals take turns.

    What climbing a queue costs is spent: a retry that rose to the interactive queue starts there with the priority it
    was given, not six steps ahead of a person who has just asked.
    """
    waited_s = max(0.0, now - max(task.queued_at, task.due_at or 0.0))
    steps = int(waited_s // limits.ageing_s) if limits.ageing_s > 0 else 0
    climbed = min(task.queue, steps // STEPS_PER_QUEUE)
    return task.queue - climbed, -(task.priority + steps - climbed * STEPS_PER_QUEUE), task.rank


def not_before(host: str, due_at: float | None, situation: Situation) -> float:
    """Return the first moment at which a task's own time and its host's wish and state allow it to run."""
    return max(due_at or 0.0, situation.cooling.get(host, 0.0), situation.failing.get(host, 0.0))


def room(host: str, limits: Limits, situation: Situation) -> int:
    """Return how many connections the host may have: a task more may start while fewer are in use."""
    return 1 if host in situation.failing else limits.first_per_host


def closed_hosts(running: Sequence[Running], limits: Limits, situation: Situation) -> set[str]:
    """Return the hosts of which no task may start now, whatever waits."""
    crowded = {host for host, load in host_loads(running).items() if host and load >= room(host, limits, situation)}
    resting = {
        host for host in (*situation.cooling, *situation.failing) if not_before(host, None, situation) > situation.now
    }
    return crowded | resting


def busy_slots(running: Sequence[Running], limits: Limits, situation: Situation) -> int:
    """Return how many of ``limits.max_running`` are taken.

    Who is finishing has given its place to the next one, so that small tasks do not wait for the disk in turn; where it is
    the disk that is slow, no more than would fill all places do so at a time.
    """
    return slots_of(len(running), sum(task.finishing for task in running), limits, situation.paused_slots)


def slots_of(active: int, finishing: int, limits: Limits, paused: int) -> int:
    """Return the same of so many active tasks."""
    queueing = max(0, finishing - limits.max_running)
    return active - finishing + queueing + (paused if limits.hold_slot_while_paused else 0)


def host_loads(running: Sequence[Running]) -> Counter[str]:
    """Return the connections in use to each host. A task that has none yet is about to open one, or needs none any more."""
    loads: Counter[str] = Counter()
    for task in running:
        loads[task.host] += task.connections or (0 if task.finishing else 1)
    return loads


def window_opens(limits: Limits, situation: Situation) -> float | None:
    """Return the epoch second at which downloads may run again, None while they may."""
    if not limits.window:
        return None
    opening = opens_at(_window(limits.window), situation.local)
    assert opening is not None, "a window that could be parsed opens once a week"
    wait = opening - situation.local
    return situation.now + wait.total_seconds() if wait else None


_window = lru_cache(maxsize=8)(parse_window)  # reading the text paints a whole week, once is enough


def _within_hosts(
    ordered: Sequence[Candidate], loads: Counter[str], limits: Limits, situation: Situation
) -> Iterator[Candidate]:
    """Yield those whose host has a connection left, each taking one. A host not known yet ("") has no limit."""
    for task in ordered:
        if not task.host or loads[task.host] < room(task.host, limits, situation):
            loads[task.host] += 1
            yield task
