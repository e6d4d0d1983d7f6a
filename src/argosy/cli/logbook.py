"""Where the runtime's own remarks go: to the log file, never between a person's lines. ``-vv`` shows them as well."""

from __future__ import annotations

import click

from argosy import config
from argosy.cli.face import current
from argosy.errors import UsageError
from argosy.telemetry import log


def open_log() -> None:
    """Have the log kept from now on, as the settings and ``-v`` say."""
    context = click.get_current_context(silent=True)
    face = None if context is None else current(context)
    talkative = face is not None and face.verbose > 1
    console: log.Console = "off" if not talkative else "json" if face is not None and face.json else "text"
    log.configure(config.home().log_file, level="info" if talkative else _level(), console=console)


def _level() -> log.Level:
    try:
        level: log.Level = config.load()["log_level"]
    except UsageError:
        return "warning"  # the command itself will tell what is wrong with the settings
    return level
