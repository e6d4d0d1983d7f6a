"""The only way out: what the runtime tells the world.

Four kinds, with exactly these names and payloads (they are the contract of every surface). Status changes and
warnings are committed in the same transaction as what they tell of and carry a sequence number; progress and
metrics are live only: coalesced, at most 15 a second for each task, never replayed.
"""

from __future__ import annotations

from dataclasses import field
from typing import assert_never

from argosy.core.types import Status, TaskId
from argosy.errors import Failure
from argosy.value import dataclass


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """``task_status_changed``: the task is now in ``to``; told after the commit, in order."""

    task_id: TaskId
    from_: Status | None
    to: Status | None
    """None: the task was removed."""
    reason: str
    """Why, in a word or two: ``user``, ``scheduler``, ``lease_lost``, an error's code …"""
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class Warned:
    """``runtime_warning``: something a person may want to act on; ``code`` is stable."""

    code: str
    message: str
    task_id: TaskId | None = None


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """``download_progress``: at most 15 a second for each task."""

    task_id: TaskId
    downloaded: int
    total: int | None
    instantaneous_speed: float
    smoothed_speed: float
    eta_secs: float | None


@dataclass(frozen=True, slots=True)
class DownloadMetrics:
    """``download_metrics``: the whole runtime, about once a second."""

    active: int
    queued: int
    avg_speed: float
    per_protocol: dict[str, float] = field(default_factory=dict)


Lasting = StatusChanged | Warned
"""Kept in the store's log and replayable."""
Live = DownloadProgress | DownloadMetrics
"""Told once to who listens."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A lasting event as the log holds it: ``seq`` grows over the whole store, ``version`` per task."""

    seq: int
    at: float
    version: int
    event: Lasting


EventName = str
NAMES: dict[type[Lasting | Live], EventName] = {
    StatusChanged: "task_status_changed",
    Warned: "runtime_warning",
    DownloadProgress: "download_progress",
    DownloadMetrics: "download_metrics",
}


def payload(event: Lasting | Live) -> dict[str, object]:
    """Return the event's payload as the surfaces show it (JSON-ready, without the name)."""
    match event:
        case StatusChanged():
            shown: dict[str, object] = {"task_id": event.task_id, "from": event.from_, "to": event.to}
            if event.error is not None:
                shown["error"] = {"code": event.error.code, "message": event.error.message, "hint": event.error.hint}
            return shown
        case Warned():
            shown = {"code": event.code, "message": event.message}
            return shown if event.task_id is None else shown | {"task_id": event.task_id}
        case DownloadProgress():
            return {
                "task_id": event.task_id,
                "downloaded": event.downloaded,
                "total": event.total,
                "instantaneous_speed": event.instantaneous_speed,
                "smoothed_speed": event.smoothed_speed,
                "eta_secs": event.eta_secs,
            }
        case DownloadMetrics():
            return {
                "active": event.active,
                "queued": event.queued,
                "avg_speed": event.avg_speed,
                "per_protocol": event.per_protocol,
            }
        case _:
            assert_never(event)
