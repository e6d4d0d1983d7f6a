"""Values as text and bytes for a store: strict, compact, and readable by older and newer releases.

A dataclass becomes a JSON object of the fields that differ from their defaults. Reading ignores fields this release
does not know and gives missing ones their default, so a default may only be changed together with a migration that
writes the old one out. Anything else that does not fit is a :class:`ValueError`, never a guess.
"""

# ruff: noqa: ANN401  # JSON data is of any type until it is checked, and here it is checked

from __future__ import annotations

import json
import re
import struct
import types
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from argosy.core.checksum import Checksum
from argosy.core.redact import redacted_url
from argosy.core.types import FileSpec, TaskSpec, TransferOptions
from argosy.errors import Failure

T = TypeVar("T")
Decode = Callable[[Any], Any]

_ESCAPE = "\uffff"  # a noncharacter: real text does not hold it
_UNSTORABLE = "[\ud800-\udfff\uffff]"
_ESCAPED = _ESCAPE + "([0-9a-f]{4})"
_PLAIN_OPTIONS = TransferOptions()

to_json = json.JSONEncoder(separators=(",", ":")).encode
"""Return compact JSON text, all ASCII."""


def spec_to_text(spec: TaskSpec) -> str:
    """Return all of the spec but ``source`` and ``directory``, which a store keeps where it can search them."""
    shown: dict[str, Any] = {}
    if spec.files:
        shown["files"] = [_to_plain(file) for file in spec.files]
    if spec.options != _PLAIN_OPTIONS:
        shown["options"] = _to_plain(spec.options)
    shown |= {name: value for name in _LESSER if (value := getattr(spec, name))}
    return to_json(shown)


def spec_from_text(text: str, source: str, directory: str) -> TaskSpec:
    shown = _object(json.loads(text))
    files = _FILES(shown["files"]) if "files" in shown else ()
    options = _decoder(TransferOptions)(shown["options"]) if "options" in shown else _PLAIN_OPTIONS
    lesser = {name: decode(shown[name]) for name, decode in _LESSER.items() if name in shown}
    return TaskSpec(source, directory, files, options, **lesser)


def failure_to_text(failure: Failure | None) -> str | None:
    return None if failure is None else to_json(_to_plain(failure))


def failure_from_text(text: str | None) -> Failure | None:
    return None if text is None else from_plain(Failure, json.loads(text))


def checksum_to_text(checksum: Checksum | None) -> str | None:
    return None if checksum is None else str(checksum)


def checksum_from_text(text: str | None) -> Checksum | None:
    if text is None:
        return None
    algorithm, colon, digits = text.partition(":")
    if not colon:
        raise ValueError(f"not a checksum: {text[:80]!r}")
    return Checksum(algorithm, digits)


def extents_to_bytes(extents: tuple[tuple[int, int], ...]) -> bytes:
    """Return the ranges as pairs of little-endian 64-bit integers."""
    return struct.pack(f"<{2 * len(extents)}q", *(edge for extent in extents for edge in extent))


def extents_from_bytes(packed: bytes) -> tuple[tuple[int, int], ...]:
    if len(packed) % 16:
        raise ValueError(f"{len(packed)} bytes are no list of extents")
    edges = struct.unpack(f"<{len(packed) // 8}q", packed)
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def armour(text: str) -> str:
    """Return the text without lone surrogates (names on disk that are not UTF-8 have them), reversibly."""
    if text.isascii():
        return text
    return re.sub(_UNSTORABLE, lambda found: f"{_ESCAPE}{ord(found[0]):04x}", text)


def disarm(text: str) -> str:
    """Return what :func:`armour` was given."""
    if text.isascii():
        return text
    return re.sub(_ESCAPED, lambda found: chr(int(found[1], 16)), text)


