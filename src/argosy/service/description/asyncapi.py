"""The live channels, described as AsyncAPI 3.1: made of the same classes that are sent and read.

The service answers it at ``/asyncapi.json``; ``docs/asyncapi.json`` has it too.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final, get_args

from pydantic import TypeAdapter

from argosy.about import VERSION
from argosy.service.jobs.contract import JobMessage, JobMissing
from argosy.service.live import frame, shape
from argosy.service.live.stream import MEDIA_TYPE

SCHEMAS: Final = "#/components/schemas/{model}"
SOCKET: Final = """All that happens, over one WebSocket. Nothing is sent but heartbeats until the client subscribes: to everything, to
some tasks, or by filter, under as many names as it likes (32 at most). Each subscription is a stream of its own: a snapshot, then
what changes. A client that was cut off subscribes again with `after`, the last `seq` it had, and misses no status change.
A page that cannot set headers offers the subprotocols `argosy` and `argosy.bearer.TOKEN`. Close codes: 1008 for what no client
should do, 1009 for a message above 64 KiB, 1012 when the service stops, 1013 for one that reads nothing for 30 s, or when there are
too many clients, 4401 when the token is no good any more."""
STREAM: Final = """The same as server-sent events. The event's name is the type; only logged events have an `id`. `retry` is 2 s;
`Last-Event-ID` goes on where it broke off. A comment comes every 15 s."""

JOB: Final = """One job of the download contract, until it has ended. Every message tells all there is to know of it, the first at once
(`snapshot`), so a client that was cut off connects again and has missed nothing. A message that is due for no other reason comes after
15 s. Close codes: 1000 once the job has ended, 4404 for a job there is not, 1008 for more than 5 messages of the client a second, 1012, 1013
and 4401 as of `/ws`."""
JOB_MESSAGES: Final = (JobMessage, JobMissing)


@cache
def document() -> dict[str, Any]:
    """Return the description."""
    incoming, outgoing = get_args(frame.Incoming), get_args(frame.Outgoing)
    schemas: dict[str, Any] = {}
    for kind in (*incoming, *outgoing, *shape.EVENTS, *JOB_MESSAGES):
        schemas |= _schema(kind)
    messages = {kind.__name__: _message(kind) for kind in (*incoming, *outgoing, *JOB_MESSAGES)}
    messages |= {kind.__name__: _message(kind, MEDIA_TYPE, kind_name(kind)) for kind in shape.EVENTS}
    streamed = (*shape.EVENTS, frame.Snapshot, frame.Reset, frame.Closing)
    return {
        "asyncapi": "3.1.0",
        "info": {"title": "Argosy, live", "version": VERSION, "license": {"name": "MIT"}},
        "defaultContentType": "application/json",
        "channels": {
            "socket": _channel("/ws", SOCKET, (*incoming, *outgoing)) | {"bindings": {"ws": {"method": "GET"}}},
            "job": _channel("/ws/download/{job_id}", JOB, JOB_MESSAGES)
            | {"parameters": {"job_id": {"description": "The job's id."}}, "bindings": {"ws": {"method": "GET"}}},
            "events": _channel("/v1/events", STREAM, streamed),
            "eventsOfTask": _channel("/v1/tasks/{task_id}/events", "The same of one task.", streamed)
            | {"parameters": {"task_id": {"description": "The task's id."}}},
        },
        "operations": {
            "ask": _operation("receive", "socket", incoming),
            "tell": _operation("send", "socket", outgoing),
            "tellOfJob": _operation("send", "job", JOB_MESSAGES),
            "stream": _operation("send", "events", streamed) | _GET,
            "streamTask": _operation("send", "eventsOfTask", streamed) | _GET,
        },
        "components": {
            "messages": messages,
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


_GET: Final[dict[str, Any]] = {"bindings": {"http": {"method": "GET"}}}


def kind_name(kind: Any) -> str:  # noqa: ANN401 - a TypedDict is no type
    """Return the name under which an event goes."""
    return str(TypeAdapter(kind).json_schema()["properties"]["event"]["const"])


def _schema(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - likewise
    described = TypeAdapter(kind).json_schema(ref_template=SCHEMAS, mode="serialization")
    return {**described.pop("$defs", {}), kind.__name__: described}


def _message(kind: Any, content: str = "application/json", name: str | None = None) -> dict[str, Any]:  # noqa: ANN401
    return {
        "name": name or kind.__name__.lower(),
        "summary": (kind.__doc__ or "").partition("\n")[0],
        "contentType": content,
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
    }


def _channel(address: str, description: str, kinds: tuple[Any, ...]) -> dict[str, Any]:
    return {
        "address": address,
        "description": description,
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in kinds},
    }


def _operation(action: str, channel: str, kinds: tuple[Any, ...]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{kind.__name__}"} for kind in kinds],
        "security": [{"$ref": "#/components/securitySchemes/token"}],
    }


def text() -> str:
    """Return the description as the file has it."""
    return json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
