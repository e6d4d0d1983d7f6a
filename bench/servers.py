"""The servers the tools download from. Each lives as long as its `with` block, on a free port of 127.0.0.1."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template

import trustme

from bench.measure import last_line, owned

TEMPLATE = Path(__file__).with_name("nginx.conf.in")
READY_WITHIN_S = 10.0
POLL_S = 0.01


@dataclass(slots=True, frozen=True)
class Nginx:
    plain: str
    """http://… without a slash at the end."""
    tls: str
    authority: Path


def find_nginx() -> str | None:
    """Debian keeps it where a person's PATH does not look."""
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def nginx(root: Path, prefix: Path, limit: int) -> Iterator[Nginx]:
    """nginx serves `root` over HTTP and HTTPS; below `/limited/` each answer is held to `limit` bytes a second."""
    authority = _certify(prefix)
    plain, tls = _free_ports(2)
    configuration = Template(TEMPLATE.read_text()).substitute(
        user="user root;" if os.geteuid() == 0 else "",
        prefix=prefix,
        root=root,
        plain=plain,
        tls=tls,
        limit=limit,
    )
    (prefix / "nginx.conf").write_text(configuration)
    argv = [find_nginx() or "nginx", "-p", str(prefix), "-e", f"{prefix}/error.log", "-c", f"{prefix}/nginx.conf"]
    with owned(_start(argv)) as process:
        _wait_for(process, plain)
        _wait_for(process, tls)
        yield Nginx(f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{tls}", authority)


@contextlib.contextmanager
def paced(file: Path, rate: int, slow_rate: int = 0, slow_turn: int = 0) -> Iterator[str]:
    """`file` is at the address yielded; a connection gets `rate` bytes a second, the `slow_turn`th one `slow_rate`."""
    script = Path(__file__).with_name("paced.py")
    argv = [sys.executable, "-ISB", str(script), str(file), str(rate), str(slow_rate), str(slow_turn)]
    with owned(_start(argv)) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/{file.name}"


class Arrivals:
    """Answers every GET with a few bytes and remembers when the first one came."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._came = threading.Event()

    def forget(self) -> None:
        self._first = None
        self._came.clear()

    def note(self) -> None:
        if self._first is None:
            self._first = time.monotonic()
            self._came.set()

    def first(self, within_s: float) -> float | None:
        """When the first request came, by `time.monotonic`, or None if none comes in time."""
        return self._first if self._came.wait(within_s) else None


@contextlib.contextmanager
def arrivals() -> Iterator[tuple[Arrivals, str]]:
    """A server of tiny files, and its address without a slash at the end."""
    noted = Arrivals()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            noted.note()
            body = self.path.encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is logged."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 512

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that is killed hangs up as it likes."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield noted, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _certify(prefix: Path) -> Path:
    """An authority of our own and a certificate for 127.0.0.1 are in `prefix`; the authority's file is returned."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(prefix / "server.key")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(prefix / "server.pem", append=True)
    authority.cert_pem.write_to_path(prefix / "authority.pem")
    return prefix / "authority.pem"


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


def _start(argv: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        argv,
        env={"PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _wait_for(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"nginx ended at once: {last_line(process.communicate()[1])}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(POLL_S)
    raise RuntimeError(f"nginx does not listen on port {port}")
