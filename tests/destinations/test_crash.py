"""A process that dies at any system call of publishing leaves something that recovery finishes exactly once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CRASH = Path(__file__).parent / "children" / "crash.py"


@pytest.mark.parametrize("how", ["links", "rename", "reserve"])
@pytest.mark.parametrize("policy", ["rename", "overwrite"])
def test_a_file_is_published_exactly_once_wherever_its_publisher_dies(tmp_path: Path, policy: str, how: str) -> None:
    ran = subprocess.run(
        [sys.executable, CRASH, tmp_path, policy, how], check=True, capture_output=True, text=True, timeout=100
    )

    deaths = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [death["died"] for death in deaths] == [True] * (len(deaths) - 1) + [False]
    assert len(deaths) > 6
    for death in deaths:
        if how == "reserve":  # where nothing better exists, an empty reservation may be left behind
            assert sorted(death["recovered"].values()) in ([True], [False, True]), death
            assert not any(name.endswith(".part") for name in death["recovered"])
        else:
            assert death["recovered"] == {"file.bin": True}, death
        assert death["status"] == "done"
        if policy == "rename" and how != "reserve":
            assert death["after"].get("file.bin", True), "a name appeared before its bytes"
        if policy == "overwrite":
            assert "file.bin" in death["after"], "the old version was gone before the new one was there"
