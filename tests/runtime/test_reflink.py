"""Where the file system can, what is here already takes no room a second time, and yet is a file of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from argosy import Runtime
from argosy.testing.server import FaultyServer

SIZE = 48 * 1024 * 1024
IMAGE_BYTES = 300 * 1024 * 1024
SPARE_BYTES = 8 * 1024 * 1024
"""For the file system's own doings."""


@pytest.fixture
def sharing_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a file system whose files can share blocks, for as long as the test runs."""
    if shutil.which("mkfs.btrfs") is None:
        pytest.skip("needs btrfs-progs")
    image, disk = tmp_path / "disk.img", tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    disk.mkdir()
    subprocess.run(["mkfs.btrfs", "-q", str(image)], check=True, stderr=subprocess.DEVNULL)
    mounted = subprocess.run(
        ["mount", "-o", "loop", str(image), str(disk)], check=False, capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def free_bytes(disk: Path) -> int:
    subprocess.run(["sync", "-f", str(disk)], check=True)
    there = os.statvfs(disk)
    return there.f_bfree * there.f_frsize


async def test_blocks_are_shared_until_one_is_written(server: FaultyServer, sharing_disk: Path, tmp_path: Path) -> None:
    body = os.urandom(SIZE)
    checksum = f"sha256:{hashlib.sha256(body).hexdigest()}"
    async with Runtime(tmp_path / "home", directory=sharing_disk) as runtime:
        before = free_bytes(sharing_disk)
        first = await runtime.add(server.add("/a.bin", body), checksum=checksum)
        await first
        one = free_bytes(sharing_disk)
        second = await runtime.add(server.add("/b.bin", body), checksum=checksum)
        await second
        assert before - one > SIZE - SPARE_BYTES
        assert one - free_bytes(sharing_disk) < SPARE_BYTES
    assert server.requests_to("/b.bin") == []
    with second.path.open("r+b") as file:
        file.write(b"mine now")
    assert first.path.read_bytes() == body
