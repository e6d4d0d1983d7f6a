"""Where the service listens: on TCP, through a Unix socket, or on what systemd hands over."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import socket
import stat
import tempfile
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from argosy.errors import LocalError, UsageError

log = logging.getLogger(__name__)

FIRST_FD: Final = 3
"""Of those that systemd passes (sd_listen_fds(3))."""
BACKLOG: Final = 1024
STALL_MS: Final = 120_000
LONGEST_PATH: Final = 100
"""Bytes of a Unix socket's path; the system's limit is 108 on Linux and 104 elsewhere."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Sockets that listen already. ``path`` is the Unix socket's, ``ours`` whether it is ours to remove."""

    sockets: tuple[socket.socket, ...]
    url: str
    host: str
    """The address, or the name, that was to be listened on."""
    path: Path | None = None
    ours: bool = False

    def close(self) -> None:
        """Listen no more; the Unix socket's name is gone as well."""
        for each in self.sockets:
            each.close()
        if self.ours and self.path is not None:
            with suppress(OSError):
                self.path.unlink()


def listen(host: str, port: int, path: Path, environ: MutableMapping[str, str]) -> Listeners:
    """Return the sockets to serve: those that systemd passed, and where it passed none of a kind our own.

    The caller is the only service of this home, so a socket that is there already belongs to nobody. Without a Unix
    socket (a file system that has none) the service goes on. Raises UsageError or LocalError.
    """
    passed = activated(environ)
    over_tcp = [each for each in passed if each.family != socket.AF_UNIX]
    by_path = [each for each in passed if each.family == socket.AF_UNIX]
    host = over_tcp[0].getsockname()[0] if over_tcp else host
    over_tcp = over_tcp or [bound(host, port)]
    for each in over_tcp:
        bound_stalls(each)
    url = url_of(over_tcp[0])
    if by_path:
        return Listeners((*over_tcp, *by_path), url, host, Path(by_path[0].getsockname()))
    where = fitting(path)
    try:
        own = bound_by_path(where)
    except OSError as error:
        log.warning("service.no_unix_socket", extra={"path": str(where), "error": error.strerror or str(error)})
        return Listeners(tuple(over_tcp), url, host)
    return Listeners((*over_tcp, own), url, host, where, ours=True)


def bound_stalls(listening: socket.socket) -> None:
    """Have the system cut off whoever takes nothing of what is sent to it for too long (tcp(7)), where it can.

    Connections inherit it. Without it a stream of events to a client that has stopped reading would stay for ever.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALL_MS)


def activated(environ: MutableMapping[str, str]) -> list[socket.socket]:
    """Return the sockets that systemd handed to this very process, and hand them to nobody else (sd_listen_fds(3))."""
    count, pid = environ.pop("LISTEN_FDS", "0"), environ.pop("LISTEN_PID", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    sockets = []
    for fd in range(FIRST_FD, FIRST_FD + int(count)):
        os.set_inheritable(fd, False)
        sockets.append(socket.socket(fileno=fd))
    return sockets


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens there, port 0: on any that is free. Raises UsageError with what to do instead."""
    if not 0 <= port <= 65_535:
        raise UsageError(f"there is no port {port}", hint="0 to 65535; 0 takes one that is free")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except socket.gaierror:
        raise UsageError(
            f"there is no address {host!r} to listen on", hint="--host 127.0.0.1, ::1 or 0.0.0.0"
        ) from None
    except OSError as error:
        raise _explained(error, host, port) from None


def _explained(error: OSError, host: str, port: int) -> UsageError:
    reason = error.strerror or str(error)
    if error.errno == errno.EADDRINUSE:
        hint = "another program has it: --port takes another, --port 0 any that is free"
        return UsageError(f"port {port} of {host} is in use", hint=hint, code="port_in_use")
    if error.errno == errno.EADDRNOTAVAIL:
        hint = "--host takes an address of this machine, 0.0.0.0 or :: all of them"
        return UsageError(f"{host} is no address of this machine", hint=hint, code="listen")
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = "ports below 1024 are for root: take another, and let a reverse proxy or systemd listen there"
        return UsageError(f"port {port} of {host}: {reason}", hint=hint, code="listen")
    return UsageError(f"cannot listen on {host}, port {port}: {reason}", code="listen")


def url_of(listening: socket.socket) -> str:
    """Return the address to ask: one that listens everywhere is asked at home."""
    host, port = listening.getsockname()[:2]
    address = ip_address(host.partition("%")[0])
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if address.version == 6 else f"http://{host}:{port}"


# -- the Unix socket -------------------------------------------------------------------------------------


def fitting(path: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return ``path``, or where its name is too long for a socket's, a short one that belongs to it alone."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        return path
    name = hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest() + ".sock"
    runtime = environ.get("XDG_RUNTIME_DIR")
    root = Path(runtime) / "argosy" if runtime else Path(tempfile.gettempdir()) / f"argosy-{os.getuid()}"
    return root / name


def bound_by_path(path: Path) -> socket.socket:
    """Return a socket that listens there, for its owner alone. Raises OSError; LocalError if others could interfere."""
    _private_folder(path.parent)
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, "something else is there", str(path))
        path.unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _private_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise LocalError(f"{folder} is not a folder of this user", hint="the service's socket goes there; remove it")
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)


class Doors:
    """Pure ASGI, outermost: marks what came through the Unix socket. Nothing that a client sends has a part in it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        server = scope.get("server")
        scope["argosy.local"] = server is not None and server[1] is None
        await self._app(scope, receive, send)
