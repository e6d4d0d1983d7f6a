"""What the settings mean for the command line, and changing them in the file. Which there are says :mod:`argosy.config`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from argosy import config
from argosy.errors import UsageError

PARAMETER_OF = {
    "ca_file": "cacert",
    "connect_timeout_s": "connect_timeout",
    "stall_timeout_s": "timeout",
    "max_running": "jobs",
}
"""Options that are called otherwise than their setting."""


def defaults() -> dict[str, Any]:
    """Return what file and environment set, as the options want to read it."""
    loaded = config.load()
    return {
        PARAMETER_OF.get(name, name): value if isinstance(value, bool) else str(value)
        for name, value in loaded.values.items()
        if loaded.origins[name] != "default" and value != ""
    }


def known(name: str) -> config.Setting:
    """Return the setting; UsageError suggests one of a similar name."""
    plain = name.replace("-", "_")
    if plain in config.SETTINGS:
        return config.SETTINGS[plain]
    from difflib import get_close_matches  # noqa: PLC0415 - only for a typing error

    near = get_close_matches(plain, config.SETTINGS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "'argosy config list' shows them all"
    raise UsageError(f"there is no setting {name!r}", hint=hint)


def value_of(name: str, text: str) -> object:
    """Return what ``text`` means for the setting, in its own type. UsageError says why it means nothing."""
    read = config.load(environ={**_without_settings(), f"ARGOSY_{name.upper()}": text})
    if name in ("rate", "limit") and text:
        from argosy.core.timetable import parse  # noqa: PLC0415 - for these two only

        parse(text)
    if name == "window" and text:
        from argosy.core.timetable import parse_window  # noqa: PLC0415 - likewise

        parse_window(text)
    value: object = read[name]
    return value


def _without_settings() -> dict[str, str]:
    return {name: text for name, text in os.environ.items() if not name.startswith("ARGOSY_") or name == "ARGOSY_HOME"}


def change(name: str, value: object | None) -> Path:
    """Set the user's setting, or remove it (None), keeping the rest of the file as it is; return the file."""
    from argosy import settings_file  # noqa: PLC0415 - most commands change none

    path = config.home().config_file
    settings_file.change(path, name, value)
    return path
