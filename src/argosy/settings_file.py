"""Changing one setting in ``config.toml``; the rest of the file stays as a person wrote it."""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
from pathlib import Path
from typing import Final

from argosy.errors import LocalError

_ONE_AT_A_TIME: Final = threading.Lock()


def change(file: Path, name: str, value: object | None) -> None:
    """Set the setting, or take it out (None). Raises LocalError; then the file is as it was."""
    with _ONE_AT_A_TIME:
        try:
            text = file.read_text(encoding="utf-8") if file.exists() else ""
        except OSError as error:
            raise _failed("read", file, error) from error
        line = re.compile(rf"^[ \t]*{re.escape(name)}[ \t]*=.*\n?", re.MULTILINE)
        new = "" if value is None else f"{name} = {_toml(value)}\n"
        if line.search(text):
            _replace(file, line.sub(lambda _: new, text, count=1))
        elif new:
            _replace(file, text + ("\n" if text and not text.endswith("\n") else "") + new)


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # TOML's basic strings, numbers and booleans are JSON's


def _replace(file: Path, text: str) -> None:
    """The file has ``text``, readable by its owner alone, or is as it was."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_name(f".{file.name}.{os.getpid()}-{secrets.token_hex(4)}")
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as writing:
            writing.write(text)
            writing.flush()
            os.fsync(writing.fileno())
        fresh.replace(file)
    except OSError as error:
        raise _failed("write", file, error) from error


def _failed(verb: str, file: Path, error: OSError) -> LocalError:
    return LocalError(f"cannot {verb} the settings in {file}: {error.strerror}", hint="argosy doctor")
