"""A transfer as wget's command line and configuration. No secret and no URL is among the words that ``ps`` shows."""

from __future__ import annotations

import re
from typing import Final

from argosy.about import VERSION
from argosy.core.types import TransferOptions
from argosy.errors import UsageError

PROGRAM: Final = "wget"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def words(config_fd: int, start: int) -> list[str]:
    """Return the command: it reads its settings from ``config_fd``, the URL from stdin, and writes to stdout."""
    command = [PROGRAM, f"--config=/dev/fd/{config_fd}", "--input-file=-", "--output-document=-"]
    return [*command, f"--start-pos={start}"] if start else command


def settings(options: TransferOptions, *, if_range: str | None) -> str:
    """Return the text of a ``wgetrc``. Raises UsageError for what it cannot say."""
    lines = [
        "tries = 1",
        "save_headers = off",
        "server_response = on",
        "progress = dot:giga",
        "hsts = off",
        "robots = off",
        f"connect_timeout = {options.connect_timeout_s}",
        f"read_timeout = {options.stall_timeout_s}",
        f"user_agent = {options.user_agent or f'argosy/{VERSION}'}",
        f"check_certificate = {'off' if options.insecure else 'on'}",
        f"netrc = {'on' if options.netrc and not options.netrc_file else 'off'}",
    ]
    named = {
        "referer": options.referer, "ca_certificate": options.ca_file, "certificate": options.client_cert,
        "private_key": options.client_key, "load_cookies": options.cookie_file,
    }  # fmt: skip
    lines += [f"{name} = {value}" for name, value in named.items() if value is not None]
    lines += [f"header = {name}: {value}" for name, value in options.headers]
    if options.cookie is not None:
        lines.append(f"header = Cookie: {options.cookie}")
    if if_range is not None:
        lines.append(f"header = If-Range: {if_range}")
    if options.user is not None:
        name, _, password = options.user.partition(":")
        lines += [f"user = {name}", f"password = {password}", "auth_no_challenge = on"]
    lines += _proxy(options.proxy)
    for line in lines:
        if _CONTROL.search(line):
            raise UsageError("a line break in a header, a name or a path", hint="take it out")
    return "".join(f"{line}\n" for line in lines)


def _proxy(proxy: str | None) -> list[str]:
    if proxy is None:
        return []
    if not proxy:
        return ["use_proxy = off"]
    if "://" in proxy and not proxy.startswith("http://"):
        raise UsageError(
            f"wget knows no {proxy.partition('://')[0]} proxy", hint="use the usual engine: leave --engine out"
        )
    return [f"{scheme}_proxy = {proxy}" for scheme in ("http", "https")]
