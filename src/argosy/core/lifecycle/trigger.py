"""The triggers: all that can happen to a task."""

from __future__ import annotations

from argosy.core.types import Queue, TaskSpec
from argosy.errors import Failure
from argosy.value import dataclass


@dataclass(frozen=True, slots=True)
class Pause:
    """A person: stop, keep what there is."""


@dataclass(frozen=True, slots=True)
class Resume:
    """A person: go on, ahead of the backlog. Also takes a waiting task out of its backoff ("start now")."""

    rank: float = 0.0


@dataclass(frozen=True, slots=True)
class Cancel:
    """A person: give up and remove the partial file."""


@dataclass(frozen=True, slots=True)
class Remove:
    """A person: take it off the list; a finished file stays, a partial one goes."""


@dataclass(frozen=True, slots=True)
class Retry:
    """A person: try a failed or cancelled task again, with a fresh count of attempts."""

    rank: float = 0.0


@dataclass(frozen=True, slots=True)
class Prioritise:
    """A person: another priority, queue or rank; None leaves what is."""

    priority: int | None = None
    queue: Queue | None = None
    rank: float | None = None


@dataclass(frozen=True, slots=True)
class Respec:
    """A person: the same bytes by other means, such as a fresh link, a password, or fewer connections.

    What has come so far stays; the engine makes sure that what is still to come fits. An attempt that is under way lets
    go, and the next one goes by the new spec.
    """

    spec: TaskSpec
    host: str
    max_retries: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """The scheduler gives the task to a worker; ``fence`` is above every one the task has had."""

    owner: str
    fence: int
    lease_until: float
    pid: int


@dataclass(frozen=True, slots=True)
class Began:
    """The worker has started."""


@dataclass(frozen=True, slots=True)
class Finishing:
    """The worker has every byte, durable and verified; publishing begins."""

    received: int
    total: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Finished:
    """The worker has published every file."""

    received: int
    total: int
    files_done: int
    name: str | None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The worker let go because it was told to: to pause, to cancel, or because the process is stopping."""

    received: int


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """The worker could not go on. ``uniform`` in [0, 1) is the jitter to use."""

    failure: Failure
    received: int
    uniform: float


@dataclass(frozen=True, slots=True)
class LeaseLost:
    """Nobody holds the task any more: its worker died or did not renew in time."""


UserTrigger = Pause | Resume | Cancel | Remove | Retry | Prioritise | Respec
WorkerTrigger = Began | Finishing | Finished | Stopped | AttemptFailed
Trigger = UserTrigger | WorkerTrigger | Claimed | LeaseLost
