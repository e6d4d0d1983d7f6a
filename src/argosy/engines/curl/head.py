"""Header lines, as libcurl hands them over, become a head."""

from __future__ import annotations

from argosy.core.answer import Head


class HeadLines:
    """Gathers the lines of the answers to one request; ``head`` is the last of them (interim answers come first)."""

    __slots__ = ("_fields", "_status", "complete")

    def __init__(self) -> None:
        self._status = 0
        self.complete = False
        """Whether the empty line has come; libcurl is content with less if the connection ends."""
        self._fields: dict[str, list[str]] = {}

    def feed(self, line: bytes) -> None:
        text = line.decode("latin-1").rstrip("\r\n")
        if text.startswith("HTTP/"):
            code = text.split(" ", 2)[1] if " " in text else ""
            self._status = int(code) if code.isdigit() else 0
            self._fields, self.complete = {}, False
        elif not text:
            self.complete = True
        elif ":" in text:
            name, _, value = text.partition(":")
            self._fields.setdefault(name.strip().lower(), []).append(value.strip())

    @property
    def head(self) -> Head:
        return Head(self._status, self._fields)
