"""An example of anything that a JSON schema describes, for people who read the description of the API. Pure.

What a schema itself gives as an example goes first. Else a member's name tells what it is: the names are those of one
vocabulary, so one word for each is enough, and all examples tell of the same download.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Schema = Mapping[str, Any]
ID: Final = "3f2a9c0d5b6e4f708192a3b4c5d6e7f8"
URL: Final = "https://data.example.org/study-1/scan.nii.gz"
SHA256: Final = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SIZE: Final = 4_194_304
CREATED: Final = "2026-11-24T09:30:00.000Z"
STARTED: Final = "2026-11-24T09:30:00.120Z"
LATER: Final = "2026-11-24T09:30:42.500Z"
SECRET: Final = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 - nobody's

WORDS: Final[Mapping[str, Any]] = {
    # who and what
    "id": ID, "ids": [ID], "task_id": ID, "number": 42, "version": 3, "index": 0, "seq": 4711, "webhook": "wh_6f1c2a",
    "name": "scan.nii.gz", "path": "/srv/downloads/study-1/scan.nii.gz", "directory": "/srv/downloads/study-1",
    "source": URL, "url": URL, "urls": [URL], "host": "data.example.org:443", "hosts": {},
    "asked_name": None, "asked_files": 1, "mirrors": 0, "kind": "http", "engine": "curl", "content_type": "application/gzip",
    "etag": '"5e1a-400000"', "last_modified": "Mon, 23 Nov 2026 08:00:00 GMT", "checksum": SHA256, "verified_by": None,
    "resumable": True, "occupied": None, "damaged": [], "repaired": False, "extents": [[0, SIZE // 2]],
    # how far
    "status": "running", "received": SIZE // 2, "downloaded_bytes": SIZE // 2, "size": SIZE, "total": SIZE, "total_bytes": SIZE,
    "percent": 50.0, "speed_bps": 1_048_576, "speed": 1_048_576, "eta_s": 2.0, "eta_seconds": 2.0, "connections": 4,
    "files_done": 0, "files_completed": 0, "files_total": 1, "current_file": 70000, "fits": True,
    "free_bytes": 512_000_000_000, "disk_free_bytes": 512_000_000_000, "download_url": f"http://127.0.0.1:8970/v1/results/{ID}/0/scan.nii.gz?expires=1795530000&signature=…",
    # how it is to go
    "queue": "interactive", "priority": 0, "attempt": 1, "max_retries": 5, "max_connections": 8, "limit_bps": None,
    "insecure": False, "pid": 4242, "callback": "https://client.example/webhook", "callback_url": "https://client.example/webhook",
    "max_running": 16, "connections_per_host": 8, "ageing_s": 3600.0, "hold_slot_while_paused": False, "rate": "20M",
    "host_rates": {"data.example.org": "5M"}, "window": "22:00-06:00", "options": {"connections": 8},
    # when
    "at": LATER, "created_at": CREATED, "updated_at": LATER, "started_at": STARTED, "finished_at": None, "completed_at": None,
    "seen_at": LATER, "due_at": None, "until": None, "expires_at": "2026-11-25T09:30:00.000Z", "former_until": None,
    "next_attempt_at": None, "expires_in": 86_400,
    # what went wrong, and why
    "error": None, "warning": None, "code": "not_found", "message": "the server says 404 Not Found",
    "hint": "look at the address; 'argosy retry' tries again", "retryable": False, "reason": None, "reasons": [],
    "disabled_because": None, "text": "it runs, at 1.0 MB/s over 4 connections", "damaged_files": [],
    # events, pages, counts
    "event": "task_status_changed", "more": False, "next": None, "next_page_token": None, "removed": [], "results": None,
    "payload": {"task_id": ID, "from": "scheduled", "to": "running"}, "type": "task.completed", "seconds": 0.21,
    "counts": {"pending": 3, "running": 2, "completed": 40}, "tasks": {"pending": 3, "running": 2, "completed": 40},
    "queue_depth": {"interactive": 3, "automatic": 0}, "live_connections": {"websocket": 2, "sse": 1}, "active": 2, "waiting": 3,
    "running": 2, "slots": 16, "worker_use": 0.125, "store_write_ms": 4.1, "loop_lag_ms": 0.6, "ready": True, "ok": True,
    "changed": True, "serves_queue": True, "files": 1,
    # who asks, and who is told
    "token": "argosy_…", "secret": SECRET, "browser": False, "local": False, "enabled": True, "types": ["task.completed"],
    "description": "tells the archive", "value": 8, "origin": "default", "about": "connections to one file", "settable": True,
    "file": "/etc/argosy/config.toml", "filter": {"status": ["failed"]}, "q": "study-1", "user_agent": "argosy/1",
    "limit": "20M", "retries": 5, "connect_timeout_s": 30.0, "stall_timeout_s": 60.0, "keep_time": True, "if_exists": "rename",
}  # fmt: skip
"""What a member of that name may be. One that does not fit the member's type is passed over."""

