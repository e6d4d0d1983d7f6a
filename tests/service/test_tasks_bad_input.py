"""What makes no sense is refused with a code and a hint, and never becomes a 500."""

from __future__ import annotations

import json
import re

import pytest

from .daemon import Daemon

URL = "http://127.0.0.1:9/x"
DEEP = b"[" * 100_000 + b"]" * 100_000
RAW: tuple[tuple[str, bytes, str, int], ...] = (
    ("POST /v1/tasks", b"", "application/json", 422),
    ("POST /v1/tasks", b"{", "application/json", 400),
    ("POST /v1/tasks", b"null", "application/json", 422),
    ("POST /v1/tasks", b"[]", "application/json", 422),
    ("POST /v1/tasks", b'"x"', "application/json", 422),
    ("POST /v1/tasks", b"\xff\xfe", "application/json", 400),
    ("POST /v1/tasks", DEEP, "application/json", 400),
    ("POST /v1/tasks", b'{"source": "http://127.0.0.1:9/", "size": NaN}', "application/json", 422),
    ("POST /v1/tasks", b'{"source": "http://127.0.0.1:9/", "size": 1e400}', "application/json", 422),
    ("POST /v1/tasks", b'{"source": "http://127.0.0.1:9/", "priority": ' + b"9" * 5000 + b"}", "application/json", 400),
    ("POST /v1/tasks", json.dumps({"source": URL}).encode(), "text/plain", 415),
    ("POST /v1/tasks", b"source=" + URL.encode(), "application/x-www-form-urlencoded", 415),
    ("POST /v1/download/initiate", b"", "application/json", 422),
    ("POST /v1/download/initiate", b"{", "application/json", 400),
    ("POST /v1/download/initiate", b"null", "application/json", 422),
    ("POST /v1/download/initiate", b"\xff\xfe", "application/json", 400),
    ("POST /v1/download/initiate", DEEP, "application/json", 400),
    ("POST /v1/download/initiate", b'{"urls": [NaN]}', "application/json", 422),
    ("PATCH /v1/limits", b"[1]", "application/json", 422),
    ("POST /v1/probe", b'{"source": []}', "application/json", 422),
)
TASKS: tuple[object, ...] = (
    {}, {"source": ""}, {"source": []}, {"source": [URL] * 10_001}, {"source": 5}, {"source": {"url": URL}},
    {"source": URL, "url": URL}, {"source": URL, "files": [{"urls": [URL]}]}, {"files": []}, {"files": [{"urls": []}]},
    {"files": [{"urls": [URL], "path": "../x"}]}, {"files": [{"urls": [URL], "path": "/x"}]},
    {"source": "file:///etc/passwd"}, {"source": "javascript:alert(1)"}, {"source": "//host/x"}, {"source": "http://"},
    {"source": "http://a b/"}, {"source": "http://h:99999/"}, {"source": "http://h\n/"}, {"source": "-o/etc/passwd"},
    {"source": "http://h/" + "x" * 70_000}, {"source": "http://\ud800/"}, {"source": URL, "mirrors": ["file:///x"]},
    {"source": URL, "name": "../x"}, {"source": URL, "name": "/etc/x"}, {"source": URL, "name": ".."},
    {"source": [URL, URL + "2"], "name": "x"}, {"source": URL, "checksum": "sha256:1"}, {"source": URL, "checksum": "x" * 300},
    {"source": URL, "size": -1}, {"source": URL, "size": 2**63}, {"source": URL, "size": "x"}, {"source": URL, "priority": 2**70},
    {"source": URL, "priority": 1.5}, {"source": URL, "queue": "retry"}, {"source": URL, "start_at": "tomorrow"},
    {"source": URL, "start_at": "2026-01-01T00:00:00"}, {"source": URL, "start_at": 1e30}, {"source": URL, "max_retries": -1},
    {"source": URL, "engine": "-x"}, {"source": URL, "callback": "file:///x"}, {"source": URL, "callback": "http://"},
    {"source": URL, "id": "f" * 32}, {"source": URL, "session": "x"}, {"source": URL, "options": {"exec": "rm -rf /"}},
    {"source": URL, "options": {"public_only": False}}, {"source": URL, "options": {"connections": 1000}},
    {"source": URL, "options": {"headers": {"X": "a\r\nY: b"}}}, {"source": URL, "options": {"headers": {"X Y": "a"}}},
    {"source": URL, "options": {"headers": [["X"]]}}, {"source": URL, "options": {"headers": {"X": 1}}},
    {"source": URL, "options": {"user_agent": "a\r\nb"}}, {"source": URL, "options": {"cookie": "a\x00b"}},
    {"source": URL, "options": {"limit_bps": 0}}, {"source": URL, "options": {"connect_timeout_s": -1}},
    {"source": URL, "options": {"sidecar": "file:///x"}}, {"source": URL, "options": {"if_exists": "eat"}},
    {"source": URL, "options": []}, {"tasks": []}, {"tasks": {}}, {"tasks": [5]}, {"tasks": [{"source": URL, "x": 1}]},
    {"tasks": [{"source": URL}], "source": URL},
)  # fmt: skip