def holds(text: str, wanted: str) -> bool:
    """Whether ``wanted`` is somewhere in ``text``, ignoring case (of ASCII letters only if it is ASCII)."""
    if wanted.isascii():
        return wanted.encode().lower() in text.encode("utf-8", "surrogatepass").lower()
    return wanted.casefold() in text.casefold()


def shows(source: str, wanted: str) -> bool:
    """Whether ``wanted`` is somewhere in what may be shown of a source: who searches must not find out its secrets."""
    return holds(source, wanted) and holds(redacted_url(source), wanted)


def from_plain(kind: type[T], plain: object) -> T:
    """Return the value of a dataclass that JSON data describes, or raise ValueError."""
    decode: Callable[[object], T] = _decoder(kind)  # type: ignore[arg-type]  # mypy: a class is not Hashable
    return decode(plain)


@cache
def _layout(kind: Any) -> tuple[tuple[str, ...], tuple[Any, ...], Callable[[Any], tuple[Any, ...]]]:
    names = tuple(field.name for field in fields(kind))
    return names, tuple(_default(field) for field in fields(kind)), attrgetter(*names)


def _default(field: Field[Any]) -> Any:
    return field.default_factory() if field.default_factory is not MISSING else field.default


def _to_plain(value: Any) -> Any:
    if isinstance(value, Checksum):
        return str(value)
    if is_dataclass(value):
        kind: Any = type(value)
        names, defaults, values = _layout(kind)
        triples = zip(names, defaults, values(value), strict=True)
        return {name: _to_plain(held) for name, default, held in triples if held != default}
    if isinstance(value, tuple):
        return [_to_plain(item) for item in value]
    return value


@cache
def _decoder(kind: Any) -> Decode:
    """Return the function that checks and converts JSON data of the annotated type."""
    if kind is Checksum:
        return lambda plain: checksum_from_text(_checked(str, plain))
    if is_dataclass(kind):
        return _dataclass_decoder(kind)  # type: ignore[arg-type]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return lambda plain: _one_of(arguments, plain)
    if origin is tuple:
        return _tuple_decoder(arguments)
    if origin in (Union, types.UnionType):
        (inner,) = (_decoder(argument) for argument in arguments if argument is not types.NoneType)
        return lambda plain: None if plain is None else inner(plain)
    if kind is float:
        return lambda plain: float(plain) if type(plain) in (int, float) else _checked(float, plain)
    return lambda plain: _checked(kind, plain)


def _dataclass_decoder(kind: type) -> Decode:
    hints = get_type_hints(kind)
    parts = {field.name: _decoder(hints[field.name]) for field in fields(kind)}

    def decode(plain: Any) -> Any:
        known = {name: parts[name](value) for name, value in _object(plain).items() if name in parts}
        try:
            return kind(**known)
        except TypeError as error:
            raise ValueError(f"{kind.__name__}: {error}") from error

    return decode


def _tuple_decoder(arguments: tuple[Any, ...]) -> Decode:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        inner = _decoder(arguments[0])
        return lambda plain: tuple(inner(item) for item in _checked(list, plain))
    parts = tuple(_decoder(argument) for argument in arguments)
    return lambda plain: tuple(part(item) for part, item in zip(parts, _checked(list, plain), strict=True))


def _checked(kind: type, plain: Any) -> Any:
    if type(plain) is not kind:
        raise ValueError(f"expected {kind.__name__}, found {str(plain)[:80]!r}")
    return plain


def _one_of(choices: tuple[Any, ...], plain: Any) -> Any:
    if plain not in choices:
        raise ValueError(f"expected one of {choices}, found {str(plain)[:80]!r}")
    return plain


def _object(plain: Any) -> dict[str, Any]:
    found: dict[str, Any] = _checked(dict, plain)
    return found


_FILES = _decoder(tuple[FileSpec, ...])
_LESSER = {
    name: _decoder(hint)
    for name, hint in get_type_hints(TaskSpec).items()
    if name not in ("source", "directory", "files", "options")
}
"""Fields of a spec that few have: kept under their names where they are not empty."""
