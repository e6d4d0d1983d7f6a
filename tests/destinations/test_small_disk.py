"""Disks that are full, read-only, broken or somebody else's. Each is mounted where nobody else sees it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHILD = Path(__file__).parent / "children" / "small_disk.py"
TMPFS = 'mount -t tmpfs -o size=8m,mode=755 tmpfs "$1"'


def can_mount() -> bool:
    """Whether a process of ours may mount something in a name space of its own."""
    probe = namespace('d=$(mktemp -d); mount -t tmpfs tmpfs "$d"; s=$?; umount "$d"; rmdir "$d"; exit $s')
    return (
        shutil.which("unshare") is not None and subprocess.run(probe, check=False, capture_output=True).returncode == 0
    )


def namespace(script: str, *arguments: str) -> list[str]:
    mapped = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", *mapped, "--mount", "sh", "-c", script, "sh", *arguments]


def on_small_disk(case: str, folder: Path) -> dict[str, Any]:
    if not can_mount():
        pytest.skip("mounting needs root or user name spaces")
    return answer(namespace(f'{TMPFS} && "$2" "$3" "$4" "$1"', str(folder), sys.executable, str(CHILD), case))


def answer(command: list[str]) -> dict[str, Any]:
    ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert isinstance(found, dict)
    return found


def test_a_disk_that_fills_up_stops_the_download_which_later_goes_on(tmp_path: Path) -> None:
    told = on_small_disk("full_while_writing", tmp_path)

    assert (told["kind"], told["code"]) == ("DiskFull", "disk_full")
    assert "free some space" in told["hint"]
    assert told["kept"] > 2_000_000
    assert not told["again"]
    assert told["whole"]


def test_a_disk_that_somebody_else_fills_stops_the_download_which_later_goes_on(tmp_path: Path) -> None:
    told = on_small_disk("full_while_downloading", tmp_path)

    assert told["code"] == "disk_full"
    assert told["kept"] > 250_000
    assert told["twice"] < 3_000_000
    assert told["whole"]


def test_a_file_that_cannot_fit_is_refused_before_it_comes(tmp_path: Path) -> None:
    told = on_small_disk("full_before", tmp_path)

    assert (told["kind"], told["code"]) == ("DiskFull", "disk_full")
    assert "nothing is lost" in told["hint"]


def test_a_part_that_cannot_be_copied_for_want_of_space_is_kept(tmp_path: Path) -> None:
    told = on_small_disk("full_while_copying", tmp_path)

    assert told["code"] == "disk_full"
    assert [name for name in told["left"] if name.endswith(".part")] == [".file.bin.00000000-0.1.part"]


def test_a_disk_that_turns_read_only_is_told(tmp_path: Path) -> None:
    told = on_small_disk("read_only", tmp_path)

    assert told["code"] == "read_only"
    assert told["hint"]


@pytest.mark.parametrize("case", ["somebody_elses", "foreign_above"])
def test_a_folder_that_we_may_not_write_is_told(tmp_path: Path, case: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    told = on_small_disk(case, tmp_path)

    assert told["code"] == "permission"
    assert "-d" in told["hint"]


def traced(case: str, fault: str, folder: Path) -> dict[str, Any]:
    """Run a case while the tracer lets some calls fail."""
    strace = ["strace", "-f", "-o", os.devnull, "-e", f"inject={fault}"]
    if shutil.which("strace") is None or subprocess.run([*strace, "true"], check=False, capture_output=True).returncode:
        pytest.skip("strace is not here, or may not trace")
    return answer([*strace, sys.executable, str(CHILD), case, str(folder)])


def test_a_download_whose_flush_failed_ends_and_records_nothing_that_came_since(tmp_path: Path) -> None:
    told = traced("broken_while_downloading", "fdatasync:error=EIO:when=1", tmp_path)

    assert told["code"] == "flush_failed"
    assert told["recorded"] == 0


def test_a_flush_that_failed_is_final_even_if_the_system_says_later_that_all_is_well(tmp_path: Path) -> None:
    told = traced("failing_flush", "fdatasync:error=EIO:when=1", tmp_path)

    assert told["codes"] == ["flush_failed"] * 3


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("EIO:when=3", "disk_error"),
        ("ENOSPC:when=3", "disk_full"),
        ("EDQUOT:when=3", "disk_full"),
        ("EFBIG:when=3", "file_too_large"),
    ],
)
def test_a_write_that_failed_ends_the_download_and_what_was_there_before_stays(
    tmp_path: Path, fault: str, code: str
) -> None:
    told = traced("broken_while_downloading", f"pwritev,pwritev2:error={fault}", tmp_path)

    assert told["code"] == code
    assert 0 < int(told["recorded"]) <= 2 * (256 + 16) * 1024
    assert told["hint"]
