"""A process out of the nursery is as one that was begun from nothing."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from . import environment, started

BEGUN = pytest.mark.parametrize("cold", [True, False], ids=["cold", "warm"])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def run(home: Path, *words: str, cold: bool, **variables: str) -> subprocess.Popen[str]:
    return started(
        words, folder=home, environ=environment({"HOME": str(home), "ARGOSY_HOME": str(home), **variables}), cold=cold
    )


@BEGUN
def test_it_has_its_words_folder_variables_and_input(home: Path, cold: bool) -> None:
    with run(home, "add", "--paused", "-i", "-", cold=cold, ARGOSY_RETRIES="7") as process:
        out, err = process.communicate("http://127.0.0.1:9/ä.bin\n")
    assert (process.returncode, len(out.split())) == (0, 1), err
    with run(home, "show", out.strip(), "--json", cold=cold) as process:
        shown, _ = process.communicate()
    assert '"max_retries": 7' in shown
    assert f'"directory": "{home}"' in shown


@BEGUN
def test_its_end_is_told_whatever_it_was(home: Path, cold: bool) -> None:
    with run(home, "nonsense", cold=cold) as process:
        assert process.communicate()[1].startswith("error: there is no verb 'nonsense'")
    assert process.returncode == 2
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)):
        with run(home, "run", "--forever", cold=cold) as process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.0)
            while not any(home.glob("argosy.db*-shm")) or len(listened(process.pid)) < 2:
                assert process.poll() is None
            process.send_signal(number)
            process.communicate()
        assert process.returncode == code
        assert process.poll() == code


def listened(pid: int) -> list[str]:
    """Return the threads of the process: one more than one once its runtime runs."""
    return os.listdir(f"/proc/{pid}/task")


@BEGUN
def test_nobody_else_holds_its_pipes(home: Path, cold: bool) -> None:
    with run(home, "run", "--forever", cold=cold) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.kill()
        assert process.wait() == -9
        assert process.stdout.read() == ""
        with pytest.raises(BrokenPipeError):
            os.write(process.stdin.fileno(), b"x")
