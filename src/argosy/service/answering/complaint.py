"""What is wrong with what was sent, in words: where it is, and what may have been meant; never its value, which may be secret. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from argosy.errors import UsageError

SHOWN: Final = 100


class BadJson(UsageError):
    """A body is no JSON, or none that can be read."""

    code = "bad_json"


def unreadable(cause: BaseException | None) -> BadJson:
    """Return why a body is not even JSON; ``cause`` is what the reader of it raised."""
    match cause:
        case json.JSONDecodeError(msg=what, lineno=line, colno=column):
            where = f"{what[:1].lower()}{what[1:]}, at line {line}, column {column}"
        case UnicodeDecodeError(start=start):
            where = f"it is no UTF-8, from byte {start + 1} on"
        case RecursionError():
            where = "it is nested too deep"
        case _:
            where = "a number in it is too long"
    return BadJson(f"the body cannot be read as JSON: {where}", hint="send valid JSON (RFC 8259) in UTF-8")


def members(errors: Sequence[Mapping[str, Any]], known: Collection[str]) -> list[dict[str, str]]:
    """Return for each error of a form where it is and what it is. ``known`` are the members that the form has somewhere."""
    return [
        {"pointer": pointer(each["loc"][1:]), "in": str(each["loc"][0]), "detail": _detail(each, known)}
        for each in errors[:SHOWN]
    ]


def unknown(what: str, name: str, known: Collection[str]) -> str:
    """Return that there is no such thing, and which there is that may have been meant."""
    near = get_close_matches(name[:100], known, n=3)
    return f"there is no such {what}" + (f"; did you mean {' or '.join(near)}?" if near else "")


def pointer(place: Sequence[str | int]) -> str:
    """Return where in what was sent that is (RFC 6901); names in brackets tell kinds of content apart and are ours."""
    return "".join(
        "/" + str(each).replace("~", "~0").replace("/", "~1") for each in place if not str(each).startswith("(")
    )


def _detail(error: Mapping[str, Any], known: Collection[str]) -> str:
    if error["type"] == "extra_forbidden":
        return unknown("member", str(error["loc"][-1]), known)
    return str(error["msg"])
