"""Looking before downloading: what the server says, and what is in the way."""

from __future__ import annotations

from argosy.testing import faults
from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Daemon


def test_a_probe_tells_what_a_download_would_be_and_keeps_nothing(service: Daemon, server: FaultyServer) -> None:
    server.add("/data.tar.gz", BODY, content_type="application/gzip")
    url = server.url("/data.tar.gz")
    told = service.request("POST", "/v1/probe", {"source": f"{url}?token=geheim", "directory": "x"})
    found = told.json()
    assert told.status == 200
    assert [found[name] for name in ("name", "size", "resumable", "content_type", "kind", "engine", "files")] == [
        "data.tar.gz", len(BODY), True, "application/gzip", "url", "curl", 1
    ]  # fmt: skip
    assert (found["directory"], found["fits"], found["occupied"], found["task_id"]) == (
        str(service.folder / "x"),
        True,
        None,
        None,
    )
    assert found["free_bytes"] > 0
    assert b"geheim" not in told.body
    assert list(service.folder.iterdir()) == []
    assert service.request("GET", "/v1/stats").json()["total"] == 0
    assert [request.range for request in server.requests] == ["bytes=0-0"]


def test_a_probe_tells_what_is_in_the_way(service: Daemon, server: FaultyServer) -> None:
    url = server.add("/data.bin", BODY)
    (service.folder / "data.bin").write_bytes(b"")
    task_id = service.add(url, paused=True)
    found = service.request("POST", "/v1/probe", {"source": url}).json()
    assert (found["occupied"], found["task_id"]) == (str(service.folder / "data.bin"), task_id)


def test_a_probe_follows_redirects_and_reads_the_name_that_is_told(service: Daemon, server: FaultyServer) -> None:
    real = server.add("/r/1", BODY, headers={"Content-Disposition": 'attachment; filename="../../report.pdf"'})
    server.add("/go", b"", faults=[faults.Redirect(real)])
    found = service.request("POST", "/v1/probe", {"source": server.url("/go")}).json()
    assert (found["name"], found["url"]) == ("report.pdf", real)


def test_a_probe_sees_a_server_without_ranges_and_an_empty_file(service: Daemon, server: FaultyServer) -> None:
    plain = server.add("/plain.bin", BODY, faults=[faults.IgnoreRanges()])
    empty = server.add("/empty.bin", b"")
    first, second = (service.request("POST", "/v1/probe", {"source": url}).json() for url in (plain, empty))
    assert (first["size"], first["resumable"]) == (len(BODY), False)
    assert second["size"] == 0


def test_what_keeps_a_server_from_telling_is_told(service: Daemon, server: FaultyServer) -> None:
    missing = service.request("POST", "/v1/probe", {"source": server.url("/missing")})
    assert (missing.status, missing.json()["code"]) == (502, "http_404")
    nobody = service.request("POST", "/v1/probe", {"source": "http://127.0.0.1:9/"})
    told = nobody.json()
    assert (nobody.status, told["code"], told["retryable"]) == (502, "connection_refused", True)
    inside = service.request("POST", "/v1/probe", {"source": "http://169.254.169.254/latest/meta-data"})
    assert (inside.status, inside.json()["code"]) == (403, "address")
    for sent in (
        {"source": "file:///etc/passwd"},
        {"source": "http://h/", "directory": "/etc"},
        {"source": "http://h/", "x": 1},
    ):
        assert service.request("POST", "/v1/probe", sent).status == 422
