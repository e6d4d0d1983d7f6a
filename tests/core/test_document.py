"""The shapes that every surface shows."""

from __future__ import annotations

from dataclasses import replace

from argosy.core import document
from argosy.core.checksum import parse
from argosy.core.events import DownloadMetrics, Recorded, StatusChanged, Warned
from argosy.core.explain import Reason
from argosy.core.model import Model, ModelStatus, Presence, figures
from argosy.core.probe import Found, Probe
from argosy.core.types import FileSpec, FileState, FileStatus, Progress, Status, Task, TaskSpec
from argosy.errors import Failure

T0 = 1_800_000_000.0
SPEC = TaskSpec("https://u:p@h/a.bin?token=x", "/d/")
TASK = Task(
    "t" * 32,
    SPEC,
    T0,
    T0 + 0.5,
    status=Status.RUNNING,
    host="h:443",
    received=25,
    total=100,
    speed_bps=9.6,
    connections=3,
)
LIVE = Progress(TASK.id, 60, 120, 8.0, 7.5, 8.0, connections=4, files_done=1, files_total=2)
PROBE = Probe("https://u:p@h/a", "web", "curl", "/d", "a", 1, 10, None, 10, None, None)


def test_a_task_is_shown_with_what_is_stored_of_it_and_without_its_secrets() -> None:
    shown = document.of_task(TASK)
    assert (shown.source, shown.status, shown.queue) == ("https://***@h/a.bin?token=***", "running", "automatic")
    assert (shown.received, shown.total, shown.percent, shown.speed_bps, shown.connections) == (25, 100, 25.0, 10, 3)
    assert (shown.eta_s, shown.files_done, shown.files_total, shown.error) == (None, 0, 1, None)
    assert (shown.created_at, shown.finished_at) == ("2027-01-15T08:00:00.000Z", None)


def test_live_counters_win_over_stored_ones() -> None:
    shown = document.of_task(TASK, LIVE)
    assert (shown.received, shown.total, shown.percent, shown.speed_bps, shown.connections) == (60, 120, 50.0, 8, 4)
    assert (shown.eta_s, shown.files_done, shown.files_total) == (8.0, 1, 2)
    assert document.of_task(TASK, replace(LIVE, total=None)).percent is None


def test_what_does_not_run_has_no_speed() -> None:
    shown = document.of_task(replace(TASK, status=Status.PAUSED))
    assert (shown.speed_bps, shown.connections) == (0, 0)


def test_the_percentage_of_what_is_complete_is_100_and_of_what_is_unknown_none() -> None:
    assert document.of_task(replace(TASK, status=Status.COMPLETED, total=None)).percent == 100.0
    assert document.of_task(replace(TASK, total=None)).percent is None


def test_a_single_file_that_was_asked_for_has_its_name() -> None:
    one = replace(SPEC, files=(FileSpec(("https://h/a",), path="b.bin"),))
    two = replace(SPEC, files=(*one.files, *one.files))
    shown = [document.of_task(replace(TASK, spec=spec)) for spec in (SPEC, one, two)]
    assert [(each.asked_name, each.asked_files) for each in shown] == [(None, 0), ("b.bin", 1), (None, 2)]


def test_a_file_has_a_path_once_it_is_there() -> None:
    file = FileState("t", 0, ("https://h/a?sig=1", "https://m/a"), path="a", size=3, checksum=parse("md5:" + "0" * 32))
    shown = document.of_file(file, "/d/")
    assert (shown.path, shown.url, shown.mirrors, shown.checksum) == (None, "https://h/a?sig=***", 1, "md5:" + "0" * 32)
    done = replace(
        file, status=FileStatus.DONE, published="x/a", checksum=None, error=Failure("c", "m", "h", retryable=True)
    )
    shown = document.of_file(done, "/d/")
    assert (shown.path, shown.checksum) == ("/d/x/a", None)
    assert shown.error == document.ErrorDocument("c", "m", "h", retryable=True, exit_code=1)
    assert document.of_file(replace(done, published=None), "/d").path is None


