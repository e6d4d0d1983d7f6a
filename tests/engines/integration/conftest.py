from __future__ import annotations

import random
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from argosy.testing.server import FaultyServer

from .servers.nginx import Nginx, is_here, nginx

FILE = random.Random(2).randbytes(4_000_000)
TEXT = b"the same line again and again\n" * 20_000


@pytest.fixture(autouse=True)
def lonely(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the proxies nor the home of whoever runs the tests."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "netrc", "ssl_cert_file", "curl_ca_bundle"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def secure(authority: trustme.CA) -> Callable[..., FaultyServer]:
    """Makes servers whose certificate the authority has signed."""

    def make(certificate: trustme.LeafCert | None = None, name: str | None = None) -> FaultyServer:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (certificate or authority.issue_cert("localhost", "127.0.0.1")).configure_cert(context)
        return FaultyServer(ssl_context=context, name=name)

    return make


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root")
    (folder / "file.bin").write_bytes(FILE)
    (folder / "text.txt").write_bytes(TEXT)
    (folder / "empty.bin").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def web(authority: trustme.CA, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """A running nginx."""
    if not is_here():
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("nginx")
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(
        str(folder / "server.pem")
    )
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    (folder / "users").write_text("ann:{PLAIN}open sesame\n")
    with nginx(folder, root) as started:
        yield started
