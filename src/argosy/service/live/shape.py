"""The shapes of events as clients are shown them: what :func:`argosy.service.live.item.document` makes, for descriptions.

A test holds every event that is sent to these.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from argosy.core.types import Status

EXACT = ConfigDict(extra="forbid")


class ErrorShape(TypedDict):
    """Why a status changed, if an error is why."""

    __pydantic_config__ = EXACT  # type: ignore[misc]

    code: str
    message: str
    hint: str


StatusPayload = TypedDict(
    "StatusPayload",
    {
        "task_id": str,
        "from": Annotated[Status | None, Field(description="null: the task is new")],
        "to": Annotated[Status | None, Field(description="null: the task was removed")],
        "error": NotRequired[ErrorShape],
    },
)
StatusPayload.__pydantic_config__ = EXACT  # type: ignore[attr-defined]


class WarningPayload(TypedDict):
    """Something that somebody may want to act on."""

    __pydantic_config__ = EXACT  # type: ignore[misc]

    code: str
    message: str
    task_id: NotRequired[str]


class ProgressPayload(TypedDict):
    """How far a task is; bytes, and bytes per second."""

    __pydantic_config__ = EXACT  # type: ignore[misc]

    task_id: str
    downloaded: int
    total: int | None
    instantaneous_speed: float
    smoothed_speed: float
    eta_secs: float | None


class MetricsPayload(TypedDict):
    """The whole runtime."""

    __pydantic_config__ = EXACT  # type: ignore[misc]

    active: int
    queued: int
    avg_speed: float
    per_protocol: dict[str, float]


class Logged(TypedDict):
    """What every event of the log has."""

    __pydantic_config__ = EXACT  # type: ignore[misc]

    seq: Annotated[int, Field(description="its number in the log; give the last one as `after` or `Last-Event-ID`")]
    at: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    version: Annotated[int, Field(description="of the task, as the event left it; 0 for none")]


class TaskStatusChanged(Logged):
    """A task is in another status now; told after the commit."""

    event: Literal["task_status_changed"]
    reason: Annotated[str, Field(description="in a word or two: `user`, `scheduler`, an error's code …")]
    payload: StatusPayload


class RuntimeWarned(Logged):
    """A warning."""

    event: Literal["runtime_warning"]
    payload: WarningPayload


class DownloadProgress(TypedDict):
    """Live: the newest of each task, at most ten times a second."""

    __pydantic_config__ = EXACT  # type: ignore[misc]

    event: Literal["download_progress"]
    payload: ProgressPayload


class DownloadMetrics(TypedDict):
    """Live: about once a second, while something changes."""

    __pydantic_config__ = EXACT  # type: ignore[misc]

    event: Literal["download_metrics"]
    payload: MetricsPayload


Event = Annotated[TaskStatusChanged | RuntimeWarned | DownloadProgress | DownloadMetrics, Field(discriminator="event")]
EVENTS = (TaskStatusChanged, RuntimeWarned, DownloadProgress, DownloadMetrics)
