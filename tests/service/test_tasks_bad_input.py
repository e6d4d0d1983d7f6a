"""What makes no sense is refused with a code and a hint, and never becomes a 500."""

from __future__ import annotations

import json

from .daemon import Daemon

URL = "http://127.0.0.1:9/x"
DEEP = b"[" * 100_000 + b"]" * 100_000
RAW: tuple[tuple[str, bytes, str], ...] = (
    ("POST /v1/tasks", b"", "application/json"),
    ("POST /v1/tasks", b"{", "application/json"),
    ("POST /v1/tasks", b"null", "application/json"),
    ("POST /v1/tasks", b"[]", "application/json"),
    ("POST /v1/tasks", b'"x"', "application/json"),
    ("POST /v1/tasks", b"\xff\xfe", "application/json"),
    ("POST /v1/tasks", DEEP, "application/json"),
    ("POST /v1/tasks", b'{"source": "http://127.0.0.1:9/", "size": NaN}', "application/json"),
    ("POST /v1/tasks", b'{"source": "http://127.0.0.1:9/", "size": 1e400}', "application/json"),
    ("POST /v1/tasks", b'{"source": "http://127.0.0.1:9/", "priority": ' + b"9" * 5000 + b"}", "application/json"),
    ("POST /v1/tasks", json.dumps({"source": URL}).encode(), "text/plain"),
    ("POST /v1/tasks", b"source=" + URL.encode(), "application/x-www-form-urlencoded"),
    ("PATCH /v1/limits", b"[1]", "application/json"),
    ("POST /v1/probe", b'{"source": []}', "application/json"),
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
    for place, body, kind in RAW:
        method, path = place.split()
        answer = service.request(method, path, body=body, headers={"Content-Type": kind})
        assert (place, body[:60], answer.status) == (place, body[:60], 415 if kind[0] != "a" or "form" in kind else 422)
        assert answer.json()["code"]
        assert answer.json()["hint"]


def test_a_refusal_points_at_the_member_and_does_not_repeat_its_value(service: Daemon) -> None:
    sent = {"source": URL, "options": {"cookie": "geheim\n", "headers": {"X": "geheim\n"}}, "name": ["geheim"]}
    answer = service.request("POST", "/v1/tasks", sent)
    assert {each["pointer"] for each in answer.json()["errors"]} >= {"/options/cookie", "/name"}
    assert b"geheim" not in answer.body
    many = service.request("POST", "/v1/tasks", {"tasks": [{"source": URL}, {"source": URL, "size": -1}]})
    assert [each["pointer"] for each in many.json()["errors"]] == ["/tasks/1/size"]
