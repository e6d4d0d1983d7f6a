"""One service for a home: a second one would listen elsewhere and answer for the same tasks."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from argosy.config import Home
from argosy.errors import LocalError
from argosy.runtime import endpoint


@contextmanager
def sole(home: Home) -> Iterator[None]:
    """Within, this is the only service of the home; the system ends that with the process, however it ends.
    Raises LocalError that names the other one.
    """
    lock = home.state / "daemon.lock"
    try:
        home.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LocalError(
            f"{lock}: {error.strerror}", hint="the service keeps its files there; 'argosy doctor'"
        ) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise _taken(home) from None
    try:
        yield
    finally:
        os.close(fd)


def _taken(home: Home) -> LocalError:
    other = endpoint.read(home.endpoint)
    where = "" if other is None else f": pid {other.pid} at {other.url}"
    return LocalError(
        f"a service for {home.state} runs already{where}",
        hint="use that one, stop it first, or give this one another ARGOSY_HOME",
        code="already_serving",
    )
