"""The name jail: what a server calls a file becomes one harmless name in our folder, on every system.

Reading a name (``from_content_disposition``, ``from_url``) and jailing it (``safe_name``, ``safe_path``) are apart:
whatever was read is raw text from the network until it has been through the jail. The jail is about names alone;
links on the disk are the destination's business.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from urllib.parse import unquote_to_bytes, urlsplit

from argosy.errors import UnsafePath

NAME_BYTES = 255
SUFFIX_BYTES = 48  # room for what the part file's name adds to the final one
LONGEST_BYTES = NAME_BYTES - SUFFIX_BYTES
LONGEST_EXTENSION = 17  # characters, with the dot

# The separators of every system, and what looks like one to a person or becomes one in a careless conversion.
_SEPARATORS = "[/\\\\\u2044\u2215\u2216\u29f5\u29f8\u29f9\ufe68\uff0f\uff3c]"
_INVISIBLE = frozenset({"Cc", "Cf", "Zl", "Zp"})  # control, format (bidi, zero width), line and paragraph separators
_ILLEGAL = '[<>:"|?*\ud800-\udfff]'
_USUAL_URL = re.compile(r"https?://[A-Za-z0-9.:-]++/(?:[A-Za-z0-9._~-]++/)*+([A-Za-z0-9._~-]++)")
_PLAIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_RESERVED = r"(?i)(?:CON|PRN|AUX|NUL|CLOCK\$|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³]) *(?:\..*)?"
_DRIVE = "[A-Za-z]:"
_EXTENSION = re.compile(r"(?:\.[^\W\d]\w{0,9})?\.(?:gz|bz2|xz|zst|lz4?|lzma|br|z)|\.\w{1,16}", re.IGNORECASE)

# Possessive (*+, ++), so that a header of megabytes takes no more than a look at each of its characters.
_PARAMETER = r'(?:^|;)[ \t]*+([\w!#$&+^`|~.-]++\*?+)[ \t]*+=[ \t]*+("(?:[^"\\]|\\.)*+"?|[^;]*+)'
_ENCODED_WORD = r"(?i)=\?(utf-8|iso-8859-1)\?([bq])\?([^?\s]*)\?="


def from_content_disposition(header: str | bytes) -> str | None:
    """Return the raw name a ``Content-Disposition`` field proposes (RFC 6266), None if it has none.

    ``filename*`` (RFC 8187) wins over ``filename`` unless it is broken. A str is taken as the Latin-1 that HTTP
    libraries make of the wire, and repaired where it was UTF-8. Broken headers give the best that is in them.
    """
    text = _repaired(header if isinstance(header, str) else header.decode("latin-1"))
    parameters: dict[str, str] = {}
    for name, value in re.findall(_PARAMETER, text):
        parameters.setdefault(name.lower(), _unquoted(value.strip()))
    extended = _extended_value(parameters.get("filename*", ""))
    return extended or re.sub(_ENCODED_WORD, _decoded_word, parameters.get("filename", "")) or None


def _repaired(text: str) -> str:
    """Return UTF-8 that was read as Latin-1 as what it was."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:].removesuffix('"'))


def _extended_value(value: str) -> str | None:
    """Return ``UTF-8'en'%e2%82%ac`` decoded, None if it is not one."""
    charset, quote, rest = value.partition("'")
    _language, quote, encoded = rest.partition("'")
    if not quote or charset.lower() not in {"utf-8", "iso-8859-1"}:
        return None
    try:
        return unquote_to_bytes(encoded).decode(charset)
    except UnicodeDecodeError:
        return None


def _decoded_word(match: re.Match[str]) -> str:
    """Return an RFC 2047 word decoded, which mail programs' servers send, or as it is if it is broken."""
    charset, encoding, payload = match.groups()
    try:
        raw = (
            binascii.a2b_base64(payload, strict_mode=True)
            if encoding in "bB"
            else binascii.a2b_qp(payload, header=True)
        )
        return raw.decode(charset)
    except ValueError:
        return match[0]


def from_url(url: str) -> str | None:
    """Return the last path segment of ``url``, percent-decoded once, never the query; None if it is empty."""
    if usual := _USUAL_URL.fullmatch(url):
        return usual[1]
    try:
        segment = urlsplit(url).path.rpartition("/")[2]
    except ValueError:
        return None
    raw = unquote_to_bytes(segment.encode("utf-8", "surrogatepass"))
    try:
        return raw.decode() or None
    except UnicodeDecodeError:  # overlong forms of "/" end here too, as harmless letters
        return raw.decode("latin-1")


