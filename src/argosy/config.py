"""Settings: defaults, then ``config.toml``, then ``ARGOSY_*`` variables, then flags; each value knows where it is from.

With ``ARGOSY_HOME`` every file Argosy keeps (config, database, token, logs) is in that one folder; without it they are
where the system keeps such files (XDG on Linux).
"""

# ruff: noqa: ANN401  # a setting is of the type of its default

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import field, fields, replace
from pathlib import Path
from typing import Any, Final

from argosy.core.limits import Limits
from argosy.core.sizes import parse_rate
from argosy.core.types import TransferOptions
from argosy.errors import UsageError
from argosy.value import dataclass

APP: Final = "argosy"
MOST: Final = 1e9
WORDS: Final = {bool: "yes or no", int: "a whole number", float: "a number", str: "a text"}


@dataclass(frozen=True, slots=True)
class Home:
    """Where Argosy keeps its files."""

    config: Path
    """Folder of ``config.toml``."""
    state: Path
    """Folder of the database and the token."""
    logs: Path
    models: Path
    """Folder of the models that name none themselves."""

    @property
    def database(self) -> Path:
        return self.state / "argosy.db"

    @property
    def token(self) -> Path:
        return self.state / "token"

    @property
    def endpoint(self) -> Path:
        """Where the running service says how it is reached; see :mod:`argosy.runtime.endpoint`."""
        return self.state / "endpoint.json"

    @property
    def socket(self) -> Path:
        """The running service's Unix socket, in a folder of its own that nobody else may enter."""
        return self.state / "run" / "argosy.sock"

    @property
    def config_file(self) -> Path:
        return self.config / "config.toml"

    @property
    def log_file(self) -> Path:
        return self.logs / "argosy.log"


