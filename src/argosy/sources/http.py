"""Plain URLs: what is written is the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

from argosy.core.redact import redacted_url
from argosy.core.types import FileSpec, TaskSpec
from argosy.errors import UsageError
from argosy.sources.port import Plain, Web

PORTS: Final = {"http": 80, "https": 443, "ftp": 21, "ftps": 990, "sftp": 22}
LONGEST_URL: Final = 65_536
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f]")
_USUAL: Final = re.compile(
    r"(?:https?|ftps?|sftp)://[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::[1-9][0-9]{0,3})?/[!-~]{0,2000}"
)
"""What most are, told in a tenth of the time."""
_USUAL_HOST: Final = re.compile(r"(https?|ftps?|sftp)://([a-z0-9.-]+)(?::([1-9][0-9]{0,3}))?/")
"""Likewise."""


class UrlSource(Plain):
    """``http https ftp ftps sftp`` URLs."""

    name = "url"

    def accepts(self, text: str) -> bool:
        return text.partition("://")[0].lower() in PORTS

    def describe(self, text: str) -> FileSpec:
        if _USUAL.fullmatch(text) is None:
            check(text)
        return FileSpec((text,))

    async def resolve(self, spec: TaskSpec, _: Web) -> Sequence[FileSpec]:
        return [self.describe(spec.source)]


def check(url: str) -> SplitResult:
    """Return the parts of a URL we can fetch. Raises UsageError for anything else."""
    if len(url) > LONGEST_URL:
        raise UsageError(f"a URL of {len(url):,} characters is too long", hint=f"at most {LONGEST_URL:,}")
    if _CONTROL.search(url):
        raise UsageError(f"not a URL: {_shown(url)}", hint="write spaces in it as %20")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(f"not a URL: {_shown(url)}") from None
    if parts.scheme.lower() not in PORTS:
        raise UsageError(
            f"{parts.scheme or 'no'} scheme in {_shown(url)}",
            hint=f"one of {', '.join(PORTS)} is needed",
            code="scheme",
        )
    if not parts.hostname or port == 0:
        raise UsageError(f"the URL names no host: {_shown(url)}")
    return parts


def host_of(url: str) -> str:
    """Return ``host:port`` in lower case."""
    if usual := _USUAL_HOST.match(url):
        scheme, host, port = usual.groups()
        return f"{host}:{port or PORTS[scheme]}"
    parts = urlsplit(url)
    port = parts.port or PORTS.get(parts.scheme.lower(), 0)
    return f"{parts.hostname or ''}:{port}"


def _shown(url: str) -> str:
    return repr(redacted_url(url)[:200])
