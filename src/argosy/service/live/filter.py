"""Which events somebody wants. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from argosy.core.events import NAMES, DownloadMetrics, DownloadProgress, Lasting, Live, StatusChanged
from argosy.core.redact import redacted_url
from argosy.core.types import Status, Task, TaskId

EventName = Literal["task_status_changed", "runtime_warning", "download_progress", "download_metrics"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What must be known of a task to tell whether its events are wanted."""

    host: str
    source: str
    name: str


def facts_of(task: Task) -> Facts:
    """Return what may be asked of a task: nobody is to find out a URL's secret by asking whether it begins with an ``a``."""
    return Facts(task.host, redacted_url(task.spec.source).casefold(), (task.name or "").casefold())


@dataclass(frozen=True, slots=True)
class Filter:
    """Everything, or what all of the given conditions hold for.

    What concerns no single task goes to those who did not narrow by task, status, host or text.
    """

    tasks: frozenset[TaskId] | None = None
    statuses: frozenset[Status] | None = None
    """Status changes from or to one of these, and progress if ``running`` is among them; warnings of any task."""
    host: str | None = None
    text: str | None = None
    """Found anywhere in the source or the name, ignoring case."""
    types: frozenset[EventName] | None = None

    @property
    def needs_facts(self) -> bool:
        """Whether an event alone does not tell."""
        return self.host is not None or self.text is not None

    @property
    def narrow(self) -> bool:
        return self.tasks is not None or self.statuses is not None or self.needs_facts

    def admits(self, event: Lasting | Live, facts: Mapping[TaskId, Facts]) -> bool:
        """Whether the event is wanted. A task nobody knows anything of any more (it was removed) is let through."""
        if self.types is not None and NAMES[type(event)] not in self.types:
            return False
        task_id = task_of(event)
        if task_id is None:
            return not self.narrow
        if self.tasks is not None and task_id not in self.tasks:
            return False
        if self.statuses is not None and not self._status_admits(event, self.statuses):
            return False
        known = facts.get(task_id) if self.needs_facts else None
        return known is None or self.facts_admit(known)

    def _status_admits(self, event: Lasting | Live, statuses: frozenset[Status]) -> bool:
        if isinstance(event, StatusChanged):
            return event.to in statuses or event.from_ in statuses
        return not isinstance(event, DownloadProgress) or Status.RUNNING in statuses

    def facts_admit(self, known: Facts) -> bool:
        if self.host is not None and known.host != self.host:
            return False
        wanted = "" if self.text is None else self.text.casefold()
        return wanted in known.source or wanted in known.name


def task_of(event: Lasting | Live) -> TaskId | None:
    """Return the task that the event is about, None if it is about none in particular."""
    return None if isinstance(event, DownloadMetrics) else event.task_id