def test_a_logged_event_has_its_number_and_its_time_a_live_one_has_none() -> None:
    changed = Recorded(7, T0, 2, StatusChanged("t", None, Status.PENDING, "user"))
    shown = document.of_event(changed)
    assert (shown.event, shown.seq, shown.at, shown.version, shown.reason) == (
        "task_status_changed", 7, "2027-01-15T08:00:00.000Z", 2, "user",
    )  # fmt: skip
    assert document.of_event(replace(changed, event=Warned("c", "m"))).reason is None
    live = document.of_event(DownloadMetrics(1, 2, 3.0))
    assert (live.event, live.seq, live.at) == ("download_metrics", None, None)


def test_a_reason_ends_at_a_time_or_does_not() -> None:
    assert document.of_reason(Reason("slot", "waits")).until is None
    assert document.of_reason(Reason("retry", "waits", T0)).until == "2027-01-15T08:00:00.000Z"


def test_a_probe_shows_what_was_asked_of_the_first_file_or_nothing() -> None:
    shown = document.of_probe(PROBE)
    assert (shown.source, shown.url, shown.resumable, shown.fits) == ("https://***@h/a", None, None, True)
    asked = replace(PROBE, found=Found("https://h/b?key=1", resumable=True, etag='"e"'), size=11)
    shown = document.of_probe(asked)
    assert (shown.url, shown.resumable, shown.etag, shown.fits) == ("https://h/b?key=***", True, '"e"', False)
    assert document.of_probe(replace(PROBE, free=None)).fits is None
    assert document.of_probe(replace(PROBE, size=None)).fits is None


# -- models --------------------------------------------------------------------------------------------


def test_a_model_is_shown_with_its_task_if_it_has_one() -> None:
    assert document.of_model(ModelStatus("m", Presence.ABSENT)).task is None
    shown = document.of_model(ModelStatus("m", Presence.UNDER_WAY, task=TASK), LIVE)
    assert shown.task is not None
    assert (shown.state, shown.task.received) == ("under_way", 60)


def test_the_size_of_a_model_is_known_if_that_of_every_file_is() -> None:
    known, unknown = FileSpec(("u",), size=5), FileSpec(("u",))
    sizes = [Model("m", "", files).size for files in ((), (known, known), (known, unknown))]
    assert sizes == [None, 10, None]


def test_essential_models_come_before_all_others() -> None:
    assert Model("m", "", priority=-1000, essential=True).rank > Model("m", "", priority=1000).rank


def test_figures_tell_the_average_and_what_is_left() -> None:
    started = replace(TASK, started_at=T0)
    told = figures(started, LIVE, T0 + 10)
    assert (told.average_bps, told.elapsed_s, told.remaining_bytes, told.remaining_s) == (6, 10.0, 60, 8.0)
    guessed = figures(started, replace(LIVE, eta_s=None), T0 + 10)
    assert guessed.remaining_s == 10.0
    idle = figures(TASK, replace(LIVE, received=0, eta_s=None), T0 + 10)
    assert (idle.average_bps, idle.elapsed_s, idle.remaining_s) == (0, 0.0, None)
    endless = figures(started, replace(LIVE, total=None, eta_s=None), T0 + 10)
    assert (endless.percent, endless.remaining_bytes, endless.remaining_s) == (None, None, None)
    done = figures(replace(started, finished_at=T0 + 6), replace(LIVE, received=120), T0 + 1e6)
    assert (done.average_bps, done.remaining_bytes, done.remaining_s) == (20, 0, 0.0)


def test_what_is_shown_of_them_in_a_log_says_where_they_stand() -> None:
    assert repr(TASK) == "<Task tttttttt running v1 25/100>"
    assert repr(FileState("t" * 32, 2, ("u",), size=9)) == "<File tttttttt#2 pending 0/9>"
