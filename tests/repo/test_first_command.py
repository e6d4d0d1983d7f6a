"""The README's first command, as somebody types it who has just cloned the repository on a machine with Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from argosy.testing.server import Body, FaultyServer

from .checkout import ROOT, files

BODY = Body.generated(size=3_000_000, seed=3)
LONGEST_S = 280.0


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of what belongs to the repository, and of nothing else that lies about in the checkout."""
    target = tmp_path / "clone"
    for path in files():
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, copy)
    return target


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_first_command_of_the_readme_gets_argosy_and_a_file(
    clone: Path, server: FaultyServer, tmp_path: Path
) -> None:
    command = re.findall(r"^\$ (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)[0]
    server.add("/big.iso", BODY)
    strangers = ("PYTHONPATH", "VIRTUAL_ENV", "ARGOSY_", "COV_", "COVERAGE_", "PYTEST_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(strangers)}
    ran = subprocess.run(
        ["bash", "-euc", command.replace("https://example.org", server.origin)], cwd=clone, check=False,
        env={**clean, "ARGOSY_HOME": str(tmp_path / "home"), "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"},
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=LONGEST_S,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1].endswith("big.iso")
    assert (clone / "big.iso").read_bytes() == BODY.read(0, BODY.size)
    assert not list(clone.glob(".big.iso*"))
