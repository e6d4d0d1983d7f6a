"""Which checksum a file must have, who says so, and whether it has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import urljoin, urlsplit

from argosy.core.checksum import HEX_DIGITS, Checksum, parse, parse_sums
from argosy.core.names import from_url
from argosy.core.types import FileState, TransferOptions
from argosy.destinations.port import Facts
from argosy.errors import ArgosyError, IntegrityError, ServerRefused, UsageError
from argosy.runtime.ports import Reader

SIDECAR_BYTES: Final = 16 * 1024 * 1024
"""A list of checksums that is longer is not one."""


def expected_of(facts: Facts) -> Checksum | None:
    """Return the strongest checksum the server itself stated for the whole file."""
    stated = []
    for text in facts.digests:
        try:
            stated.append(parse(text))
        except UsageError:
            continue
    return max(stated, key=lambda checksum: HEX_DIGITS[checksum.algorithm], default=None)


def proven(state: FileState, facts: Facts | None, expected: Checksum | None, found: str | None) -> FileState:
    """Return ``state`` with what its completeness rests on. Raises IntegrityError, code ``checksum``."""
    if expected is not None and found != expected.hex:
        shown = state.path or state.urls[0]
        raise IntegrityError(
            f"{shown} has {expected.algorithm} {found or 'unknown'}, but {expected.hex} was expected",
            hint="the file at the source is not the promised one, or the checksum is of another version",
            code="checksum",
        )
    if expected is not None:
        return replace(state, checksum=expected, verified_by=expected.algorithm)
    return replace(state, verified_by="length" if facts is not None and facts.size is not None else "none")


async def from_sidecar(state: FileState, options: TransferOptions, reader: object) -> Checksum | None:
    """Return what the list of checksums beside the file says of it.

    An explicitly named list must be there and name the file; of ``auto`` the first of the usual names counts, if any.
    """
    assert options.sidecar is not None
    if not isinstance(reader, Reader):
        raise UsageError("checksum lists cannot be read over this protocol", hint="give the checksum itself")
    name = from_url(state.urls[0]) or state.path or ""
    if options.sidecar != "auto":
        found = await _read(options.sidecar, name, options, reader)
        if found is None:
            raise IntegrityError(f"{options.sidecar} has no checksum of {name}", code="checksum")
        return found
    for url in _usual(state.urls[0]):
        try:
            found = await _read(url, name, options, reader)
        except (ServerRefused, IntegrityError):
            continue
        if found is not None:
            return found
    return None


async def _read(url: str, name: str, options: TransferOptions, reader: Reader) -> Checksum | None:
    try:
        text = (await reader.read(url, options, SIDECAR_BYTES)).decode("utf-8", "replace")
    except ArgosyError as error:
        error.message = f"the list of checksums {url}: {error.message}"
        raise
    return parse_sums(text, name, from_url(url) or "")


def _usual(url: str) -> Iterator[str]:
    """Yield where a list of checksums usually lies."""
    bare = urlsplit(url)._replace(query="", fragment="").geturl()
    for ending in (".sha256", ".sha256sum", ".sha512", ".md5"):
        yield bare + ending
    for name in ("SHA256SUMS", "sha256sum.txt", "SHA512SUMS", "MD5SUMS"):
        yield urljoin(bare, name)
