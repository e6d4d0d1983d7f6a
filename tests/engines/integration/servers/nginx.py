"""nginx with many faces, each on a port of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import ended

START_S = 10
TRIES = 5
FACES = {
    "plain": "",
    "tls": "",
    "client": "ssl_verify_client on;",
    "unranged": "max_ranges 0;",
    "gzip": "gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;",
    "single": "limit_conn each 1; limit_rate 3m;",
    "slow": "limit_rate 1m;",
    "login": "auth_basic files; auth_basic_user_file {folder}/users;",
}
CONFIG = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  log_format told '$server_port $server_protocol $status $body_bytes_sent $connection "$http_range" "$http_if_range" '
    '"$remote_user" "$uri" "$ssl_client_s_dn"';
  access_log {folder}/access.log told; default_type application/octet-stream; types {{ text/plain txt; }}
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5; limit_conn_zone $binary_remote_addr zone=each:1m;
{servers}
}}
"""
SERVER = """  server {{ listen 127.0.0.1:{port}{ssl}; root {root}; {face} }}
"""
TLS = """ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.pem;
    ssl_client_certificate {folder}/ca.pem; """


@dataclass(frozen=True)
class Line:
    """One answer as nginx logged it."""

    face: str
    protocol: str
    status: int
    bytes: int
    connection: int
    range: str
    if_range: str
    user: str
    path: str
    client: str


@dataclass(frozen=True)
class Nginx:
    folder: Path
    ports: dict[str, int]

    def url(self, face: str, path: str, host: str = "127.0.0.1") -> str:
        scheme = "https" if face in ("tls", "client") else "http"
        return f"{scheme}://{host}:{self.ports[face]}{path}"

    def log(self, path: str) -> list[Line]:
        """The answers for one path so far. An answer is logged when it has ended, which may be a little later."""
        faces = {port: face for face, port in self.ports.items()}
        lines = [_line(text, faces) for text in (self.folder / "access.log").read_text().splitlines()]
        return [line for line in lines if line.path == path]


def _line(text: str, faces: dict[int, str]) -> Line:
    port, protocol, status, size, connection, *_ = text.split(" ")
    asked, if_range, user, path, client = text.split('"')[1:-1:2]
    return Line(
        faces[int(port)], protocol, int(status), int(size), int(connection), asked, if_range, user, path, client
    )


def is_here() -> bool:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None


@contextmanager
def nginx(folder: Path, root: Path) -> Iterator[Nginx]:
    """Run nginx; ``folder`` has ``server.pem`` (certificate and key), ``ca.pem`` and ``users`` already."""
    binary = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert binary is not None
    for attempt in range(TRIES):
        ports = dict(zip(FACES, _free_ports(len(FACES)), strict=True))
        servers = "".join(_server(face, port, folder, root) for face, port in ports.items())
        (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, servers=servers))
        command = [binary, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
        with ended(subprocess.Popen(command, text=True, stderr=subprocess.DEVNULL)) as process:
            if _listens(process, ports["login"]):
                yield Nginx(folder, ports)
                return
        assert attempt < TRIES - 1, (folder / "error.log").read_text()


def _server(face: str, port: int, folder: Path, root: Path) -> str:
    secure = face in ("tls", "client")
    body = (TLS if secure else "") + FACES[face]
    return SERVER.format(port=port, ssl=" ssl http2" if secure else "", root=root, face=body.format(folder=folder))


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago; nginx cannot be given a socket, and is tried again if one was taken."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports


def _listens(process: subprocess.Popen[str], port: int) -> bool:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
    return False
