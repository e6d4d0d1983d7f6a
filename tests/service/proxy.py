"""nginx for real, with the configuration that ``deploy/`` offers, in front of a daemon."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import trustme

from .daemon import Answer, Daemon, until

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nginx" / "argosy.conf"
NAME = "downloads.example.org"
FRAME = """
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/argosy.conf;
}}
"""


class Proxy:
    """Where nginx listens; it is asked as ``https://downloads.example.org``."""

    def __init__(self, folder: Path, service: Daemon, port: int) -> None:
        self.folder = folder
        self.port = port
        self.service = service
        self.authority = trustme.CA()
        self.tls = ssl.create_default_context()
        self.authority.configure_trust(self.tls)

    def configure(self, read_timeout: str | None) -> Path:
        """Write the offered configuration, with only those words changed that its first lines tell to change."""
        certificate = self.authority.issue_cert(NAME)
        certificate.private_key_and_cert_chain_pem.write_to_path(self.folder / "chain.pem")
        certificate.private_key_pem.write_to_path(self.folder / "key.pem")
        text = CONFIGURATION.read_text()
        text = text.replace("server 127.0.0.1:8970;", f"server 127.0.0.1:{self.service.port};")
        text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;")
        text = text.replace("listen [::]:443 ssl;", "")
        text = re.sub(r"/etc/ssl/\S+\.pem", f"{self.folder}/chain.pem", text)
        text = re.sub(r"/etc/ssl/\S+\.key", f"{self.folder}/key.pem", text)
        if read_timeout is not None:
            text, count = re.subn(r"proxy_read_timeout \w+;", f"proxy_read_timeout {read_timeout};", text)
            assert count
        (self.folder / "argosy.conf").write_text(text)
        user = "user root;" if os.geteuid() == 0 else ""
        main = self.folder / "nginx.conf"
        main.write_text(FRAME.format(folder=self.folder, user=user))
        return main

    def connected_plain(self) -> socket.socket:
        """A connection to nginx, before any TLS; the caller closes it."""
        return socket.create_connection(("127.0.0.1", self.port), 20)

    def connection(self) -> http.client.HTTPSConnection:
        connection = http.client.HTTPSConnection(NAME, timeout=20, context=self.tls)
        connection.sock = self.tls.wrap_socket(self.connected_plain(), server_hostname=NAME)
        return connection

    def request(
        self,
        method: str,
        path: str,
        given: object = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        sent = {"Authorization": f"Bearer {self.service.token}", **(headers or {})}
        if given is not None:
            body, sent["Content-Type"] = json.dumps(given).encode(), "application/json"
        with closing(self.connection()) as connection:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read())


@contextmanager
def nginx(folder: Path, service: Daemon, *, read_timeout: str | None = None) -> Iterator[Proxy]:
    """Within, nginx stands in front of the service."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    proxy = Proxy(folder, service, port)
    main = proxy.configure(read_timeout)
    words = ["nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(main)]
    tested = subprocess.run([*words, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    assert "[warn]" not in tested.stderr
    process = subprocess.Popen([*words, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
    try:
        until(lambda: _listens(port) or process.poll() is not None)
        assert process.poll() is None, (folder / "error.log").read_text()
        yield proxy
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