def home(folder: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Home:
    """Return where files are kept: all in ``folder`` or ``ARGOSY_HOME``, else where the system wants them."""
    environ = os.environ if environ is None else environ
    chosen = folder or environ.get("ARGOSY_HOME")
    if chosen:
        root = Path(chosen).expanduser().absolute()
        return Home(root, root, root, root / "models")
    import platformdirs  # noqa: PLC0415 - with ARGOSY_HOME nothing needs it

    dirs = platformdirs.PlatformDirs(APP, appauthor=False)
    return Home(dirs.user_config_path, dirs.user_state_path, dirs.user_log_path, dirs.user_data_path / "models")


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set: its type is that of the default."""

    name: str
    default: Any
    about: str
    least: float = 0
    most: float = MOST
    """Of numbers: the smallest and the largest that make sense."""


SETTINGS: Final = {
    setting.name: setting
    for setting in (
        Setting("directory", "", "where downloads go; empty: the current folder"),
        Setting("max_running", Limits().max_running, "downloads at once", least=1, most=1000),
        Setting(
            "connections_per_host",
            Limits().connections_per_host,
            "connections to one host, over all downloads; 0: 16, and up to 32 where each is worth it",
            most=1000,
        ),
        Setting("rate", Limits().rate, "bandwidth, or a timetable: '22:00-07:00 unlimited, else 2M'"),
        Setting("window", Limits().window, "when downloads may run: '22:00-07:00'; empty: always"),
        Setting("hold_slot_while_paused", Limits().hold_slot_while_paused, "a paused download keeps its place"),
        Setting("ageing_s", Limits().ageing_s, "seconds of waiting that count as one step of priority", least=0.001),
        Setting(
            "connections",
            TransferOptions().connections,
            "connections for one file; 0: 8, and up to 32 where each is worth it",
            most=64,
        ),
        Setting("retries", 5, "how often a download that fails is tried again", most=1000),
        Setting("file_retries", TransferOptions().file_retries, "the same for one file among many", most=100),
        Setting("if_exists", TransferOptions().if_exists, "rename, overwrite, skip, newer or fail"),
        Setting("user_agent", "", "what servers are told we are; empty: argosy and its version"),
        Setting("proxy", "", "http://, socks5h:// …; empty: as the environment says"),
        Setting("ca_file", "", "certificates to trust instead of the system's"),
        Setting("http_version", TransferOptions().http_version, "auto, 1.1, 2 or 3"),
        Setting("limit", "", "bandwidth of each download, such as 500k"),
        Setting(
            "connect_timeout_s",
            TransferOptions().connect_timeout_s,
            "seconds to wait for a connection",
            least=0.1,
            most=3600,
        ),
        Setting(
            "stall_timeout_s",
            TransferOptions().stall_timeout_s,
            "seconds without a byte before reconnecting",
            least=0.1,
            most=3600,
        ),
        Setting("keep_time", TransferOptions().keep_time, "give files the server's date"),
        Setting("netrc", TransferOptions().netrc, "look up passwords in ~/.netrc"),
        Setting(
            "on_complete", "", "a command to run for what is complete: words, with {path} {name} {id} and the like"
        ),
        Setting("on_failure", "", "a command to run for what failed, with {error} as well"),
        Setting(
            "notify", "", "whom to tell of both: 'desktop', and addresses as Apprise writes them, separated by spaces"
        ),
        Setting("history_days", 0.0, "days for which what ended is remembered; 0: for good"),
        Setting("host", "127.0.0.1", "the address the service listens on"),
        Setting("port", 8970, "its port; 0: any that is free", most=65_535),
        Setting("public_url", "", "how others reach the service: https://downloads.example.org; empty: as it is asked"),
        Setting("allow_host", "", "further names the service may be called by, separated by commas"),
        Setting("allow_origin", "", "web origins that may use the service from a browser, separated by commas"),
        Setting("allow_network", "", "private networks that the service may download from: 192.168.0.0/16, …"),
        Setting("allow_directory", "", "further folders that the service may be told to put files in, by commas"),
        Setting("trusted_proxy", "", "addresses of reverse proxies whose X-Forwarded-* is believed, by commas"),
        Setting("result_ttl_s", 86_400, "seconds for which a link to a finished file is good", least=1),
        Setting(
            "webhook_schedule",
            "0s 5s 5m 30m 2h 5h 10h 14h 20h 24h",
            "the waits before each attempt to deliver a webhook, the first included",
        ),
        Setting(
            "catalogue", "", "what file_ids mean: https://…/{id}, a .csv, .json or .db file, or an entry point's name"
        ),
        Setting("models", "", "the catalogue of models, a TOML file; empty: models.toml beside the settings"),
        Setting(
            "models_at_start", "none", "which of its models 'argosy serve' fetches by itself: none, essential or all"
        ),
        Setting(
            "reuse",
            "copy",
            "a file that is here already is not fetched again: copy it (sharing blocks where the disk can), link it, or off",
        ),
        Setting("log_level", "warning", "what goes to the log file: off, error, warning, info or debug"),
    )
}
COMMANDS: Final = frozenset({"on_complete", "on_failure"})
"""Settings that may be lists of words in the file; on one line they are quoted as in a shell."""
CHOICES: Final = {
    "if_exists": ("rename", "overwrite", "skip", "newer", "fail"),
    "http_version": ("auto", "1.1", "2", "3"),
    "models_at_start": ("none", "essential", "all"),
    "reuse": ("copy", "link", "off"),
    "log_level": ("off", "error", "warning", "info", "debug"),
}


@dataclass(frozen=True, slots=True)
class Config:
    """All settings with where each comes from: ``default``, the file's path, a variable's name, or ``flag``."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]
    home: Home = field(default_factory=home)

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def with_flags(self, **flags: Any) -> Config:
        """Return the settings with those flags that are not None on top."""
        given = {name: value for name, value in flags.items() if value is not None}
        return self.over({name: read(name, value, "flag") for name, value in given.items()}, "flag")

    def over(self, values: Mapping[str, Any], origin: str) -> Config:
        """Return the settings with ``values`` from ``origin`` on top."""
        origins = {**self.origins, **dict.fromkeys(values, origin)}
        return replace(self, values={**self.values, **values}, origins=origins)

    def limits(self) -> Limits:
        """Return the limits the settings ask for."""
        names = {f.name for f in fields(Limits)}
        return Limits(**{name: value for name, value in self.values.items() if name in names})

    def options(self) -> TransferOptions:
        """Return how to transfer as the settings ask for."""
        names = {f.name for f in fields(TransferOptions)}
        # An empty text stands for "not set", which the options say with None.
        chosen: dict[str, Any] = {
            name: None if value == "" else value for name, value in self.values.items() if name in names
        }
        limit = self.values["limit"]
        return TransferOptions(**chosen, limit_bps=parse_rate(limit) if limit else None)


def load(folder: str | Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Return the settings of defaults, file and environment. Raises UsageError for what it does not understand."""
    environ = os.environ if environ is None else environ
    place = home(folder, environ)
    config = Config(
        {name: setting.default for name, setting in SETTINGS.items()}, dict.fromkeys(SETTINGS, "default"), place
    )
    config = config.over(_from_file(place.config_file), str(place.config_file))
    for name, setting in SETTINGS.items():
        variable = f"ARGOSY_{name.upper()}"
        if variable in environ:
            config = config.over({name: read(setting.name, environ[variable], variable)}, variable)
    return config


def _from_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text()
        import tomllib  # noqa: PLC0415 - only for who keeps such a file

        stored = tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}", hint="correct it or move it away", code="config") from None
    return {name: read(name, value, str(path)) for name, value in stored.items()}


def read(name: str, value: Any, origin: str = "") -> Any:
    """Return the value in the setting's own type. UsageError says why it cannot be, and its ``origin`` if there is one."""
    place = f"{origin}: " if origin else ""
    setting = SETTINGS.get(name)
    if setting is None:
        raise UsageError(
            f"{place}there is no setting named {name!r}", hint=f"known: {', '.join(sorted(SETTINGS))}", code="config"
        )
    kind = type(setting.default)
    if name in COMMANDS and isinstance(value, list) and all(isinstance(word, str) for word in value):
        value = shlex.join(value)
    try:
        converted = _converted(value, kind)
    except (ValueError, OverflowError):
        raise UsageError(f"{place}{name} = {value!r}", hint=f"{WORDS[kind]} is wanted", code="config") from None
    if kind in (int, float) and not setting.least <= converted <= setting.most:  # NaN is not within, either
        bounds = f"{setting.least:,g} or more" if setting.most == MOST else f"{setting.least:,g} to {setting.most:,g}"
        raise UsageError(f"{place}{name} = {value!r}", hint=f"{WORDS[kind]}, {bounds}", code="config")
    if name in CHOICES and converted not in CHOICES[name]:
        raise UsageError(f"{place}{name} = {value!r}", hint=f"one of {', '.join(CHOICES[name])}", code="config")
    return converted


def _converted(value: Any, kind: type) -> Any:
    if kind is bool:
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("1", "true", "yes", "on"):
            return True
        if str(value).lower() in ("0", "false", "no", "off"):
            return False
        raise ValueError(value)
    if isinstance(value, (bool, dict, list)):
        raise ValueError(value)  # noqa: TRY004 - it is what was written that is wrong
    return kind(value)
