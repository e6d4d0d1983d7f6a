"""Finished files at signed links: the right bytes, to who has the link, and nothing but them."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from argosy.service.results.conditional import Portion, PreconditionFailed, RangeRefused, Version, portion
from argosy.service.results.filebody import OPAQUE, disposition, type_of
from argosy.service.results.link import BadLink, LinkExpired, check, expiry, signature
from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Answer, Daemon
from .test_jobs import ended, initiate


def finished(service: Daemon, *urls: str) -> tuple[str, list[str]]:
    job_id = initiate(service, *urls)["job_id"]
    return job_id, [each["download_url"] for each in ended(service, job_id)["results"]]


def get(service: Daemon, url: str, method: str = "GET", **headers: str) -> Answer:
    parts = urlsplit(url)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return service.request(method, f"{parts.path}?{parts.query}", headers=given, token=None)


def file_of(service: Daemon, job_id: str, name: str = "a.bin") -> Path:
    return service.folder / "jobs" / job_id / name


@pytest.fixture
def link(service: Daemon, server: FaultyServer) -> str:
    _, (url,) = finished(service, server.add("/a.bin", BODY))
    return url


# -- whole, in part, or not again ----------------------------------------------------------------------


def test_the_whole_file_comes_as_one_to_be_saved(service: Daemon, link: str) -> None:
    answer = get(service, link)
    assert (answer.status, answer.body) == (200, BODY)
    assert answer.headers["content-length"] == str(len(BODY))
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"] == 'attachment; filename="a.bin"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"].startswith("private")
    assert re.fullmatch(r'"[0-9a-f]{32}"', answer.headers["etag"])


def test_head_tells_the_same_and_sends_nothing(service: Daemon, link: str) -> None:
    head, whole = get(service, link, "HEAD"), get(service, link)
    same = ("content-length", "etag", "last-modified", "content-type", "content-disposition")
    assert head.body == b""
    assert [head.headers[name] for name in same] == [whole.headers[name] for name in same]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-9", 0, 9), ("bytes=100-", 100, len(BODY) - 1), ("bytes=-7", len(BODY) - 7, len(BODY) - 1),
     ("bytes=5-99999999", 5, len(BODY) - 1), ("bytes=-99999999", 0, len(BODY) - 1)],
)  # fmt: skip
def test_a_range_is_just_that_range(service: Daemon, link: str, asked: str, first: int, last: int) -> None:
    answer = get(service, link, Range=asked)
    assert answer.status == 206
    assert answer.body == BODY[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(BODY)}"
    assert answer.headers["content-length"] == str(last + 1 - first)


@pytest.mark.parametrize(
    "asked", [f"bytes={len(BODY)}-", "bytes=-0", "bytes=0-1,5-6", "bytes=" + ",".join(["0-"] * 500)]
)
def test_a_range_that_cannot_be_had_is_refused(service: Daemon, link: str, asked: str) -> None:
    answer = get(service, link, Range=asked)
    assert answer.status == 416
    assert answer.headers["content-range"] == f"bytes */{len(BODY)}"
    assert answer.json()["code"] == "range"


@pytest.mark.parametrize("asked", ["bytes=9-3", "lines=0-3", "bytes=a-b", "0-9", "bytes=-"])
def test_what_is_no_range_is_no_range(service: Daemon, link: str, asked: str) -> None:
    assert get(service, link, Range=asked).status == 200


def test_a_client_that_has_it_is_not_sent_it_again(service: Daemon, link: str) -> None:
    first = get(service, link)
    again = get(service, link, If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert get(service, link, If_Modified_Since=first.headers["last-modified"]).status == 304
    assert get(service, link, If_None_Match='"other"').status == 200


def test_a_part_goes_on_only_with_the_version_it_is_of(service: Daemon, link: str) -> None:
    etag = get(service, link, "HEAD").headers["etag"]
    assert get(service, link, Range="bytes=10-", If_Range=etag).status == 206
    assert get(service, link, Range="bytes=10-", If_Range='"other"').status == 200
    assert get(service, link, Range="bytes=10-", If_Range=f"W/{etag}").status == 200
    assert get(service, link, If_Match='"other"').status == 412


def test_an_empty_file_is_a_file(service: Daemon, server: FaultyServer) -> None:
    _, (url,) = finished(service, server.add("/empty.bin", b""))
    assert (get(service, url).status, get(service, url).body) == (200, b"")
    assert get(service, url, Range="bytes=0-").status == 416


def test_many_readers_at_once_get_the_whole_of_a_large_file(service: Daemon, server: FaultyServer) -> None:
    body = os.urandom(3_000_000)
    _, (url,) = finished(service, server.add("/large.bin", body))
    pieces = [
        get(service, url, Range=f"bytes={start}-{start + 999_999}").body for start in range(0, len(body), 1_000_000)
    ]
    assert b"".join(pieces) == body
    assert get(service, url).body == body


def test_a_reader_that_leaves_leaves_no_open_file_behind(service: Daemon, server: FaultyServer) -> None:
    body = bytes(20_000_000)
    job_id, (url,) = finished(service, server.add("/large.bin", body))
    parts = urlsplit(url)
    for _ in range(5):
        connection = service.connect()
        connection.request("GET", f"{parts.path}?{parts.query}")
        connection.getresponse().read(1000)
        connection.close()
    path = file_of(service, job_id, "large.bin")
    deadline = time.monotonic() + 10
    while any(_leads_to(each, path) for each in Path(f"/proc/{service.pid}/fd").iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _leads_to(fd: Path, path: Path) -> bool:
    try:
        return fd.readlink() == path
    except OSError:
        return False


# -- only with the link, only while it is good ---------------------------------------------------------


def test_a_link_is_for_its_file_alone(service: Daemon, server: FaultyServer) -> None:
    job_id, (one, other) = finished(service, server.add("/a.bin", BODY), server.add("/b.bin", b"b"))
    stolen = f"{urlsplit(one).path}?{urlsplit(other).query}"
    assert get(service, stolen).status == 403
    assert get(service, one.replace(job_id, "0" * 32)).status == 403
    assert get(service, one).status == 200


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda url: url[:-1] + ("A" if url[-1] != "A" else "B"),
        lambda url: url.replace("expires=", "expires=9"),
        lambda url: url.replace("expires=", "expires=+"),
        lambda url: url.replace("expires=", "expires=%D9%A1"),
        lambda url: url.partition("&")[0],
        lambda url: url.partition("?")[0],
        lambda url: url.partition("signature=")[0] + "signature=",
        lambda url: url.partition("signature=")[0] + "signature=%ff%00%0a",
    ],
)
def test_a_spoilt_link_opens_nothing(service: Daemon, link: str, spoilt: Callable[[str], str]) -> None:
    answer = get(service, spoilt(link))
    assert answer.status == 403, answer.body
    assert answer.json()["code"] == "signature"


def test_a_link_that_is_too_old_says_so(daemons: Callable[..., Daemon], server: FaultyServer) -> None:
    service = daemons(ARGOSY_RESULT_TTL_S="1").start()
    _, (url,) = finished(service, server.add("/a.bin", BODY))
    assert get(service, url).status == 200
    expires = int(re.findall(r"expires=(\d+)", url)[0])
    while time.time() <= expires:
        time.sleep(0.05)
    answer = get(service, url)
    assert answer.status == 410
    assert answer.json()["code"] == "expired"


def test_a_link_is_made_for_a_file_and_the_file_is_had_with_a_token_too(service: Daemon, server: FaultyServer) -> None:
    task_id = service.add(server.add("/a.bin", BODY))
    service.until_status(task_id, "completed")
    answer = service.request("POST", f"/v1/tasks/{task_id}/files/0/link")
    assert answer.status == 200
    assert get(service, answer.json()["url"]).body == BODY
    path = f"/v1/tasks/{task_id}/files/0/content"
    assert service.request("GET", path).body == BODY
    assert service.request("GET", path, token=None).status == 401
    assert service.request("GET", path, headers={"Range": "bytes=0-1"}).body == BODY[:2]


def test_what_is_not_there_yet_or_not_at_all_is_told_apart(service: Daemon, server: FaultyServer, slow: str) -> None:
    running = initiate(service, slow)["job_id"]
    early = service.request("GET", f"/v1/tasks/{running}/files/0/content")
    assert (early.status, early.json()["code"]) == (409, "not_ready")
    assert "retry-after" in early.headers
    assert service.request("POST", f"/v1/tasks/{running}/files/0/link").status == 409
    assert service.request("GET", f"/v1/tasks/{running}/files/7/content").status == 404
    assert service.request("GET", f"/v1/tasks/{'0' * 32}/files/0/content").status == 404
    failed = initiate(service, server.url("/none"))["job_id"]
    ended(service, failed)
    assert service.request("GET", f"/v1/tasks/{failed}/files/0/content").status == 404


# -- never another file --------------------------------------------------------------------------------


def test_a_file_that_was_changed_removed_or_made_a_link_is_gone(
    service: Daemon, server: FaultyServer, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(BODY)
    job_id, (url,) = finished(service, server.add("/a.bin", BODY))
    path = file_of(service, job_id)
    there = path.stat()
    os.utime(secret, ns=(there.st_atime_ns, there.st_mtime_ns))

    def is_gone() -> bool:
        answer = get(service, url)
        return answer.status == 410 and answer.json()["code"] == "result_gone" and BODY[:100] not in answer.body

    path.write_bytes(BODY[::-1])
    assert is_gone()
    path.unlink()
    assert is_gone()
    path.symlink_to(secret)
    assert is_gone()
    path.unlink()
    os.mkfifo(path)
    assert is_gone()
    path.unlink()
    path.mkdir()
    assert is_gone()


def test_a_folder_that_became_a_link_leads_nowhere(service: Daemon, server: FaultyServer, tmp_path: Path) -> None:
    job_id, (url,) = finished(service, server.add("/a.bin", BODY))
    folder = service.folder / "jobs" / job_id
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert get(service, url).status == 410


def test_a_removed_job_gives_out_nothing_more(service: Daemon, server: FaultyServer) -> None:
    job_id, (url,) = finished(service, server.add("/a.bin", BODY))
    assert service.request("DELETE", f"/v1/tasks/{job_id}").status < 300
    assert get(service, url).status == 410


@pytest.mark.parametrize("name", ["..%2f..%2ftoken", "%2e%2e", "..", "a.bin/../../../token", "%00", "etc%5cpasswd"])
def test_no_name_in_a_link_leads_anywhere(service: Daemon, link: str, name: str) -> None:
    parts = urlsplit(link)
    folder = parts.path.rpartition("/")[0]
    answer = get(service, f"http://x{folder}/{name}?{parts.query}")
    assert service.token.encode() not in answer.body
    assert answer.status in {400, 401, 403, 404} or answer.body == BODY


@pytest.mark.parametrize("index", ["-1", "1", "999999999999999999999", "0x0", "00", " 0", "%30"])
def test_no_number_in_a_link_leads_anywhere(service: Daemon, link: str, index: str) -> None:
    parts = urlsplit(link)
    path = parts.path.replace("/0/", "/" + quote(index, safe="%") + "/")
    answer = get(service, f"http://x{path}?{parts.query}")
    assert answer.status in {403, 404, 422} or answer.body == BODY


def test_a_web_page_that_was_downloaded_cannot_run_here(service: Daemon, server: FaultyServer) -> None:
    page = b"<script>alert(document.cookie)</script>"
    _, (url,) = finished(service, server.add("/page.html", page, content_type="text/html"))
    answer = get(service, url)
    assert answer.body == page
    assert answer.headers["content-type"] == OPAQUE
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_name_in_any_script_arrives_as_it_is(service: Daemon, server: FaultyServer) -> None:
    _, (url,) = finished(service, server.add('/Bericht "Größe" 日本.txt', b"x", content_type="text/plain"))
    answer = get(service, url)
    assert answer.status == 200
    name = "Bericht _Größe_ 日本.txt"
    assert answer.headers["content-disposition"].endswith(f"filename*=UTF-8''{quote(name, safe='')}")
    assert urlsplit(url).path.endswith(quote(name, safe=""))
    assert answer.headers["content-type"] == "text/plain"


# -- the rules by themselves ---------------------------------------------------------------------------

V = Version(1000, '"v"', 1_700_000_000.5)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Portion(200, 0, 1000)),
        ({"if-none-match": "*"}, Portion(304, 0, 0)),
        ({"if-none-match": '"a", W/"v"'}, Portion(304, 0, 0)),
        ({"if-none-match": '"a"', "if-modified-since": "Tue, 14 Nov 2023 22:13:20 GMT"}, Portion(200, 0, 1000)),
        ({"if-modified-since": "Tue, 14 Nov 2023 22:13:20 GMT"}, Portion(304, 0, 0)),
        ({"if-modified-since": "Tue, 14 Nov 2023 22:13:19 GMT"}, Portion(200, 0, 1000)),
        ({"if-match": '"v"', "range": "bytes=1-2"}, Portion(206, 1, 3)),
        ({"if-match": "*"}, Portion(200, 0, 1000)),
        ({"range": "BYTES = 1-2"}, Portion(206, 1, 3)),
        ({"range": "bytes=1-2", "if-range": "Tue, 14 Nov 2023 22:13:20 GMT"}, Portion(206, 1, 3)),
        ({"range": "bytes=1-2", "if-range": "Tue, 14 Nov 2023 22:13:21 GMT"}, Portion(200, 0, 1000)),
        ({"range": "bytes=1-2", "if-range": "nonsense"}, Portion(200, 0, 1000)),
    ],
)
def test_conditions_are_weighed_in_their_order(headers: dict[str, str], expected: Portion) -> None:
    assert portion(V, headers) == expected


def test_a_weak_tag_is_no_match_for_going_on() -> None:
    with pytest.raises(PreconditionFailed):
        portion(V, {"if-match": 'W/"v"'})
    with pytest.raises(RangeRefused):
        portion(Version(0, '"v"', 0), {"range": "bytes=0-"})


@pytest.mark.parametrize(
    ("stated", "told"),
    [("text/html", OPAQUE), ("image/svg+xml", OPAQUE), ("application/xhtml+xml", OPAQUE), ("text/xml", OPAQUE),
     (None, OPAQUE), ("video/mp4", "video/mp4"), ("TEXT/Plain; charset=utf-8", "text/plain"), ("image/png\r\nX: y", OPAQUE),
     ("application/javascript", OPAQUE)],
)  # fmt: skip
def test_only_types_that_cannot_run_are_told(stated: str | None, told: str) -> None:
    assert type_of(stated) == told


def test_a_name_cannot_break_out_of_its_header() -> None:
    for name in ('a"; filename="b.exe', "a\r\nX: y", "a\\", "\u202egpj.exe", "a;b"):
        shown = disposition(name)
        assert "\r" not in shown
        assert "\n" not in shown
        assert shown.count('"') == 2
        assert shown.isascii()


def test_links_made_within_a_while_are_the_same_and_good_for_long_enough() -> None:
    for now in range(1_700_000_000, 1_700_010_000, 77):
        assert 86_400 < expiry(now, 86_400) - now <= 90_000
    assert len({expiry(now, 86_400) for now in range(1_700_000_000, 1_700_007_200)}) <= 3


def test_a_signature_is_of_one_task_file_and_moment() -> None:
    key, task = b"key", "a" * 32
    good = signature(key, task, 1, 100)
    check(key, task, 1, "100", good, 99.0)
    attempts: list[tuple[Any, ...]] = [
        (b"other", task, 1, "100", good), (key, "b" * 32, 1, "100", good), (key, task, 2, "100", good),
        (key, task, 1, "101", good), (key, task, 1, "0100", ""), (key, task, 1, "", good), (key, task, 1, "1e2", good),
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(BadLink):
            check(attempt[0], attempt[1], attempt[2], attempt[3], attempt[4], 99.0)
    with pytest.raises(LinkExpired):
        check(key, task, 1, "100", good, 100.0)