def test_a_task_that_makes_no_sense_is_refused_with_a_code_and_a_hint(service: Daemon) -> None:
    for sent in TASKS:
        answer = service.request("POST", "/v1/tasks", sent)
        assert (str(sent)[:300], answer.status) == (str(sent)[:300], 422)
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["code"], sent
        assert problem["hint"] or problem["detail"], sent
    assert service.request("GET", "/v1/stats").json()["total"] == 0


def test_content_that_cannot_be_read_is_refused(service: Daemon) -> None:
    for place, body, kind, status in RAW:
        method, path = place.split()
        answer = service.request(method, path, body=body, headers={"Content-Type": kind})
        assert (place, body[:60], answer.status) == (place, body[:60], status)
        assert answer.json()["code"] == {400: "bad_json", 415: "media_type", 422: "invalid"}[status]
        assert answer.json()["hint"]


@pytest.mark.parametrize("path", ["/v1/tasks", "/v1/download/initiate"])
@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"urls":\n  [,]}', "expecting value, at line 2, column 4"),
        (b'{"urls": []', "expecting ',' delimiter, at line 1, column 12"),
        (b'{"urls": ["\xff"]}', "no UTF-8, from byte 12"),
        (DEEP, "nested too deep"),
    ],
)
def test_broken_json_is_told_where_it_breaks(service: Daemon, path: str, body: bytes, where: str) -> None:
    answer = service.request("POST", path, body=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json()["code"]) == (400, "bad_json")
    assert where in answer.json()["detail"]


@pytest.mark.parametrize(
    ("address", "name", "meant"),
    [
        ("GET /v1/tasks?stauts=failed", "stauts", "status"), ("GET /v1/events?afer=3", "afer", "after"),
        ("GET /v1/history?page_sise=3", "page_sise", "page_size"), ("DELETE /v1/history?befor=2026-01-01T00:00:00Z", "befor", "before"),
        ("POST /v1/download/initiate?dry_run=1", "dry_run", None), ("GET /v1/stats?x=1", "x", None),
    ],
)  # fmt: skip
def test_a_parameter_that_nobody_knows_is_refused_with_what_may_have_been_meant(
    service: Daemon, address: str, name: str, meant: str | None
) -> None:
    method, path = address.split()
    answer = service.request(method, path, {"urls": [URL]} if method == "POST" else None)
    problem = answer.json()
    assert (answer.status, problem["code"]) == (422, "unknown_parameter")
    (error,) = problem["errors"]
    assert (error["pointer"], error["in"]) == (f"/{name}", "query")
    assert meant is None or f"did you mean {meant}" in error["detail"]
    assert problem["hint"]


def test_every_address_of_the_api_refuses_a_strange_parameter(service: Daemon) -> None:
    for path, operations in service.request("GET", "/openapi.json").json()["paths"].items():
        if not path.startswith("/v1/") or path.startswith("/v1/results/"):
            continue
        for method in operations:
            answer = service.request(method.upper(), re.sub(r"\{\w+\}", "0", path) + "?strange=1")
            assert (method, path, answer.json()["code"]) == (method, path, "unknown_parameter")


@pytest.mark.parametrize("path", ["/health?t=1", "/metrics?t=1", "/?utm_source=mail"])
def test_what_browsers_and_probes_open_takes_any_parameter(service: Daemon, path: str) -> None:
    assert service.request("GET", path).status == 200


@pytest.mark.parametrize(
    ("path", "sent", "pointer", "meant"),
    [
        ("/v1/tasks", {"sorce": URL}, "/sorce", "source"),
        ("/v1/tasks", {"source": URL, "options": {"conections": 3}}, "/options/conections", "connections"),
        ("/v1/download/initiate", {"url": [URL]}, "/url", "urls"),
        ("/v1/download/initiate", {"urls": [URL], "callback": URL}, "/callback", "callback_url"),
    ],
)
def test_a_member_that_nobody_knows_is_refused_with_what_may_have_been_meant(
    service: Daemon, path: str, sent: object, pointer: str, meant: str
) -> None:
    answer = service.request("POST", path, sent)
    assert (answer.status, answer.json()["code"]) == (422, "invalid")
    (detail,) = (each["detail"] for each in answer.json()["errors"] if each["pointer"] == pointer)
    assert "there is no such member; did you mean" in detail
    assert meant in detail


def test_a_refusal_points_at_the_member_and_does_not_repeat_its_value(service: Daemon) -> None:
    sent = {"source": URL, "options": {"cookie": "geheim\n", "headers": {"X": "geheim\n"}}, "name": ["geheim"]}
    answer = service.request("POST", "/v1/tasks", sent)
    assert {each["pointer"] for each in answer.json()["errors"]} >= {"/options/cookie", "/name"}
    assert b"geheim" not in answer.body
    many = service.request("POST", "/v1/tasks", {"tasks": [{"source": URL}, {"source": URL, "size": -1}]})
    assert [each["pointer"] for each in many.json()["errors"]] == ["/tasks/1/size"]
