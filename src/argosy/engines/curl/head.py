"""Header lines, as libcurl hands them over, become a head."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.core.answer import Head


def parse_head(lines: Sequence[bytes]) -> Head:
    """Return the last head among the lines of the answers to one request (interim answers come first)."""
    status = 0
    fields: dict[str, list[str]] = {}
    for line in b"".join(lines).decode("latin-1").split("\n"):
        name, colon, value = line.partition(":")
        if name[:5] == "HTTP/":
            code = line.split(" ", 2)[1].strip() if " " in line else ""
            status, fields = int(code) if code.isdigit() else 0, {}
        elif colon:
            name = name.strip().lower()
            if name in fields:
                fields[name].append(value.strip())
            else:
                fields[name] = [value.strip()]
    return Head(status, fields)


def is_complete(lines: Sequence[bytes]) -> bool:
    """Tell whether the empty line has come; libcurl is content with less if the connection ends."""
    return bool(lines) and not lines[-1].strip()
