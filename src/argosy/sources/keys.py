"""What the keys of objects are called on a disk, and back again. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

RESERVED: Final = ".argosy.lock.json"
"""What the list of all that came is called in their folder: no object may take its place."""
_ESCAPE: Final = re.compile("%([0-9A-F]{2})")


def local_paths(keys: Sequence[str]) -> list[str]:
    """Return a path for each key, no two the same, and none a folder of another: an object may be called as a folder is."""
    paths = [local_path(key) if key != RESERVED else f"%2E{RESERVED[1:]}" for key in keys]
    folders = {
        "/".join(parts[:depth]) for path in paths for parts in [path.split("/")] for depth in range(1, len(parts))
    }
    return [f"{path}%" if path in folders else path for path in paths]


def local_path(key: str) -> str:
    """Return the key as a path that stays where it belongs, and from which the key can be told again."""
    return "/".join(_local_part(part) for part in key.split("/"))


def _local_part(part: str) -> str:
    if not part.strip("."):
        return part.replace(".", "%2E") or "%"
    return "".join(f"%{ord(letter):02X}" if letter in '%\\:*?"<>|' or ord(letter) < 32 else letter for letter in part)


def key_of(path: str) -> str:
    """Return the key that :func:`local_paths` made the path of."""
    return "/".join(
        _ESCAPE.sub(lambda found: chr(int(found[1], 16)), part.removesuffix("%")) for part in path.split("/")
    )
