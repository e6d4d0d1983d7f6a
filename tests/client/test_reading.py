"""What a service shows of a value, read back, shows the same again."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.client import reading
from argosy.core import document
from argosy.core.checksum import Checksum
from argosy.core.events import DownloadMetrics, DownloadProgress, Recorded, StatusChanged, Warned
from argosy.core.explain import Reason
from argosy.core.types import (
    ACTIVE,
    FileSpec,
    FileState,
    FileStatus,
    Progress,
    Queue,
    Status,
    Task,
    TaskSpec,
    TransferOptions,
)
from argosy.errors import BadResponse, Failure

ID = "0123456789abcdef" * 2
moments = st.floats(min_value=0, max_value=4e9, allow_nan=False)
maybe_moments = st.none() | moments
counts = st.integers(0, 2**60)
failures = st.none() | st.builds(
    Failure, st.text(), st.text(), st.text(), st.booleans(), st.integers(0, 255), st.none()
)
specs = st.builds(
    lambda source, files, name, options: TaskSpec(
        source, "/data", tuple(FileSpec((source,), path=name if files == 1 else None) for _ in range(files)), options
    ),
    st.text(min_size=1), st.integers(0, 3), st.none() | st.text(min_size=1),
    st.builds(TransferOptions, connections=st.integers(1, 64), limit_bps=st.none() | counts, insecure=st.booleans()),
)  # fmt: skip
tasks = st.builds(
    Task, st.just(ID), specs, moments, moments, number=counts, version=counts, status=st.sampled_from(Status),
    queue=st.sampled_from(Queue), priority=st.integers(-100, 100), host=st.text(), pid=st.none() | counts,
    attempt=st.integers(0, 99), max_retries=st.integers(0, 99), due_at=maybe_moments, error=failures,
    name=st.none() | st.text(min_size=1), received=counts, total=st.none() | counts, files_total=counts, files_done=counts,
    speed_bps=st.floats(0, 1e12), connections=st.integers(0, 64), started_at=maybe_moments, finished_at=maybe_moments,
    warning=st.none() | st.text(),
)  # fmt: skip


def wired(shown: object) -> dict[str, object]:
    """Return the document as it comes out of the wire."""
    told: dict[str, object] = json.loads(json.dumps(asdict(shown)))  # type: ignore[call-overload]
    return told


@given(tasks)
def test_a_task_read_back_shows_the_same(task: Task) -> None:
    shown = document.of_task(task)
    assert document.of_task(reading.task(wired(shown))) == shown


@given(tasks)
def test_what_a_later_release_adds_is_left_aside(task: Task) -> None:
    shown = document.of_task(task)
    assert document.of_task(reading.task({**wired(shown), "colour": "red"})) == shown


def test_a_document_that_lacks_something_is_refused_with_words() -> None:
    with pytest.raises(BadResponse, match="asked_files"):
        reading.read(reading.task, {"source": "x", "asked_name": None})


@given(st.sampled_from(sorted(ACTIVE)), counts, st.none() | counts, st.none() | st.floats(0, 1e6))
def test_the_counters_of_a_running_task_are_those_it_was_shown_with(
    status: Status, received: int, total: int | None, eta_s: float | None
) -> None:
    task = Task(ID, TaskSpec("http://x/", "/data"), 0.0, 0.0, status=status)
    progress = Progress(ID, received, total, 5.0, 5.0, eta_s, 3, 1, 2)
    assert reading.progress(wired(document.of_task(task, progress))) == progress


@given(
    st.builds(
        FileState, st.just(ID), st.integers(0, 9), st.lists(st.just("http://x/a"), min_size=1, max_size=3).map(tuple),
        path=st.none() | st.text(min_size=1), size=st.none() | counts,
        checksum=st.none() | st.just(Checksum("sha256", "ab" * 32)), status=st.sampled_from(FileStatus),
        received=counts, resumable=st.none() | st.booleans(), error=failures, verified_by=st.none() | st.text(),
        published=st.none() | st.sampled_from(["a", "b/c", ".d"]),
    )
)  # fmt: skip
def test_a_file_read_back_shows_the_same(state: FileState) -> None:
    shown = document.of_file(state, "/data")
    assert document.of_file(reading.file(wired(shown), ID, "/data"), "/data") == shown


@pytest.mark.parametrize(
    "event",
    [
        Recorded(1, 5.25, 2, StatusChanged(ID, None, Status.PENDING, "user")),
        Recorded(2, 5.5, 3, StatusChanged(ID, Status.RUNNING, Status.FAILED, "dns", Failure("dns", "no", "try"))),
        Recorded(3, 5.5, 4, StatusChanged(ID, Status.FAILED, None, "user")),
        Recorded(4, 5.5, 0, Warned("disk_full", "no room", ID)),
        Recorded(5, 5.5, 0, Warned("clock", "it jumped")),
        DownloadProgress(ID, 1, None, 2.5, 3.5, None),
        DownloadMetrics(1, 2, 3.5, {"https": 3.5}),
    ],
)
def test_an_event_read_back_is_the_same(event: Recorded | DownloadProgress | DownloadMetrics) -> None:
    assert reading.event(wired(document.of_event(event))) == event


def test_a_live_event_is_in_no_log() -> None:
    with pytest.raises(BadResponse):
        reading.read(reading.logged, wired(document.of_event(DownloadMetrics(1, 2, 3.5))))


@given(st.none() | moments)
def test_a_reason_read_back_shows_the_same(until: float | None) -> None:
    shown = document.of_reason(Reason("retry", "in a moment", until))
    assert document.of_reason(reading.reason(wired(shown))) == shown


def test_counters_follow_what_is_heard_until_the_task_no_longer_runs() -> None:
    live = {ID: Progress(ID, 1, 9, 0.0, 0.0, None, 4, 1, 2)}
    reading.heard(live, DownloadProgress(ID, 5, 9, 2.0, 1.0, 4.0))
    assert live[ID] == Progress(ID, 5, 9, 2.0, 1.0, 4.0, 4, 1, 2)
    reading.heard(live, Recorded(1, 0.0, 2, StatusChanged(ID, Status.RUNNING, Status.COMPLETING, "")))
    assert live
    reading.heard(live, Recorded(2, 0.0, 3, StatusChanged(ID, Status.COMPLETING, Status.COMPLETED, "")))
    assert not live


def test_a_task_of_many_files_does_not_take_the_memory_that_a_service_wants_it_to() -> None:
    shown = wired(document.of_task(Task(ID, TaskSpec("http://x/", "/data"), 0.0, 0.0)))
    assert len(reading.task({**shown, "asked_files": 10**15}).spec.files) == reading.MOST_FILES
    assert replace(reading.task(shown)).spec.files == ()