TYPES: Final[Mapping[str, type | tuple[type, ...]]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict, "null": type(None),
}  # fmt: skip
DEEPEST: Final = 6


def example(schema: Schema, schemas: Mapping[str, Schema], name: str = "", depth: int = 0) -> Any:  # noqa: ANN401 - JSON; a kind of schema each
    """Return something of that schema; ``schemas`` are those that it may refer to, ``name`` is the member's."""
    if "$ref" in schema:
        referred: str = schema["$ref"].rpartition("/")[2]
        return example(schemas[referred], schemas, name, depth)
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if name in WORDS and _fits(WORDS[name], schema, schemas):
        return WORDS[name]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("default") is not None:
        return schema["default"]
    choices = [each for each in schema.get("anyOf", schema.get("oneOf", ())) if each.get("type") != "null"]
    if choices:
        return example(choices[0], schemas, name, depth)
    return _made(schema, schemas, name, depth)


def _made(schema: Schema, schemas: Mapping[str, Schema], name: str, depth: int) -> Any:  # noqa: ANN401 - JSON
    match schema.get("type"):
        case "object":
            if depth > DEEPEST:
                return {}
            members = schema.get("properties", {})
            return {key: example(value, schemas, key, depth + 1) for key, value in members.items()}
        case "array":
            inner = schema.get("items", {})
            return [example(inner, schemas, name.removesuffix("s"), depth + 1)] if inner and depth <= DEEPEST else []
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "null":
            return None
        case _:
            return name or "…"


def _fits(word: Any, schema: Schema, schemas: Mapping[str, Schema]) -> bool:  # noqa: ANN401 - JSON
    """Whether the word is of the schema's type, as far as one can see at a glance."""
    if "$ref" in schema:
        return _fits(word, schemas[schema["$ref"].rpartition("/")[2]], schemas)
    choices = schema.get("anyOf", schema.get("oneOf"))
    if choices is not None:
        return any(_fits(word, each, schemas) for each in choices)
    if "enum" in schema or "const" in schema:
        return word in schema.get("enum", (schema.get("const"),))
    kind = schema.get("type")
    if kind is None or (isinstance(word, bool) and kind != "boolean"):
        return kind is None
    if not isinstance(word, TYPES[kind]):
        return False
    if isinstance(word, list):
        return all(_fits(each, schema.get("items", {}), schemas) for each in word)
    return (
        ("properties" not in schema and not isinstance(schema.get("additionalProperties"), dict))
        or not isinstance(word, dict)
        or _members_fit(word, schema, schemas)
    )


def _members_fit(word: Mapping[str, Any], schema: Schema, schemas: Mapping[str, Schema]) -> bool:
    others = schema.get("additionalProperties", {})
    known = schema.get("properties", {})
    if not set(schema.get("required", ())) <= set(word):
        return False
    return all(
        _fits(value, known.get(key, others if isinstance(others, dict) else {}), schemas) for key, value in word.items()
    )
