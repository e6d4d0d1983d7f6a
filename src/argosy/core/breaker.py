"""When a host fails every task, all its tasks leave it alone for a while: the circuit breaker, as a value for each host.

::

    closed ──(TOLERATED tasks failed, nothing came between)──► open ──(the pause is over)──► half open
       ▲                                                        ▲  the pause doubles            │  one task at a time
       └──────────────── a sign of life ────────────────────────┴────────── it fails ───────────┘

Retries are each task's own: five hundred tasks that each wait their turn still ask a dying host hundreds of times a
minute. What counts is how many *different* tasks fail, so a single download is never slowed by it. A pause costs no task
a retry. A host that nobody has tried for :data:`FORGOTTEN_S` starts afresh.
"""

from __future__ import annotations

from typing import Final

from argosy.core.types import TaskId
from argosy.errors import Failure, NetworkError, ServerBusy
from argosy.value import dataclass

TOLERATED: Final = 5
"""So many tasks of a host may fail in a row before it is left alone."""
FORGOTTEN_S: Final = 3600.0
NOBODYS: Final = frozenset({"offline", "unknown_host"})
"""Codes of failures that no host has seen anything of: there is nobody to spare."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Pauses of ``first_s``, twice that, and so on, never above ``cap_s``."""

    first_s: float
    cap_s: float


BACKLOG: Final = Pace(5.0, 300.0)
"""For a queue that is worked while nobody looks on."""
FOREGROUND: Final = Pace(0.1, 0.2)
"""For a command that somebody waits for: a long list on a dead host has to end some time."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """What is known of a host of which something failed lately."""

    failed: frozenset[TaskId] = frozenset()
    """Tasks that failed with no sign of life between, at most :data:`TOLERATED`."""
    pauses: int = 0
    """How often it has been left alone since the last sign of life; 0: the circuit is closed."""
    since: float = 0.0
    """When the last failure was heard of (epoch seconds)."""
    pause_s: float = 0.0


def is_trouble(failure: Failure) -> bool:
    """Tell whether the failure is the host's: it did not answer, or said that it cannot now."""
    if not failure.retryable or failure.code in NOBODYS:
        return False
    return failure.exit_code in (NetworkError.exit_code, ServerBusy.exit_code)


def is_alive(failure: Failure, *, progressed: bool) -> bool:
    """Tell whether, for all the failure, the host serves: bytes came, or a definite answer such as 404."""
    return progressed or (failure.code.startswith("http_") and not failure.retryable)


def failed(circuit: Circuit, task_id: TaskId, now: float, pace: Pace) -> Circuit:
    """Return the circuit after one more task failed. Who began before the pause and fails within it prolongs nothing."""
    if is_old(circuit, now):
        circuit = Circuit()
    if left_alone_until(circuit, now) is not None:
        return circuit
    tasks = circuit.failed if len(circuit.failed) >= TOLERATED else circuit.failed | {task_id}
    if len(tasks) < TOLERATED:
        return Circuit(tasks, 0, now)
    pause_s = min(pace.cap_s, max(pace.first_s, 2 * circuit.pause_s))
    return Circuit(tasks, circuit.pauses + 1, now, pause_s)


def left_alone_until(circuit: Circuit, now: float) -> float | None:
    """Return when the pause ends, None if there is none. A clock that was set back ends it."""
    until = circuit.since + circuit.pause_s
    return until if circuit.since <= now < until else None


def is_open(circuit: Circuit, now: float) -> bool:
    """Tell whether the host is left alone, or tried with one task at a time."""
    return circuit.pauses > 0 and not is_old(circuit, now)


def is_old(circuit: Circuit, now: float) -> bool:
    """Tell whether so long nothing has failed that it says nothing of the host today."""
    return now - circuit.since > FORGOTTEN_S
