"""What the runtime tells: four kinds, with exactly the names, fields and units that every surface has promised."""

from __future__ import annotations

import json

import pytest

from argosy.core.events import NAMES, DownloadMetrics, DownloadProgress, Lasting, Live, StatusChanged, Warned, payload
from argosy.core.types import Status
from argosy.errors import Failure

PROMISED: dict[str, tuple[set[str], set[str]]] = {
    "download_progress": (
        {"task_id", "downloaded", "total", "instantaneous_speed", "smoothed_speed", "eta_secs"}, set(),
    ),
    "download_metrics": ({"active", "queued", "avg_speed", "per_protocol"}, set()),
    "task_status_changed": ({"task_id", "from", "to"}, {"error"}),
    "runtime_warning": ({"code", "message"}, {"task_id"}),
}  # fmt: skip
"""Fields that are always there, and those that may be left out. Bytes, bytes per second, seconds."""

TOLD: list[tuple[Lasting | Live, dict[str, object]]] = [
    (
        DownloadProgress("t", 512, 1024, 64.0, 32.5, 15.75),
        {"task_id": "t", "downloaded": 512, "total": 1024, "instantaneous_speed": 64.0, "smoothed_speed": 32.5, "eta_secs": 15.75},
    ),
    (
        DownloadProgress("t", 512, None, 64.0, 32.5, None),
        {"task_id": "t", "downloaded": 512, "total": None, "instantaneous_speed": 64.0, "smoothed_speed": 32.5, "eta_secs": None},
    ),
    (
        DownloadMetrics(2, 7, 96.5, {"https": 90.0, "ftp": 6.5}),
        {"active": 2, "queued": 7, "avg_speed": 96.5, "per_protocol": {"https": 90.0, "ftp": 6.5}},
    ),
    (
        StatusChanged("t", Status.RUNNING, Status.PAUSING, "user"),
        {"task_id": "t", "from": "running", "to": "pausing"},
    ),
    (
        StatusChanged("t", None, Status.PENDING, "user"),
        {"task_id": "t", "from": None, "to": "pending"},
    ),
    (
        StatusChanged("t", Status.RUNNING, Status.FAILED, "http_404", Failure("http_404", "404 Not Found", "check the URL")),
        {
            "task_id": "t", "from": "running", "to": "failed",
            "error": {"code": "http_404", "message": "404 Not Found", "hint": "check the URL"},
        },
    ),
    (
        Warned("retries_exhausted", "gave up after 5 retries", "t"),
        {"code": "retries_exhausted", "message": "gave up after 5 retries", "task_id": "t"},
    ),
    (Warned("store_slow", "the store is slow"), {"code": "store_slow", "message": "the store is slow"}),
]  # fmt: skip


@pytest.mark.parametrize(("event", "told"), TOLD, ids=lambda value: type(value).__name__)
def test_a_payload_is_what_was_promised(event: Lasting | Live, told: dict[str, object]) -> None:
    shown = json.loads(json.dumps(payload(event)))
    assert shown == told
    always, perhaps = PROMISED[NAMES[type(event)]]
    assert always <= shown.keys() <= always | perhaps


def test_there_are_four_kinds_and_no_other() -> None:
    assert set(NAMES.values()) == PROMISED.keys()
    assert {NAMES[type(event)] for event, _ in TOLD} == PROMISED.keys()
