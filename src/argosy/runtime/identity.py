"""Who this process is, so that another one can tell whether it still lives.

A pid alone proves nothing: it is given out again. Host, boot and the process's start time make it unique.
"""

from __future__ import annotations

import os
import secrets
import socket
import uuid
from pathlib import Path

from argosy.store.port import WorkerInfo

STARTTIME_FIELD = 22
"""Of /proc/PID/stat, counted from 1 (proc(5)): clock ticks since boot when the process started."""

ENDED = frozenset("ZXx")
"""States, in the field before those, of processes that will never run again."""


def this_process(*, serves_queue: bool) -> WorkerInfo:
    """Return a new identity of this process; each call is another worker."""
    pid = os.getpid()
    return WorkerInfo(
        id=secrets.token_hex(16),
        host=host_id(),
        boot_id=boot_id(),
        pid=pid,
        started=start_time(pid) or "",
        serves_queue=serves_queue,
    )


def host_id() -> str:
    """Return what tells this machine from others, and containers with pids of their own from each other."""
    machine = _text("/etc/machine-id") or f"{socket.gethostname()}-{uuid.getnode():012x}"
    try:
        return f"{machine} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return machine


def boot_id() -> str:
    """Return what changes with every start of the machine; empty where nobody can tell."""
    return _text("/proc/sys/kernel/random/boot_id")


def start_time(pid: int) -> str | None:
    """Return when process ``pid`` started, opaque; None if there is none, empty if it cannot be told.

    A process that has ended but was not collected by its parent (a zombie) does nothing any more: it is none.
    """
    stat = _text(f"/proc/{pid}/stat")
    if stat:
        # The name in parentheses may hold spaces and parentheses itself.
        fields = stat.rpartition(")")[2].split()
        return None if fields[0] in ENDED else fields[STARTTIME_FIELD - 3]
    if Path("/proc/self/stat").exists():
        return None
    return "" if _exists(pid) else None


def is_dead(worker: WorkerInfo, me: WorkerInfo, *, silent_before: float) -> bool:
    """Tell whether ``worker`` is surely gone, or silent since ``silent_before`` (epoch) where that cannot be known."""
    if worker.host != me.host:
        return worker.seen_at < silent_before
    if worker.boot_id != me.boot_id:
        return True
    started = start_time(worker.pid)
    return started is None or (bool(started) and bool(worker.started) and started != worker.started)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
