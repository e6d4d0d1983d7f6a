"""Where the runtime's own remarks go: to the log file, never between a person's lines. ``-vv`` shows them as well."""

from __future__ import annotations

import logging
from io import TextIOWrapper

import click

from argosy import config
from argosy.cli.face import current

LINE = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


class LogFile(logging.FileHandler):
    """Made, with its folder, when there is something to write; a log that cannot be written hinders nobody."""

    def __init__(self) -> None:
        self._place = config.home().log_file
        super().__init__(self._place, encoding="utf-8", delay=True)

    def _open(self) -> TextIOWrapper:
        self._place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Let it go."""


def open_log() -> None:
    """Have warnings written to the log file from now on."""
    logger = logging.getLogger("argosy")
    if logger.handlers:
        return
    context = click.get_current_context(silent=True)
    talkative = context is not None and current(context).verbose > 1
    handlers: list[logging.Handler] = [LogFile()]
    if talkative:
        handlers.append(logging.StreamHandler())
    for handler in handlers:
        handler.setFormatter(logging.Formatter(LINE))
        logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO if talkative else logging.WARNING)
