"""Structured logs: every line has an action and, where there is one, a task; no line has a secret.

The name of the thing that happened is the message (``store.failed``), its circumstances are the record's ``extra``.
Nothing is written, and next to nothing spent, before :func:`configure` was called.
"""

from __future__ import annotations

import io
import json
import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final, Literal

from argosy.core.redact import redacted

Level = Literal["off", "error", "warning", "info", "debug"]
Console = Literal["off", "text", "json"]
LEVELS: Final[dict[Level, int]] = {
    "off": logging.CRITICAL + 1, "error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO,
    "debug": logging.DEBUG,
}  # fmt: skip
LARGEST_BYTES: Final = 5 * 1024 * 1024
KEPT: Final = 3
"""Files beside the one that is written to."""
LOGGERS: Final = ("argosy", "asyncio", "py.warnings")
"""Whose records are ours to keep: asyncio's tell of tasks that died unseen."""
ACTION: Final = re.compile(r"[a-z_]+\.[a-z_]+")
_USUAL: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(file: Path | None, *, level: Level = "warning", console: Console = "off") -> None:
    """Have records of at least ``level`` written to ``file`` (JSON lines) and to stderr. Called again it starts anew."""
    handlers: list[logging.Handler] = []
    if file is not None and level != "off":
        handlers.append(LogFile(file))
        handlers[-1].setFormatter(JsonLines())
    if console != "off":
        handlers.append(logging.StreamHandler())
        handlers[-1].setFormatter(JsonLines() if console == "json" else Words())
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


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        head = {"at": at, "level": record.levelname.lower(), "process": record.process, "logger": record.name}
        return json.dumps(head | _facts(record), default=str, ensure_ascii=True)


class Words(logging.Formatter):
    """One line for a person: ``12:00:01 warning store.failed error="…"``; a traceback goes below."""

    def format(self, record: logging.LogRecord) -> str:
        facts = _facts(record)
        action, traceback = facts.pop("action"), facts.pop("traceback", "")
        told = [f"{name}={json.dumps(value, default=str)}" for name, value in facts.items()]
        at = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")  # noqa: DTZ006 - a person's own clock
        return "\n".join(filter(None, (" ".join((at, record.levelname.lower(), action, *told)), traceback)))


class LogFile(RotatingFileHandler):
    """A file for its owner's eyes, made with its folder when there is something to write.

    Several processes write to it: each line goes out in one piece, and who finds that another has begun a new file
    goes on in that one. A log that cannot be written hinders nobody.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(file, maxBytes=LARGEST_BYTES, backupCount=KEPT, encoding="utf-8", delay=True)

    def _open(self) -> io.TextIOWrapper:
        folder = Path(self.baseFilename).parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return open(self.baseFilename, "a", encoding="utf-8", opener=_private)

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - logging's name
        if self.stream is not None and self._was_moved(self.stream):
            self.stream.close()
            self.stream = self._open()
        return bool(super().shouldRollover(record))

    def _was_moved(self, stream: io.TextIOWrapper) -> bool:
        try:
            return not os.path.samestat(Path(self.baseFilename).stat(), os.fstat(stream.fileno()))
        except OSError:
            return True

    def rotate(self, source: str, dest: str) -> None:
        with suppress(FileNotFoundError):  # another process was first
            super().rotate(source, dest)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Let it go."""


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
