"""Lists of URLs, one a line, as ``wget -i`` and ``aria2c -i`` read them, and as aria2 saves its session.

::

    # a comment
    https://example.org/a.bin
    https://example.org/b.bin<TAB>https://mirror.example/b.bin
      out=renamed.bin
      dir=data
      checksum=sha-256=9f86…

Further URLs on a line, after TABs, are mirrors of the same bytes. An indented line is an option of the URL above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from argosy.core.checksum import parse
from argosy.core.sizes import parse_rate, parse_size
from argosy.errors import UsageError
from argosy.lists.entry import Entry, Listing, location, named, nonsense

HARMLESS: Final = frozenset({
    "gid", "split", "min-split-size", "continue", "allow-overwrite", "auto-file-renaming", "file-allocation", "timeout",
    "connect-timeout", "max-tries", "retry-wait", "piece-length", "remote-time", "conditional-get", "always-resume",
    "allow-piece-length-change", "follow-metalink", "follow-torrent", "uri-selector", "stream-piece-selector",
    "realtime-chunk-checksum", "check-integrity", "lowest-speed-limit", "reuse-uri", "force-save", "save-not-found",
    "http-accept-gzip", "http-no-cache", "enable-http-keep-alive", "enable-http-pipelining", "use-head", "dry-run",
    "no-netrc", "async-dns", "enable-mmap", "max-mmap-limit", "parameterized-uri", "metalink-preferred-protocol",
    "max-file-not-found", "max-resume-failure-tries", "hash-check-only", "proxy-method", "no-file-allocation-limit",
    "content-disposition-default-utf8", "no-want-digest-header", "rpc-save-upload-metadata", "pause-metadata",
    "enable-peer-exchange", "ftp-pasv", "ftp-reuse-connection", "ftp-type", "bt-enable-lpd", "seed-ratio", "seed-time",
})  # fmt: skip
"""What aria2 writes into its sessions that changes nothing of the bytes; Argosy has its own ways for these."""


def read(text: str, where: str) -> Listing:
    """Return the entries in order. UsageError names the line that makes no sense."""
    entries: list[Entry] = []
    ignored: set[str] = set()
    for number, line in _lines(text):
        try:
            if line[0] not in " \t":
                entries.append(Entry(tuple(location(part) for part in line.split("\t") if part.strip())))
            else:
                entries[-1:] = [_with_option(_last(entries), line.strip(), ignored)]
        except UsageError as error:
            raise nonsense(f"{where}, line {number}", error.message, error.hint) from None
    remarks = (f"left aside, as it changes no byte: {', '.join(sorted(ignored))}",) if ignored else ()
    return Listing("a list of URLs", tuple(entries), remarks)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line


def _last(entries: list[Entry]) -> Entry:
    if not entries:
        raise UsageError("an indented line belongs to the URL above it")
    return entries[-1]


def _with_option(entry: Entry, text: str, ignored: set[str]) -> Entry:
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        raise UsageError(f"no option of a list: {text[:80]!r}", hint="write NAME=VALUE, such as out=name.bin")
    match key:
        case "out":
            return replace(entry, name=named(value))
        case "dir":
            return replace(entry, directory=value)
        case "checksum":
            return replace(entry, checksum=parse(value))
        case "size":
            return replace(entry, size=parse_size(value))
        case "pause":
            return replace(entry, paused=value == "true")
        case "header":
            name, _, content = value.partition(":")
            return _having(entry, headers=(*entry.options.get("headers", ()), (name.strip(), content.strip())))
    option = _option(key, value)
    if option is not None:
        return _having(entry, **option)
    if key in HARMLESS:
        ignored.add(key)
        return entry
    raise UsageError(f"no option of a list that is known here: {key[:80]}", hint="known: out dir checksum size pause header "
                     "referer user-agent http-user http-passwd all-proxy load-cookies max-download-limit")  # fmt: skip


def _option(key: str, value: str) -> dict[str, Any] | None:
    """Return what one of aria2's options is called here; None if it is not one that matters."""
    match key:
        case "referer":
            return {"referer": value}
        case "user-agent":
            return {"user_agent": value}
        case "http-user" | "ftp-user":
            return {"user": value}
        case "http-passwd" | "ftp-passwd":
            return {"password": value}
        case "all-proxy" | "http-proxy" | "https-proxy" | "ftp-proxy":
            return {"proxy": value}
        case "load-cookies":
            return {"cookie_file": value}
        case "max-download-limit":
            return {"limit_bps": parse_rate(value) if value != "0" else None}
        case "max-connection-per-server":
            return {"connections": int(value)} if value.isdigit() and int(value) else {}
        case "check-certificate":
            return {"insecure": value == "false"}
    return None


def _having(entry: Entry, **options: Any) -> Entry:  # noqa: ANN401 - an option's value
    merged: Mapping[str, Any] = {**entry.options, **options}
    if "user" in merged and "password" in merged:
        rest = {name: value for name, value in merged.items() if name != "password"}
        merged = rest | {"user": f"{merged['user'].partition(':')[0]}:{merged['password']}"}
    return replace(entry, options=merged)
