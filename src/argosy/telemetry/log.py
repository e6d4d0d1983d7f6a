"""Structured logs: every line has an action and, where there is one, a task; no line has a secret.

The name of the thing that happened is the message (``store.failed``), its circumstances are the record's ``extra``.
Nothing is written, and next to nothing spent, before :func:`configure` was called.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from argosy.core.redact import redacted

Level = Literal["off", "error", "warning", "info", "debug"]
Console = Literal["off", "text", "json"]
LEVELS: Final[dict[Level, int]] = {
    "off": logging.CRITICAL + 1, "error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO,
    "debug": logging.DEBUG,
}  # fmt: skip
LOGGERS: Final = ("argosy", "asyncio", "py.warnings", "uvicorn")
"""Whose records are ours to keep: asyncio's tell of tasks that died unseen, uvicorn's of requests that did."""
ACTION: Final = re.compile(r"[a-z_]+\.[a-z_]+")
_USUAL: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(
    file: Path | None,
    *,
    level: Level = "warning",
    console: Console = "off",
    formatter: Callable[[Console], logging.Formatter] | None = None,
) -> None:
    """Have records of at least ``level`` written to ``file`` (JSON lines) and to stderr. Called again it starts anew.

    ``formatter`` makes what shapes the lines, ours if there is none; no secret gets as far as that.
    """
    handlers: list[logging.Handler] = []
    shaped = formatter or plain
    if file is not None and level != "off":
        handlers.append(LateFile(file))
        handlers[-1].setFormatter(shaped("json"))
    if console != "off":
        handlers.append(logging.StreamHandler())
        handlers[-1].setFormatter(shaped(console))
    for handler in handlers:
        handler.addFilter(hide_secrets)
    logging.captureWarnings(bool(handlers))
    for name in LOGGERS:
        logger = logging.getLogger(name)
        for old in tuple(logger.handlers):
            logger.removeHandler(old)
            old.close()
        for handler in handlers or [logging.NullHandler()]:
            logger.addHandler(handler)
        logger.propagate = False
        logger.disabled = False  # as somebody else's configuration of logging may have left it
        logger.setLevel(LEVELS[level])


def plain(console: Console) -> logging.Formatter:
    return JsonLines() if console == "json" else Words()


def hide_secrets(record: logging.LogRecord) -> bool:
    """Take every secret out of the record, whichever formatter it meets after this. A filter that lets all pass."""
    if not (isinstance(record.msg, str) and not record.args and ACTION.fullmatch(record.msg)):
        record.msg, record.args = redacted(record.getMessage()), None
    for name, value in _circumstances(record):
        if not isinstance(value, (bool, int, float, type(None))):
            setattr(record, name, redacted(str(value)))
    if record.exc_info:
        record.exc_text = redacted(record.exc_text or logging.Formatter().formatException(record.exc_info))
    if record.stack_info:
        record.stack_info = redacted(record.stack_info)
    return True


def _circumstances(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    """Yield what the call gave as ``extra``."""
    return ((name, value) for name, value in tuple(vars(record).items()) if name not in _USUAL)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    """Return all that the record tells, its action first. A record that is not ours is an action of its logger."""
    message = record.getMessage()
    ours = ACTION.fullmatch(message) is not None
    facts: dict[str, Any] = {"action": message if ours else f"{record.name.partition('.')[0]}.message"}
    if not ours:
        facts["message"] = message
    facts |= dict(_circumstances(record))
    if record.exc_info:
        facts["traceback"] = record.exc_text or logging.Formatter().formatException(record.exc_info)
    return facts


def as_data(record: logging.LogRecord) -> dict[str, Any]:
    """Return the record as a line of the log file has it."""
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    head = {"at": at, "level": record.levelname.lower(), "process": record.process, "logger": record.name}
    return head | _facts(record)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(as_data(record), default=str, ensure_ascii=True)


class Words(logging.Formatter):
    """One line for a person: ``12:00:01 warning store.failed error="…"``; a traceback goes below."""

    def format(self, record: logging.LogRecord) -> str:
        facts = _facts(record)
        action, traceback = facts.pop("action"), facts.pop("traceback", "")
        told = [f"{name}={json.dumps(value, default=str)}" for name, value in facts.items()]
        at = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")  # noqa: DTZ006 - a person's own clock
        return "\n".join(filter(None, (" ".join((at, record.levelname.lower(), action, *told)), traceback)))


class LateFile(logging.Handler):
    """The log file, which is opened when there is something to write: most commands have nothing to tell."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._path = file
        self._file: logging.Handler | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if self._file is None:
            from argosy.telemetry.logfile import LogFile  # noqa: PLC0415 - as above: it needs half of the library

            self._file = LogFile(self._path)
            self._file.setFormatter(self.formatter)
        self._file.handle(record)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()
