"""What a runtime can be asked, be it in this process or behind a service: the verbs that faces speak.

:class:`argosy.Runtime` and :class:`argosy.Client` both satisfy this; their docstrings tell what each verb does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from pathlib import Path

    from argosy.bus.local import Event
    from argosy.core.events import Recorded
    from argosy.core.explain import Reason
    from argosy.core.limits import Limits
    from argosy.core.model import ModelStatus
    from argosy.core.types import FileState, Progress, Queue, Status, Task, TaskId
    from argosy.runtime.admission import Request
    from argosy.runtime.handle import TaskHandle
    from argosy.runtime.message import Outcome
    from argosy.runtime.repair import VerifyReport
    from argosy.store.port import Query


class Events(Protocol):
    """An async iterator and context manager over events; hears from the moment the block is entered."""

    @property
    def cursor(self) -> int | None:
        """Number of the last lasting event known of: giving it as ``after`` goes on from there."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> Event: ...

    async def within(self, seconds: float) -> Event | None:
        """Return the next event, or None if there is none within that time."""

    def close(self) -> None: ...


class Commands(Protocol):
    """A runtime, near or far."""

    @property
    def here(self) -> bool:
        """Whether the files it tells of are files of this machine."""
        ...

    @property
    def works(self) -> bool:
        """Whether what is added is also fetched."""
        ...

    async def add_many(self, requests: Sequence[Request]) -> list[TaskHandle]: ...

    # -- models, and whatever must be here ---------------------------------------------------------
    async def models(self) -> Sequence[ModelStatus]: ...

    async def begin(
        self, source: str, *, directory: str | Path | None = None, include: Sequence[str] = (),
        exclude: Sequence[str] = (), queue: Queue = ...,
    ) -> ModelStatus: ...  # fmt: skip

    async def ensure(
        self, source: str, *, directory: str | Path | None = None,
        progress: Callable[[Progress], object] | None = None, include: Sequence[str] = (), exclude: Sequence[str] = (),
    ) -> Path: ...  # fmt: skip

    async def followed(self, status: ModelStatus, progress: Callable[[Progress], object] | None = None) -> Path: ...

    # -- verbs -------------------------------------------------------------------------------------
    async def pause(self, ids: Sequence[TaskId]) -> list[Outcome]: ...

    async def resume(self, ids: Sequence[TaskId]) -> list[Outcome]: ...

    async def start(self, ids: Sequence[TaskId]) -> list[Outcome]: ...

    async def cancel(self, ids: Sequence[TaskId]) -> list[Outcome]: ...

    async def remove(self, ids: Sequence[TaskId], *, files: bool = False) -> list[Outcome]: ...

    async def update(self, task_id: TaskId, *, urls: Sequence[str] | None = None) -> Task: ...

    async def retry(self, ids: Sequence[TaskId]) -> list[Outcome]: ...

    async def finish(self, ids: Sequence[TaskId]) -> list[Outcome]: ...

    async def prioritise(
        self, ids: Sequence[TaskId], *, priority: int | None = None, queue: Queue | None = None
    ) -> list[Outcome]: ...

    async def move_to_top(self, ids: Sequence[TaskId]) -> list[Outcome]: ...

    async def apply_limits(self, **changes: object) -> Limits: ...

    # -- what there is -----------------------------------------------------------------------------
    async def tasks(self, query: Query | None = None) -> Sequence[Task]: ...

    async def task(self, task_id: TaskId) -> Task: ...

    async def resolve(self, prefix: str) -> TaskId: ...

    async def files(self, task_id: TaskId) -> Sequence[FileState]: ...

    async def counts(self) -> Mapping[Status, int]: ...

    async def events(
        self, *, after: int = 0, limit: int = 1000, task_id: TaskId | None = None
    ) -> Sequence[Recorded]: ...

    def subscribe(self, *, after: int | None = None, task_id: TaskId | None = None, buffer: int = 1024) -> Events: ...

    def live_progress(self, task_id: TaskId) -> Progress | None: ...

    def progress_of(self, task: Task) -> Progress: ...

    async def why(self, task_id: TaskId) -> Reason: ...

    async def verify(self, task_id: TaskId, *, repair: bool = False) -> VerifyReport: ...

    # -- waiting -----------------------------------------------------------------------------------
    async def rest(self, task_id: TaskId) -> Task | None: ...

    async def idle(self) -> None: ...
