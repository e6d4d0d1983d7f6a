"""What the settings mean for the command line, and changing them in the file. Which there are says :mod:`argosy.config`."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from argosy import config
from argosy.errors import LocalError, UsageError

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
    path = config.home().config_file
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    line = re.compile(rf"^[ \t]*{re.escape(name)}[ \t]*=.*\n?", re.MULTILINE)
    new = "" if value is None else f"{name} = {_toml(value)}\n"
    if line.search(text):
        changed = line.sub(lambda _: new, text, count=1)
    else:
        changed = text + ("\n" if text and not text.endswith("\n") else "") + new
    _replace(path, changed)
    return path


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # TOML's basic strings, numbers and booleans are JSON's


def _replace(path: Path, text: str) -> None:
    """The file has ``text``, readable by its owner alone, or is as it was."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise LocalError(f"cannot write the settings to {path}: {error.strerror}") from error
