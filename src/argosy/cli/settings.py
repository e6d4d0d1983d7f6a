"""The settings and where each comes from: flag, then ``ARGOSY_…``, then project file, then user file, then default.

The user file is ``config.toml`` in ``$XDG_CONFIG_HOME/argosy`` (in ``$ARGOSY_HOME`` if that is set). A project file is
``argosy.toml`` in the current folder; as that may be anybody's, it can set only what can do no harm.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from argosy.errors import LocalError, UsageError

USER_FILE = "config.toml"
PROJECT_FILE = "argosy.toml"
Origin = Literal["environment", "project", "user", "default"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: the option of that name takes it. ``harmless``: a project file may set it."""

    name: str
    default: object
    meaning: str
    harmless: bool = False

    @property
    def variable(self) -> str:
        return f"ARGOSY_{self.name.upper()}"


SETTINGS: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("dir", "", "folder to download to; empty: the current one"),
        Setting("connections", 8, "connections a file may use", harmless=True),
        Setting("jobs", 5, "tasks that 'get' runs at once", harmless=True),
        Setting("limit", "off", "bytes per second for one task, such as 2M", harmless=True),
        Setting("retries", 5, "how often a task is tried again", harmless=True),
        Setting("if_exists", "rename", "rename, overwrite, skip, newer or fail"),
        Setting("keep_time", True, "give files the server's time", harmless=True),
        Setting("timeout", "30s", "give up a connection after so long without a byte", harmless=True),
        Setting("connect_timeout", "20s", "give up connecting after so long", harmless=True),
        Setting("http", "auto", "auto, 1.1, 2 or 3", harmless=True),
        Setting("user_agent", "", "what to say one is; empty: Argosy"),
        Setting("proxy", "", "proxy URL; empty: as the environment says"),
        Setting("cacert", "", "file of certificates to trust; empty: the system's"),
        Setting("netrc", True, "take credentials from ~/.netrc"),
        Setting("progress", "auto", "auto, bar, plain, json or none", harmless=True),
        Setting("color", "auto", "auto, always or never", harmless=True),
    )
}


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value and where it comes from; ``place`` names the variable or file."""

    value: object
    origin: Origin
    place: str = ""


def user_file() -> Path:
    """Return where the user's file is, whether it exists or not."""
    home = os.environ.get("ARGOSY_HOME")
    if home:
        return Path(home).expanduser() / USER_FILE
    return _config_folder() / "argosy" / USER_FILE


def _config_folder() -> Path:
    if sys.platform in ("win32", "darwin"):
        import platformdirs  # noqa: PLC0415 - two lines do where XDG holds

        return Path(platformdirs.user_config_dir())
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(configured) if configured.startswith("/") else Path.home() / ".config"


def project_file() -> Path:
    return Path(PROJECT_FILE)


def effective() -> dict[str, Value]:
    """Return every setting with its value and origin. UsageError names a file that cannot be read or is nonsense."""
    files: list[tuple[Origin, Path]] = [("project", project_file()), ("user", user_file())]
    layers = [(origin, path, read(path, harmless_only=origin == "project")) for origin, path in files]
    return {name: _looked_up(setting, layers) for name, setting in SETTINGS.items()}


def _looked_up(setting: Setting, layers: list[tuple[Origin, Path, dict[str, object]]]) -> Value:
    if setting.variable in os.environ:
        return Value(os.environ[setting.variable], "environment", setting.variable)
    for origin, path, values in layers:
        if setting.name in values:
            return Value(values[setting.name], origin, str(path))
    return Value(setting.default, "default")


def defaults() -> dict[str, Any]:
    """Return what the files set, for options that neither the command line nor the environment gives."""
    return {
        name: value.value for name, value in effective().items() if value.origin in ("project", "user") and value.value != ""
    }


def read(path: Path, *, harmless_only: bool = False) -> dict[str, object]:
    """Return the file's settings, none if there is no such file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise LocalError(f"cannot read the settings in {path}: {error}") from error
    import tomllib  # noqa: PLC0415 - most people have no such file

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}", hint=f"edit {path}") from None
    for name, value in values.items():
        _check(name, value, path)
        if harmless_only and not SETTINGS[name].harmless:
            raise UsageError(
                f"{path} sets {name!r}, which a project's file may not",
                hint=f"'argosy config set {name} …' sets it for you alone",
            )
    return values


def known(name: str) -> Setting:
    """Return the setting; UsageError suggests one of a similar name."""
    plain = name.replace("-", "_")
    if plain in SETTINGS:
        return SETTINGS[plain]
    from difflib import get_close_matches  # noqa: PLC0415 - only for a typing error

    near = get_close_matches(plain, SETTINGS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "'argosy config list' shows them all"
    raise UsageError(f"there is no setting {name!r}", hint=hint)


def _check(name: str, value: object, path: Path) -> None:
    if name not in SETTINGS:
        hint = _hint_of(name)
        raise UsageError(f"{path} has a setting {name!r} that does not exist", hint=hint)
    if isinstance(value, Mapping | list):
        raise UsageError(f"{path}: {name} takes a single value")


def _hint_of(name: str) -> str:
    try:
        known(name)
    except UsageError as error:
        return error.hint
    return f"write it {name.replace('-', '_')!r}"


def change(name: str, value: object | None) -> Path:
    """Set the user's setting, or remove it (None), keeping the rest of the file as it is; return the file."""
    path = user_file()
    read(path)
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
        with open(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise LocalError(f"cannot write the settings to {path}: {error.strerror}") from error
