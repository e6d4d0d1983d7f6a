"""Argosy: a download runtime. Hand it a URL and it arrives whole, whatever dies on the way.

::

             commands (serialised)                assignments
     CLI ──┐    ┌────────────────┐   ┌───────────┐   ┌─────────────┐   ┌─────────┐
     HTTP ─┼──► │ Command router │──►│ Scheduler │──►│ Worker pool │──►│ Engines │──► network
     Lib ──┘    └───────┬────────┘   └─────┬─────┘   └──────┬──────┘   └────┬────┘
                        │ transitions      │ claims         │ gauges        ▼
                        ▼                  ▼                ▼          destination
                 ┌──────────────────────────────┐    ┌──────────────┐
                 │ Store (truth)                │    │ Progress hub │
                 └──────────────┬───────────────┘    └──────┬───────┘
                                │ after commit              │ ≤ 15 Hz a task
                                ▼                           ▼
                            ┌─────────────────────────────────┐
                            │ Event bus (ordered, replayable) │──► whoever listens
                            └─────────────────────────────────┘

One file, from a script::

    import argosy

    path = argosy.get("https://example.org/data.tar.gz", checksum="sha256:…")

Many, with everything that can be said about them::

    async with argosy.Runtime() as runtime:
        task = await runtime.add("https://example.org/data.tar.gz", directory="data", priority=5)
        async for now in task.progress():
            print(now.received, now.total, now.smoothed_bps)
        await task
        print(task.path)

Whatever is added is durable once ``add`` returns: if the process or the machine dies, the next runtime on the same store
goes on where this one was.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argosy.bus.local import Gap, Subscription
    from argosy.client.client import Client
    from argosy.core.checksum import Checksum
    from argosy.core.events import DownloadMetrics, DownloadProgress, Recorded, StatusChanged, Warned
    from argosy.core.explain import Reason
    from argosy.core.limits import Limits
    from argosy.core.types import FileState, Progress, Queue, Status, Task, TransferOptions
    from argosy.errors import ArgosyError
    from argosy.runtime.admission import Request
    from argosy.runtime.handle import TaskHandle
    from argosy.runtime.manager import Runtime
    from argosy.runtime.oneshot import aget, ensure, get
    from argosy.store.port import Query

_HOMES = {
    "argosy.bus.local": ("Gap", "Subscription"),
    "argosy.client.client": ("Client",),
    "argosy.core.checksum": ("Checksum",),
    "argosy.core.events": ("DownloadMetrics", "DownloadProgress", "Recorded", "StatusChanged", "Warned"),
    "argosy.core.explain": ("Reason",),
    "argosy.core.limits": ("Limits",),
    "argosy.core.types": ("FileState", "Progress", "Queue", "Status", "Task", "TransferOptions"),
    "argosy.errors": ("ArgosyError",),
    "argosy.runtime.admission": ("Request",),
    "argosy.runtime.handle": ("TaskHandle",),
    "argosy.runtime.manager": ("Runtime",),
    "argosy.runtime.oneshot": ("aget", "ensure", "get"),
    "argosy.store.port": ("Query",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ArgosyError", "Checksum", "Client", "DownloadMetrics", "DownloadProgress", "FileState", "Gap", "Limits", "Progress", "Query",
    "Queue", "Reason", "Recorded", "Request", "Runtime", "Status", "StatusChanged", "Subscription", "Task", "TaskHandle",
    "TransferOptions", "Warned", "aget", "ensure", "get",
]  # fmt: skip
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module has under that name
    """Import what is asked for when it is asked for: ``argosy --help`` needs neither curl nor SQLite."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'argosy' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
