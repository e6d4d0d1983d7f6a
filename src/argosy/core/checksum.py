"""Checksums in all the ways people and servers write them, as one value.

Written with a name (``sha256:hex``, ``sha-256=hex``, ``sha256-base64``), bare, in header fields, or in the files that
lie beside a download. A checksum's length tells its algorithm, so a bare one needs no name.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from argosy.errors import UsageError
from argosy.value import dataclass

LONGEST_TEXT = 256  # longer than any checksum with its name
HEX_DIGITS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}  # weakest first
ALGORITHMS = tuple(HEX_DIGITS)

_BY_LENGTH = {digits: algorithm for algorithm, digits in HEX_DIGITS.items()}
_HEX = r"[0-9a-fA-F]+"
_SEPARATOR = r"\s*[:=-]\s*"
_LONE = r"\s*([0-9a-fA-F]+)(?:\s+\*?-)?\s*"  # "-": sha256sum read its standard input
_GNU_LINE = r"(\\?)([0-9a-fA-F]{32,128})(?: [ *]|\s+)(\S.*)"
_BSD_LINE = r"(\\?)([A-Za-z0-9-]+) ?\((.*)\) ?= ?([0-9a-fA-F]+)"
_ESCAPE = r"\\([\\nr])"
_ESCAPED = {"\\": "\\", "n": "\n", "r": "\r"}
# Families whose digests are as long as ours and are something else: B2SUMS is not SHA-512.
_FOREIGN = r"b[23]|blake\w*?|sha-?3[\w-]*?|ripemd\w*?|whirlpool|sm3|tiger"
_FAMILY = r"md5|sha-?(?:512|384|256|224|1)"
_SIDECAR = rf"(?i)(?:^|[._-])(?:({_FAMILY})|{_FOREIGN})(?:sums?)?(?=[._-]|$)"


@dataclass(frozen=True, slots=True)
class Checksum:
    """``hex`` is in lower case and as long as ``algorithm`` makes it."""

    algorithm: str
    hex: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


def parse(text: str) -> Checksum:
    """Return the checksum a person wrote; UsageError names the known algorithms if it is none."""
    value = text.strip()
    splits = re.finditer(_SEPARATOR, value[:LONGEST_TEXT])
    named = (_checked(value[: split.start()], value[split.end() :]) for split in splits)
    pasted = (found for found, _name in _lines(value))
    found = next(filter(None, chain([_bare(value)], named, pasted)), None)
    if found is None:
        raise UsageError(
            f"not a checksum: {value[:160]!r}",
            hint=f"write ALGORITHM:HEX, such as sha256:9f86…, with one of {', '.join(ALGORITHMS)}",
        )
    return found


def _bare(value: str) -> Checksum | None:
    algorithm = _BY_LENGTH.get(len(value))
    return Checksum(algorithm, value.lower()) if algorithm and re.fullmatch(_HEX, value) else None


def _checked(name: str, value: str) -> Checksum | None:
    """Return the checksum if ``value`` is, in hex or base64, as long as the named algorithm makes it."""
    bare = _bare(value) or _bare(_hex_of_base64(value))
    return bare if bare and bare.algorithm == _plain(name) else None


def _plain(name: str) -> str:
    """Return ``SHA-256``, ``sha2-256`` and ``SHA`` (RFC 3230's name of SHA-1) under the names used here."""
    plain = name.lower().replace("sha2-", "sha").replace("-", "").replace("_", "")
    return "sha1" if plain == "sha" else plain


def _hex_of_base64(value: str) -> str:
    """Return the digits, or nothing if it is not base64; both alphabets, with or without padding."""
    standard = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return binascii.a2b_base64(standard + "=" * (-len(standard) % 4), strict_mode=True).hex()
    except ValueError:
        return ""


def _strongest(checksums: Iterable[Checksum | None]) -> Checksum | None:
    return max(filter(None, checksums), key=lambda found: HEX_DIGITS[found.algorithm], default=None)


def parse_digest_header(text: str) -> Checksum | None:
    """Return the strongest checksum in ``Repr-Digest`` (RFC 9530) or ``Digest`` (RFC 3230), None if none is usable.

    Both speak of the whole file even in a 206. ``Content-Digest`` does not, so it must not be given to this.
    """
    items = (item.partition(";")[0].partition("=") for item in text.split(","))
    return _strongest(_checked(name.strip(), value.strip().strip(":")) for name, _, value in items)


def parse_sums(text: str, filename: str, sidecar: str = "") -> Checksum | None:
    """Return the checksum of ``filename`` in a ``SHA256SUMS``-like text, None if it is not there or is contradictory.

    ``sidecar`` is the text's own file name; if that names an algorithm, only checksums of that one count. A line for
    exactly this name wins over lines for a file of this name in some folder. A digest alone is the file's own.
    """
    families = re.findall(_SIDECAR, sidecar)  # "" stands for a foreign one, which wants none of ours
    wanted = {_plain(families[-1])} if families else set(ALGORITHMS)
    if alone := re.fullmatch(_LONE, text.removeprefix("\ufeff")):
        found = _bare(alone[1])
        return found if found and found.algorithm in wanted else None
    entries = [(found, name.removeprefix("./")) for found, name in _lines(text) if found.algorithm in wanted]
    exact = {found for found, name in entries if name == filename}
    return _undisputed(exact or {found for found, name in entries if name.rpartition("/")[2] == filename})


def _undisputed(found: set[Checksum]) -> Checksum | None:
    """Return the strongest, None if two of its algorithm contradict each other."""
    strongest = _strongest(found)
    return strongest if sum(strongest.algorithm == one.algorithm for one in found if strongest) == 1 else None


def _lines(text: str) -> Iterator[tuple[Checksum, str]]:
    """Yield the checksums and names of all lines in GNU or BSD style; other lines are comments."""
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n"):
        if match := re.fullmatch(_GNU_LINE, line):
            escaped, digest, name = match.groups()
            found = _bare(digest)
        elif match := re.fullmatch(_BSD_LINE, line):
            escaped, algorithm, name, digest = match.groups()
            found = _checked(algorithm, digest)
        else:
            continue
        if found:
            yield found, re.sub(_ESCAPE, lambda escape: _ESCAPED[escape[1]], name) if escaped else name
