"""What the figures were measured on, and a place to measure."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.servers import find_nginx

MEMORY = Path("/dev/shm")
DISK = Path("/var/tmp")


@dataclass(slots=True, frozen=True)
class Machine:
    cpu: str
    processors: int
    memory_gib: float
    kernel: str
    python: str
    nginx: str
    data: str
    state: str
    load: float
    """Mean load over the minute before the start: what else was going on."""


def describe(data: Path, state: Path) -> Machine:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cpu=_processor(),
        processors=len(os.sched_getaffinity(0)),
        memory_gib=round(pages / (1 << 30), 1),
        kernel=platform.release(),
        python=platform.python_version(),
        nginx=_nginx(),
        data=f"{data.parent} ({filesystem(data)})",
        state=f"{state.parent} ({filesystem(state)})",
        load=round(os.getloadavg()[0], 2),
    )


def data_place(wanted: int) -> Path:
    """In memory if `wanted` bytes are free there, else the disk."""
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > wanted:
        return MEMORY
    return DISK


def filesystem(folder: Path) -> str:
    """The kind of the file system `folder` is on, such as tmpfs or ext4."""
    device = folder.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return "unknown file system"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _nginx() -> str:
    found = find_nginx()
    if found is None:
        return "not installed"
    return subprocess.run([found, "-v"], capture_output=True, text=True, check=False).stderr.strip().rpartition("/")[2]
