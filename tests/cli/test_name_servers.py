"""A name server that fails, is slow or says nothing: told, bounded, and nobody waits for it at the end (row 50)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHILD = Path(__file__).parent / "children" / "name_server.py"
UNSHARE = ["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount", "--net"]
PATIENCE_S = 8.0
"""Of which two are the timeout that is asked for; the system's resolver takes ten more."""

pytestmark = pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode != 0,
    reason="no name spaces here",
)


def fetched(kind: str, folder: Path) -> dict[str, Any]:
    """Return how a download went whose host's name is looked up at a server of that kind."""
    ran = subprocess.run(
        [*UNSHARE, sys.executable, str(CHILD), kind, str(folder)], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert isinstance(told, dict)
    return told


@pytest.mark.parametrize("kind", ["prompt", "slow"])
def test_a_name_that_is_found_is_used_also_if_that_takes_a_while(tmp_path: Path, kind: str) -> None:
    assert fetched(kind, tmp_path)["code"] == 0
    assert (tmp_path / "a.bin").read_bytes() == b"here"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("unknown", "there is no host called files.example"),
        ("broken", "could not be resolved"),
        ("silent", "timed out"),
    ],
)
def test_a_name_that_is_not_found_is_told_in_time(tmp_path: Path, kind: str, said: str) -> None:
    told = fetched(kind, tmp_path)
    assert told["code"] == 3
    assert said in told["err"]
    assert "try:" in told["err"]
    assert told["seconds"] < PATIENCE_S


def test_ctrl_c_does_not_wait_for_a_silent_name_server(tmp_path: Path) -> None:
    told = fetched("silent, interrupted", tmp_path)
    assert told["code"] == 130, told["err"]
    assert told["seconds"] < PATIENCE_S
