"""The pure pieces under the verbs, each with its own table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from argosy.cli import kinds, table, trouble
from argosy.cli.face import Face, from_words
from argosy.cli.progress.board import Board
from argosy.cli.progress.plain import line, whole
from argosy.cli.serve import readable
from argosy.core.types import Progress, Status, Task, TaskSpec
from argosy.errors import DiskFull, UsageError


def task(number: int = 1, **fields: object) -> Task:
    spec = TaskSpec(f"http://host/{number}.bin", "/downloads")
    return replace(Task(f"{number:032x}", spec, 0.0, 0.0), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("1h30m", 5400), ("2d", 172_800), ("0.3", 0.3)]
)
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert kinds.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5x", "-3", "1m1h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        kinds.duration(text)


@pytest.mark.parametrize("text", ["no colon", ": value", "Na me: x", "A: b\r\nEvil: c", "A: \0"])
def test_a_header_that_could_forge_another_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        kinds.header(text)


@pytest.mark.parametrize("text", ["example.org/a", "localhost:80/a", "/path", "", "javascript:x", "http://"])
def test_what_has_no_scheme_is_no_url(text: str) -> None:
    with pytest.raises(UsageError):
        kinds.url(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("example.org/x", "https://example.org/x"), (" a.b-c.example/x?q=1#f ", "https://a.b-c.example/x?q=1#f"),
        ("example.org/", "https://example.org/"), ("http://example.org/x", "http://example.org/x"),
        ("hf:org/name", "hf:org/name"),
    ],
)  # fmt: skip
def test_a_host_and_a_path_mean_https(text: str, url: str) -> None:
    assert kinds.typed_url(text) == (url, "://" not in text and not text.startswith("hf:"))


@pytest.mark.parametrize(
    "text",
    [
        "example.org",
        "data.bin",
        "localhost/x",
        "example.org:8080/x",
        "127.0.0.1/x",
        "./a.txt/b",
        "../x.y/z",
        "a b.c/x",
        "-x.y/z",
    ],
)
def test_what_may_mean_something_else_is_not_completed(text: str) -> None:
    with pytest.raises(UsageError):
        kinds.typed_url(text)


def test_a_file_of_that_name_is_no_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lists.d").mkdir()
    (tmp_path / "lists.d" / "a").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError):
        kinds.typed_url("lists.d/a")


def test_columns_line_up_whatever_script_a_name_is_in() -> None:
    first, second = table.lines([("日本", "x"), ("abcd", "y")])
    assert table.cells(first.partition("x")[0]) == table.cells(second.partition("y")[0])


@pytest.mark.parametrize("width", [12, 20, 33])
def test_a_cut_name_fits_and_keeps_its_ending(width: int) -> None:
    cut = table.cut("日本語のとても長い名前のファイル.tar.gz", width)
    assert table.cells(cut) <= width
    assert cut.endswith("gz")


def test_a_table_never_lets_a_name_steer_the_terminal() -> None:
    assert "\x1b" not in "".join(table.lines([("\x1b[31m", "a\nb")]))


@pytest.mark.parametrize(("codes", "one"), [((), 0), ((5, 5), 5), ((4, 5), 1), ((7,), 7)])
def test_several_failures_have_one_exit_code(codes: tuple[int, ...], one: int) -> None:
    assert trouble.exit_code(codes) == one


def test_an_error_is_told_in_three_parts() -> None:
    said = trouble.words(DiskFull("no room", hint="make room").failure(), Face(colour="never"), "a.bin")
    assert said == "error: a.bin: no room\n  try: make room"


@pytest.mark.parametrize(
    ("words", "json", "quiet", "verbose"),
    [
        (["ls", "--json"], True, False, 0),
        (["-vv", "x"], False, False, 2),
        (["get", "--", "--json"], False, False, 0),
        (["-q"], False, True, 0),
    ],
)
def test_the_face_of_unparsed_words(words: list[str], json: bool, quiet: bool, verbose: int) -> None:
    face = from_words(words)
    assert (face.json, face.quiet, face.verbose) == (json, quiet, verbose)


def running(board: Board, one: Task, received: int, total: int | None) -> None:
    board.add(one, f"{one.id[-1]}.bin")
    board.move(one.id, Status.RUNNING)
    board.measure(Progress(one.id, received, total, 10.0, 10.0, 9.0, connections=2))


def test_a_board_counts_what_ended_and_adds_up_the_bytes() -> None:
    board = Board()
    running(board, task(1), 50, 100)
    running(board, task(2), 10, 100)
    board.end(task(1, status=Status.COMPLETED, received=100, total=100))
    summary = board.summary()
    assert (summary.tasks, summary.done, summary.received, summary.total, summary.percent) == (2, 1, 110, 200, 55.0)


def test_a_crowd_shows_only_those_that_take_a_while() -> None:
    board = Board()
    board.tick(0.0)
    for number in range(5000):
        running(board, task(number), 0, None)
    assert board.lasting() == []
    board.tick(2.0)
    assert len(board.lasting()) == 5000


def test_a_task_that_is_removed_is_not_counted() -> None:
    board = Board()
    running(board, task(1), 0, None)
    board.drop(task(1).id)
    assert board.summary().tasks == 0


def test_plain_lines_say_how_far_how_fast_and_how_long_still() -> None:
    board = Board()
    running(board, task(1), 512, 1024)
    assert line(board.active()[0]) == "1.bin: 50% of 1.0 KiB, 10 B/s, 9s left"
    assert whole(board).startswith("0 of 1 done, 512 B of 1.0 KiB")


@pytest.mark.parametrize(
    ("host", "public_url", "expected"),
    [
        ("127.0.0.1", "", False), ("127.0.0.2", "", False), ("::1", "", False), ("localhost", "", False),
        ("0.0.0.0", "", True), ("::", "", True), ("192.168.1.2", "http://downloads.example.org", True),
        ("0.0.0.0", "https://downloads.example.org", False),
    ],
)  # fmt: skip
def test_whoever_listens_for_others_without_tls_is_told(host: str, public_url: str, expected: bool) -> None:
    assert readable(host, public_url) is expected
