"""Where somebody may have files put: anywhere for the person whose machine it is, below certain folders for others."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Final

from argosy.config import Config
from argosy.errors import UsageError
from argosy.service.security.principal import Principal

LONGEST: Final = 4096
"""Bytes of a path, and below of a component: no system takes more."""
LONGEST_COMPONENT: Final = 255
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})


def resolve(directory: str | None, asker: Principal, settings: Config, root: str) -> str:
    """Return the absolute folder that ``directory`` names, seen from ``root``; None is ``root`` itself.

    Who is not trusted may only name what is below ``root`` or a folder of the setting ``allow_directory``, also after
    every link on the way has been followed. Raises UsageError with the code ``directory``.
    """
    if directory is None or directory == "":
        return root
    _check(directory)
    wanted = os.path.expanduser(directory) if asker.trusted else directory  # noqa: PTH111 - pathlib fails for ~nobody
    folder = os.path.normpath(Path(root) / wanted)
    if not asker.trusted and not any(_is_below(folder, each) for each in (root, *allowed(settings))):
        raise UsageError(
            "files may not be put into that folder",
            hint="name one below the download folder; the setting allow_directory opens others",
            code="directory",
        )
    return folder


def allowed(settings: Config) -> tuple[str, ...]:
    """Return the further folders that the settings open."""
    listed = (each.strip() for each in str(settings["allow_directory"]).split(","))
    return tuple(str(Path(each).expanduser().absolute()) for each in listed if each)


def _check(directory: str) -> None:
    if any(unicodedata.category(char) in _UNSEEN for char in directory):
        raise UsageError(
            "a folder's name cannot hold characters that nobody sees", hint="take them out", code="directory"
        )
    sizes = [len(os.fsencode(part)) for part in directory.split("/")]
    if sum(sizes) + len(sizes) > LONGEST or max(sizes) > LONGEST_COMPONENT:
        raise UsageError(
            "the folder's name is too long", hint=f"at most {LONGEST_COMPONENT} bytes for each part", code="directory"
        )


def _is_below(folder: str, top: str) -> bool:
    """Tell whether ``folder`` is ``top`` or below, by its words and by where it really is."""
    real, real_top = os.path.realpath(folder), os.path.realpath(top)
    return os.path.commonpath((real, real_top)) == real_top
