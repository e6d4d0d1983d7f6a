"""Where the service of a home is reached: one small file, written when it answers and removed when it no longer does.

What a process that was killed has left behind is told from the truth by who wrote it: host, boot, pid and start time.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from argosy.about import VERSION
from argosy.runtime.identity import boot_id, host_id, start_time
from argosy.value import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How to reach a service: over TCP at ``url``, and on its own machine through ``socket``, if it has one."""

    url: str
    socket: str | None
    pid: int
    started: str
    """The process's start time as its operating system states it, opaque."""
    host: str
    boot: str
    version: str


def of_this_process(url: str, socket: Path | None) -> Endpoint:
    pid = os.getpid()
    shown = None if socket is None else str(socket)
    return Endpoint(url, shown, pid, start_time(pid) or "", host_id(), boot_id(), VERSION)


def write(file: Path, endpoint: Endpoint) -> None:
    """The file holds the endpoint, for its owner's eyes; a reader sees it whole or not at all. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f".{file.name}.{endpoint.pid}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as writing:
        json.dump(asdict(endpoint), writing)
    draft.replace(file)


def read(file: Path) -> Endpoint | None:
    """Return what the file says if the process that wrote it still lives, here; else None."""
    try:
        endpoint = Endpoint(**json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return endpoint if is_alive(endpoint) else None


def is_alive(endpoint: Endpoint) -> bool:
    """Tell whether the very process that wrote the endpoint runs. One on another machine or in another container
    counts as gone: neither its socket nor its loopback address is here.
    """
    if (endpoint.host, endpoint.boot) != (host_id(), boot_id()):
        return False
    started = start_time(endpoint.pid)
    return started is not None and (not started or not endpoint.started or started == endpoint.started)


def remove(file: Path, endpoint: Endpoint) -> None:
    """Take the file away if it is still that of ``endpoint``."""
    with suppress(OSError, ValueError, TypeError):
        if Endpoint(**json.loads(file.read_text(encoding="utf-8"))) == endpoint:
            file.unlink()
