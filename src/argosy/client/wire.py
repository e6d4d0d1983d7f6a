"""Requests as the service wants to read them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, Final

from argosy.client.transport import Query as Parameters
from argosy.config import SETTINGS
from argosy.core.document import iso_time
from argosy.core.pieces import Pieces
from argosy.core.types import FileSpec, Queue, TransferOptions
from argosy.errors import UsageError
from argosy.runtime.admission import Request
from argosy.store.port import Query

_PLAIN: Final = TransferOptions()
_SETTINGS: Final = frozenset(SETTINGS) | {"limit_bps"}


def request(asked: Request, directory: str | None, *, owner: bool) -> dict[str, Any]:
    """Return a request. ``owner``: as :func:`transfer`."""
    content: dict[str, Any] = {
        "source": asked.source if isinstance(asked.source, str) else list(asked.source) or None,
        "directory": directory,
        "name": asked.name,
        "mirrors": list(asked.mirrors),
        "checksum": None if asked.checksum is None else str(asked.checksum),
        "size": asked.size,
        "pieces": None if asked.pieces is None else piece_hashes(asked.pieces),
        "priority": asked.priority,
        "queue": Queue(asked.queue).name.lower(),
        "paused": asked.paused,
        "start_at": _start(asked.start_at),
        "engine": asked.engine,
        "files": [file(each) for each in asked.files],
        "callback": asked.callback,
        "include": list(asked.include),
        "exclude": list(asked.exclude),
    }
    content = {name: value for name, value in content.items() if value not in (None, [], "")}
    return content | {"options": transfer(asked.options, owner=owner), "max_retries": asked.max_retries}


def model(
    name: str, directory: str | None, include: Sequence[str], exclude: Sequence[str], queue: Queue
) -> dict[str, Any]:
    """Return what is to be ensured."""
    content = {"id": name, "directory": directory, "include": list(include), "exclude": list(exclude)}
    given = {key: value for key, value in content.items() if value not in (None, [])}
    return given | {"queue": Queue(queue).name.lower()}


def transfer(options: TransferOptions, *, owner: bool) -> dict[str, Any]:
    """Return how to transfer: what is not as usual. The service's owner also says all that can be set, since the service
    may be set otherwise than we are; some of that is not for others to say.
    """
    content = {field.name: getattr(options, field.name) for field in fields(options) if field.name != "public_only"}
    said = _SETTINGS if owner else ()
    content = {name: value for name, value in content.items() if name in said or value != getattr(_PLAIN, name)}
    if "headers" in content:
        content["headers"] = [list(header) for header in options.headers]
    return {name: value for name, value in content.items() if value is not None}


def changes(
    urls: Sequence[str] | None,
    options: TransferOptions | None,
    checksum: object,
    max_retries: int | None,
    *,
    owner: bool,
) -> dict[str, Any]:
    """Return what is to be otherwise with a task."""
    content: dict[str, Any] = {
        "urls": None if urls is None else list(urls),
        "checksum": None if checksum is None else str(checksum),
        "max_retries": max_retries,
        "options": None if options is None else transfer(options, owner=owner),
    }
    content = {name: value for name, value in content.items() if value is not None}
    if options is None:
        return content
    content["options"].pop("limit_bps", None)
    return content | {"limit_bps": options.limit_bps}  # here it can be taken away, too


def file(spec: FileSpec) -> dict[str, Any]:
    content = {
        "urls": list(spec.urls), "path": spec.path, "size": spec.size,
        "checksum": None if spec.checksum is None else str(spec.checksum),
        "pieces": None if spec.pieces is None else piece_hashes(spec.pieces),
    }  # fmt: skip
    return {name: value for name, value in content.items() if value is not None}


def piece_hashes(pieces: Pieces) -> dict[str, Any]:
    hashes = [pieces.digest(index) for index in range(pieces.count)]
    return {"algorithm": pieces.algorithm, "length": pieces.length, "hashes": hashes}


def listing(query: Query, size: int) -> Parameters:
    """Return the parameters of a page of ``size`` tasks. Raises UsageError for what no service can be asked."""
    if query.key is not None or query.session is not None or query.after_value is not None:
        raise UsageError("a service does not list tasks by key, session or value")
    given: list[tuple[str, object]] = [
        *(("status", status.value) for status in sorted(query.statuses or ())),
        ("host", query.host),
        ("q", query.text),
        ("created_after", iso_time(query.created[0])),
        ("created_before", iso_time(query.created[1])),
        ("finished_after", iso_time(query.finished[0])),
        ("finished_before", iso_time(query.finished[1])),
        ("order_by", f"{'-' if query.newest_first else ''}{query.by}"),
        ("after", query.after),
        ("page_size", size),
    ]
    return [(name, str(value)) for name, value in given if value is not None]


def pairs(**given: object) -> Parameters:
    return [(name, str(value)) for name, value in given.items() if value is not None]


def each(ids: Sequence[str], size: int) -> list[list[str]]:
    """Return the ids in portions of at most ``size``."""
    return [list(ids[at : at + size]) for at in range(0, len(ids), size)]


def _start(moment: float | datetime | None) -> str | None:
    if isinstance(moment, datetime):
        return iso_time(moment.astimezone(UTC).timestamp())
    return iso_time(moment)
