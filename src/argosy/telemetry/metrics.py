"""Every metric there is, in one list: what is not here cannot be measured, and what is here is on the board or in an alert.

Labels have few values by design: a route's template and never an address, an error's code and never its text.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from argosy.about import VERSION

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
QUICK_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LONG_S: Final = (0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 86_400)


disable_created_metrics()  # type: ignore[no-untyped-call]  # a series of its own for each series, which nobody here asks for


class Metrics:
    """One service's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = at = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=at)
        self.build = Gauge("argosy_build_info", "Which release this is; always 1.", ["version"], registry=at)
        self.build.labels(VERSION).set(1)

        # -- tasks
        self.tasks = Gauge("argosy_tasks", "Tasks stored, by status.", ["status"], registry=at)
        self.queue_depth = Gauge("argosy_queue_depth", "Tasks that wait, by queue.", ["queue"], registry=at)
        self.running = Gauge("argosy_running_tasks", "Tasks this process runs.", registry=at)
        self.slots = Gauge("argosy_slots", "Tasks that may run at once.", registry=at)
        self.finished = Counter(
            "argosy_task_completions", "Tasks that ended, by outcome.", ["outcome"], registry=at
        )  # fmt: skip
        self.duration = Histogram(
            "argosy_task_duration_seconds", "From a task's first start in this process to its end.", ["outcome"],
            buckets=LONG_S, registry=at,
        )  # fmt: skip
        self.retries = Counter(
            "argosy_task_retries", "Attempts that failed and are tried again.", ["code"], registry=at
        )
        self.warnings = Counter("argosy_warnings", "Runtime warnings, by code.", ["code"], registry=at)

        # -- bytes
        self.received = Counter("argosy_received_bytes", "Bytes of files that have come.", registry=at)
        self.speed = Gauge("argosy_speed_bytes_per_second", "How fast they come, over all tasks.", registry=at)
        self.connections = Gauge("argosy_source_connections", "Connections to where files come from.", registry=at)
        self.disk_free = Gauge("argosy_disk_free_bytes", "Room where downloads go.", registry=at)

        # -- store and events
        self.commit = Histogram(
            "argosy_store_commit_seconds", "How long a decided change takes to be durable.", buckets=QUICK_S, registry=at
        )  # fmt: skip
        self.event_lag = Histogram(
            "argosy_event_lag_seconds", "From an event's decision to its telling.", buckets=QUICK_S, registry=at
        )
        self.loop_lag = Histogram(
            "argosy_loop_lag_seconds", "How late the event loop is.", buckets=QUICK_S, registry=at
        )  # fmt: skip

        # -- the service's own traffic
        self.requests = Counter(
            "argosy_http_requests", "Requests answered.", ["method", "route", "status"], registry=at
        )  # fmt: skip
        self.request_seconds = Histogram(
            "argosy_http_request_seconds", "Until the answer began.", ["route"], buckets=QUICK_S, registry=at
        )
        self.live = Gauge(
            "argosy_live_connections",
            "Open WebSockets and event streams, and requests that wait for a task.",
            ["kind"],
            registry=at,
        )
        self.webhooks = Counter(
            "argosy_webhook_deliveries", "Attempts to deliver a webhook, by outcome.", ["outcome"], registry=at
        )  # fmt: skip

    def text(self) -> bytes:
        """Return all values as Prometheus reads them."""
        return generate_latest(self.registry)
