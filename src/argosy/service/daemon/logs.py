"""The service's logs: structlog over the standard library's records, so that ours and other libraries' lines are alike.

Where lines go, and that no secret is in any, is :mod:`argosy.telemetry.log`'s; here each also gets what was bound to the
request that it belongs to (``request_id``, ``trace_id``).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict, Processor

from argosy.telemetry import log
from argosy.telemetry.log import Console, Level


def configure(file: Path, *, level: Level, console: Console) -> None:
    """Have the log kept in ``file`` as JSON lines, and shown on stderr as ``console`` says. Called again it starts anew."""
    log.configure(file, level=level, console=console, formatter=shaped)
    server = logging.getLogger("uvicorn")
    server.setLevel(max(server.level, logging.WARNING))  # below that it tells what we tell better
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def shaped(console: Console) -> logging.Formatter:
    """Return what makes a line of a record, JSON or for a person."""
    last: list[Processor] = [structlog.processors.JSONRenderer(default=str)]
    if console == "text":
        last = [_for_a_person, structlog.dev.ConsoleRenderer(colors=False, timestamp_key="at", event_key="action")]
    return ProcessorFormatter(
        foreign_pre_chain=[_of_record, structlog.contextvars.merge_contextvars],
        processors=[ProcessorFormatter.remove_processors_meta, *last],
        keep_exc_info=True,
    )


def _of_record(_: object, __: str, event: EventDict) -> EventDict:
    """Return the facts of the record, which are free of secrets by now, in place of structlog's reading of it."""
    record: logging.LogRecord = event["_record"]
    facts: dict[str, Any] = log.as_data(record)
    record.exc_info = record.exc_text = record.stack_info = None  # told already; this is a copy of the record
    return {**facts, "_record": record, "_from_structlog": False}


def _for_a_person(_: object, __: str, event: EventDict) -> EventDict:
    at, process = event.pop("at"), event.pop("process", None)
    traceback = event.pop("traceback", None)
    shown = {"at": at[11:19], **event} | ({"exception": traceback} if traceback else {})
    return shown if process is not None else dict(event)
