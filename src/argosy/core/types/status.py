"""Where things stand: the states of a task and of a file, and what a person asked meanwhile."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Status(StrEnum):
    """Where a task stands; exactly one at a time (see :mod:`argosy.core.lifecycle` for the ways between)."""

    PENDING = "pending"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    COMPLETING = "completing"
    COMPLETED = "completed"
    RETRYING = "retrying"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = frozenset({Status.SCHEDULED, Status.RUNNING, Status.PAUSING, Status.COMPLETING})
"""A worker holds the task: it has an owner, a fence and a lease."""
WAITING = frozenset({Status.PENDING, Status.RETRYING})
"""The scheduler may pick the task."""
TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
"""Nothing happens any more unless a person asks."""


class Queue(IntEnum):
    """Which of the three queues a waiting task stands in; lower goes first."""

    INTERACTIVE = 0
    AUTOMATIC = 1
    RETRY = 2


class Want(StrEnum):
    """What a person asked of a task that a worker still holds; carried out when the worker lets go."""

    CANCEL = "cancel"
    PAUSE = "pause"
    """Asked while it is being published: it pauses only if that fails."""
    RESUME = "resume"
    REMOVE = "remove"


class FileStatus(StrEnum):
    """Where one file of a task stands."""

    PENDING = "pending"
    RUNNING = "running"
    PUBLISHING = "publishing"
    """All bytes are durable and verified; the rename into place may or may not have happened."""
    DONE = "done"
    SKIPPED = "skipped"
    """Already there and the policy said to leave it."""
    FAILED = "failed"