def safe_name(text: str, default: str = "download") -> str:
    """Return ``text`` as one path component that is safe on every system and no longer than ``LONGEST_BYTES``.

    Folders in front are dropped, what is illegal somewhere becomes ``_``, what cannot be seen goes, a leading dot
    becomes ``_`` (such names hide, configure, or are our own part files). ``default`` stands in when nothing is left.
    Doing it twice changes nothing.
    """
    if len(text) <= LONGEST_BYTES and _PLAIN.fullmatch(text) and not re.fullmatch(_RESERVED, text):
        return text  # as most names are
    components = [clean for part in re.split(_SEPARATORS, text) if (clean := _visible(part)).strip(". ")]
    return _component(components[-1]) if components else default


def safe_path(text: str) -> tuple[str, ...]:
    """Return the components of a relative path, each jailed; UnsafePath if it points anywhere but down.

    ``.`` and empty components are dropped. Two different texts can give the same path: whoever writes many files
    has to look for that.
    """
    parts = [_visible(part) for part in re.split(_SEPARATORS, text)]
    named = [part for part in parts if part not in {"", "."}]
    if not named:
        raise _unsafe(text, "names no file")
    if not parts[0] or re.match(_DRIVE, parts[0]):
        raise _unsafe(text, "is not relative")
    if not all(part.strip(". ") for part in named):
        raise _unsafe(text, "leaves its folder")
    return tuple(map(_component, named))


def chosen_path(text: str) -> tuple[str, ...]:
    """Return the components of a relative path that a person chose for a file of their own, as they were written;
    UnsafePath if it points anywhere but down, or cannot be.

    The jail is for names from the network: somebody who wants a ``.env`` may have one.
    """
    named = [part for part in text.split("/") if part not in {"", "."}]
    if not named:
        raise _unsafe(text, "names no file")
    if text.startswith("/"):
        raise _unsafe(text, "is not relative")
    if ".." in named:
        raise _unsafe(text, "leaves its folder")
    if any(unicodedata.category(char) == "Cc" for char in text):
        raise _unsafe(text, "has control characters")
    if any(len(os_bytes(part)) > LONGEST_BYTES for part in named):
        raise _unsafe(text, f"has a name of more than {LONGEST_BYTES} bytes")
    return tuple(named)


def os_bytes(name: str) -> bytes:
    """Return the name as the disk has it: names that are no UTF-8 are told with lone surrogates."""
    return name.encode("utf-8", "surrogateescape")


def _unsafe(text: str, why: str) -> UnsafePath:
    return UnsafePath(f"the path {terminal_safe(text[:200])!r} {why}")


def _visible(part: str) -> str:
    shown = "".join(char for char in part if unicodedata.category(char) not in _INVISIBLE)
    return unicodedata.normalize("NFC", shown).strip()


def _component(visible: str) -> str:
    """Return a visible component that is more than dots as a portable name."""
    name = re.sub(_ILLEGAL, "_", visible).rstrip(". ")
    if name.startswith("."):
        name = "_" + name.lstrip(".")
    if re.fullmatch(_RESERVED, name):
        name = "_" + name
    return _fit(*split_extension(name))


def split_extension(name: str) -> tuple[str, str]:
    """Return stem and extension; ``.tar.gz``, ``.nii.gz`` and their like are one extension."""
    for dot in range(max(1, len(name) - LONGEST_EXTENSION), len(name)):
        if _EXTENSION.fullmatch(name, dot):
            return name[:dot], name[dot:]
    return name, ""


def _fit(stem: str, ending: str) -> str:
    """Return the two together, the stem shortened by whole characters until they fit."""
    room = LONGEST_BYTES - len(ending.encode())
    if len(stem.encode()) > room:
        stem = stem.encode()[:room].decode(errors="ignore").rstrip(". ")
    return stem + ending


def numbered(name: str, n: int) -> str:
    """Return ``name (n).ext`` for the n-th file that wants to be called the jailed ``name``."""
    stem, extension = split_extension(name)
    return _fit(stem, f" ({n}){extension}")


def terminal_safe(text: str) -> str:
    """Return ``text`` with everything that could steer a terminal or forge a line written as an escape."""
    return "".join(
        char.encode("unicode_escape").decode() if unicodedata.category(char) in _INVISIBLE | {"Cs"} else char
        for char in text
    )
