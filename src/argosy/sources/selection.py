"""Which of many files are wanted: patterns as people write them for rsync, rclone and Hugging Face."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache

from argosy.errors import UsageError


def selected(include: Sequence[str], exclude: Sequence[str]) -> Callable[[str], bool]:
    """Return whether a path is wanted: one of ``include`` matches it, or there is none, and none of ``exclude`` does.

    ``*`` and ``?`` match within a name, ``**`` also across folders; a pattern without a slash is matched with the name
    alone, one that ends with a slash with everything below.
    """
    wanted = [_compiled(pattern) for pattern in include]
    unwanted = [_compiled(pattern) for pattern in exclude]

    def keeps(path: str) -> bool:
        return (not wanted or any(match(path) for match in wanted)) and not any(match(path) for match in unwanted)

    return keeps


@cache
def _compiled(pattern: str) -> Callable[[str], bool]:
    if not pattern:
        raise UsageError("an empty pattern", hint="write a pattern such as '*.json' or 'sub-01/**'")
    text = f"{pattern}**" if pattern.endswith("/") else pattern
    expression = re.compile("".join(_parts(text.removeprefix("/"))) + r"\Z", re.DOTALL)
    if "/" not in pattern:
        return lambda path: expression.match(path.rpartition("/")[2]) is not None
    return lambda path: expression.match(path) is not None


def _parts(pattern: str) -> list[str]:
    parts: list[str] = []
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|.", pattern, re.DOTALL):
        match token:
            case "**/":
                parts.append("(?:.*/)?")
            case "**":
                parts.append(".*")
            case "*":
                parts.append("[^/]*")
            case "?":
                parts.append("[^/]")
            case _ if len(token) > 1:
                body = token[1:-1].replace("\\", r"\\")
                parts.append(f"[{'^' + body[1:] if body[0] == '!' else body.replace('^', chr(92) + '^')}]")
            case _:
                parts.append(re.escape(token))
    return parts
