"""What wget says on stderr and by its exit code."""

from __future__ import annotations

import re
from typing import Final

from argosy.core.answer import Head
from argosy.errors import (
    ArgosyError,
    AuthError,
    BadResponse,
    LocalError,
    NetworkError,
    ServerRefused,
    TlsError,
    UsageError,
)

_FIELD: Final = re.compile(r"^  ([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?(.*)$")
_STATUS: Final = re.compile(r"^  HTTP/[\d.]+ (\d{3})")
_URL: Final = re.compile(r"^--\d{4}-\d\d-\d\d \d\d:\d\d:\d\d--  (\S+)$")
LAST_WORDS: Final = 400
MOST_FIELDS: Final = 500


class Report:
    """Follows the lines. ``head`` is that of the last answer, ``url`` where it came from; ``begun`` once a body comes."""

    def __init__(self) -> None:
        self.head: Head | None = None
        self.url = ""
        self.begun = False
        self.last = ""
        """The last thing said that is no header and no progress."""

    def hear(self, line: str) -> None:
        line = line.rstrip("\r\n")
        if status := _STATUS.match(line):
            self.head = Head(int(status[1]))
        elif (found := _FIELD.match(line)) and self.head is not None and not self.begun:
            if len(self.head.fields) < MOST_FIELDS:
                self.head.fields.setdefault(found[1].lower(), []).append(found[2].strip())
        elif url := _URL.match(line):
            self.url = url[1]
        elif line.startswith("Saving to: "):
            self.begun = True
        elif line.strip() and not line.startswith(" "):
            self.last = line[:LAST_WORDS]


def failure_of(code: int, last: str) -> ArgosyError:
    """Return the error an exit code means (wget's manual, EXIT STATUS)."""
    told = f": {last}" if last else ""
    match code:
        case 2:
            return UsageError(f"wget does not understand its settings{told}", code="wget_usage")
        case 3:
            return LocalError(f"wget could not write{told}")
        case 4:
            return NetworkError(f"wget got no answer{told}", code="connect")
        case 5:
            return TlsError(f"wget trusts no certificate there{told}")
        case 6:
            return AuthError(f"wget was asked for credentials{told}", hint="give them with --user")
        case 7:
            return BadResponse(f"wget did not understand the server{told}")
        case 8:
            return ServerRefused(f"the server refused{told}")
    if code < 0:
        return NetworkError(f"wget was ended by signal {-code}", code="reset")
    return NetworkError(f"wget failed (exit {code}){told}", code="incomplete")
