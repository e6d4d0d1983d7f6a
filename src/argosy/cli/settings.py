"""What the settings mean for the command line, and changing them in the file. Which there are says :mod:`argosy.config`."""

# ruff: noqa: PLC0415  # what reads a setting's text is imported once somebody sets it

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from argosy import config
from argosy.core.redact import redacted_proxy
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
    from difflib import get_close_matches

    near = get_close_matches(plain, config.SETTINGS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "'argosy config list' shows them all"
    raise UsageError(f"there is no setting {name!r}", hint=hint)


def value_of(name: str, text: str) -> object:
    """Return what ``text`` means for the setting, in its own type. UsageError says why it means nothing."""
    value: object = config.read(name, text)
    if text and name in _READERS:
        _READERS[name](text)
    return value


def _rate(text: str) -> None:
    from argosy.core.timetable import parse

    parse(text)


def _limit(text: str) -> None:
    from argosy.core.sizes import parse_rate

    parse_rate(text)


def _window(text: str) -> None:
    from argosy.core.timetable import parse_window

    parse_window(text)


def _schedule(text: str) -> None:
    from argosy.core.webhook import schedule

    schedule(text)


def _command(text: str) -> None:
    from argosy.runtime.aftermath import wishes

    wishes(text, "", "")


def _people(text: str) -> None:
    for word in text.split():
        if word != "desktop" and not re.match(r"[a-z][a-z0-9+.-]*://", word, re.IGNORECASE):
            raise UsageError(
                f"{word!r} is no address", hint="desktop, or as Apprise writes them: ntfy://topic", code="config"
            )


def _networks(text: str) -> None:
    from argosy.core.addresses import parse

    parse(text)


def _proxies(text: str) -> None:
    from argosy.service.security.caller import networks

    networks(text, "trusted_proxy")


def _hosts(text: str) -> None:
    from argosy.service.security.hosts import authorities

    authorities(text, "allow_host")


def _origins(text: str) -> None:
    from argosy.service.security.hosts import web_origin

    for word in filter(None, map(str.strip, text.split(","))):
        web_origin(word, "the address")


def _proxy(text: str) -> None:
    if not re.fullmatch(r"(?:(?:https?|socks[45][ah]?)://)?[^\s/:@]*(?::[^\s@]*@)?[^\s/@]+/?", text, re.IGNORECASE):
        raise UsageError(
            f"not a proxy: {redacted_proxy(text)!r}", hint="http://HOST:PORT, socks5h://HOST:PORT", code="config"
        )


def _agent(text: str) -> None:
    if not text.isprintable():
        raise UsageError("what servers are told must be on one line", code="config")


def _certificates(text: str) -> None:
    if not Path(text).expanduser().is_file():
        raise UsageError(
            f"there is no file {text}", hint="its whole path is wanted, such as /etc/ssl/our-ca.pem", code="config"
        )


_READERS: dict[str, Callable[[str], None]] = {
    "rate": _rate, "limit": _limit, "window": _window, "webhook_schedule": _schedule, "on_complete": _command,
    "on_failure": _command, "notify": _people, "allow_network": _networks, "trusted_proxy": _proxies, "allow_host": _hosts,
    "allow_origin": _origins, "public_url": _origins, "proxy": _proxy, "user_agent": _agent, "ca_file": _certificates,
}  # fmt: skip
"""What else a text has to be, for those settings that are not any text. Each raises UsageError."""


def change(name: str, value: object | None) -> Path:
    """Set the user's setting, or remove it (None), keeping the rest of the file as it is; return the file."""
    from argosy import settings_file

    path = config.home().config_file
    settings_file.change(path, name, value)
    return path
