"""Logs: structured, without secrets, bounded, and nobody's hindrance."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import argosy
from argosy.telemetry import log, logfile

SOURCE = Path(argosy.__file__).parent
CANARY = "canary-5f3a"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in log.LOGGERS]
    before = [(logger.level, logger.propagate, tuple(logger.handlers)) for logger in loggers]
    yield
    log.configure(None)
    for logger, (level, propagate, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.propagate = propagate
        logger.handlers[:] = handlers


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_line_has_its_action_its_circumstances_and_its_time(tmp_path: Path) -> None:
    log.configure(tmp_path / "a.log", level="info")
    logging.getLogger("argosy.x").info("task.claimed", extra={"task_id": "ab", "fence": 7, "host": None})
    (line,) = lines(tmp_path / "a.log")
    assert (
        line.items() >= {"action": "task.claimed", "task_id": "ab", "fence": 7, "host": None, "level": "info"}.items()
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["at"])


def test_what_others_log_is_kept_under_an_action_too(tmp_path: Path) -> None:
    log.configure(tmp_path / "a.log")
    logging.getLogger("asyncio").error("Task %s exception was never retrieved", "t")
    (line,) = lines(tmp_path / "a.log")
    assert (line["action"], line["message"]) == ("asyncio.message", "Task t exception was never retrieved")


def test_a_logger_that_somebody_elses_configuration_switched_off_is_on_again(tmp_path: Path) -> None:
    logging.getLogger("asyncio").disabled = True
    log.configure(tmp_path / "a.log")
    logging.getLogger("asyncio").error("a task died")
    assert len(lines(tmp_path / "a.log")) == 1


def test_a_person_gets_one_line_with_a_clock(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure(None, level="info", console="text")
    logging.getLogger("argosy.x").warning("store.failed", extra={"error": "it is busy\nvery"})
    err = capsys.readouterr().err
    assert re.fullmatch(r'\d\d:\d\d:\d\d warning store\.failed error="it is busy\\nvery"\n', err)


@pytest.mark.parametrize("console", ["text", "json"])
def test_no_secret_comes_through(tmp_path: Path, capsys: pytest.CaptureFixture[str], console: log.Console) -> None:
    log.configure(tmp_path / "a.log", level="debug", console=console)
    logger = logging.getLogger("argosy.x")
    url = f"https://me:{CANARY}@host/a?X-Amz-Signature={CANARY}&part=1"
    logger.info("task.added", extra={"source": url, "headers": (("Authorization", f"Bearer {CANARY}"),)})
    logger.info("fetching %s through %s", url, f"socks5h://u:{CANARY}@proxy:1080")
    logger.info("proxy.chosen", extra={"error": OSError(f"Cookie: sid={CANARY}; b={CANARY}")})
    try:
        int(url)
    except ValueError:
        logger.exception("task.broken", extra={"stack": 1})
    told = (tmp_path / "a.log").read_text() + capsys.readouterr().err
    assert CANARY not in told
    assert "host/a" in told
    assert "part=1" in told
    assert "ValueError" in told


def test_the_file_is_its_owners_and_made_only_when_needed(tmp_path: Path) -> None:
    file = tmp_path / "new" / "a.log"
    log.configure(file)
    logging.getLogger("argosy.x").info("task.claimed")
    assert not file.parent.exists()
    logging.getLogger("argosy.x").warning("store.failed")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_log_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logfile, "LARGEST_BYTES", 2000)
    log.configure(tmp_path / "a.log", level="info")
    for number in range(200):
        logging.getLogger("argosy.x").info("task.claimed", extra={"number": number})
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["a.log", "a.log.1", "a.log.2", "a.log.3"]
    assert all(file.stat().st_size <= 2000 for file in files)
    assert lines(tmp_path / "a.log")[-1]["number"] == 199


def test_who_finds_that_another_process_began_a_new_file_goes_on_in_that_one(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    log.configure(file)
    logging.getLogger("argosy.x").warning("one.line")
    file.rename(tmp_path / "a.log.1")
    file.touch()
    logging.getLogger("argosy.x").warning("two.lines")
    assert [line["action"] for line in lines(file)] == ["two.lines"]


def test_a_log_that_cannot_be_written_hinders_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    log.configure(tmp_path / "file" / "a.log")
    logging.getLogger("argosy.x").warning("store.failed")
    assert capsys.readouterr().err == ""


def test_configured_twice_a_line_comes_once(tmp_path: Path) -> None:
    log.configure(tmp_path / "a.log")
    log.configure(tmp_path / "a.log")
    logging.getLogger("argosy.x").warning("store.failed")
    assert len(lines(tmp_path / "a.log")) == 1


def test_off_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    err = io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    log.configure(tmp_path / "a.log", level="off")
    logging.getLogger("argosy.x").critical("all.lost")
    assert list(tmp_path.iterdir()) == []
    assert err.getvalue() == ""


def logged(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id in ("log", "logger")
            and node.func.attr in ("debug", "info", "warning", "error", "exception", "critical")
        ):
            yield node


def test_everything_that_is_logged_is_an_action_with_named_circumstances() -> None:
    calls = 0
    for module in SOURCE.rglob("*.py"):
        for call in logged(ast.parse(module.read_text())):
            calls += 1
            (action,) = call.args
            assert isinstance(action, ast.Constant), f"{module.name}:{call.lineno}"
            assert log.ACTION.fullmatch(str(action.value)), f"{module.name}:{call.lineno}"
            assert {keyword.arg for keyword in call.keywords} <= {"extra"}, f"{module.name}:{call.lineno}"
    assert calls > 10
