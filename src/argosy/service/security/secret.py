"""The service's own secrets, in files that only their owner can read: made at the first start, kept from then on."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from argosy.config import Home
from argosy.errors import LocalError, UsageError

TOKEN_BYTES: Final = 32
SHORTEST: Final = 16
"""Characters of a token that somebody made up: fewer can be guessed."""
LONGEST: Final = 512
VARIABLE: Final = "ARGOSY_TOKEN"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Secrets:
    """``token`` opens every door; ``key`` signs what the service hands out. Neither is ever shown.

    ``file`` is where the token was read, None if the environment gave it: rotated, it is another one.
    """

    token: str = field(repr=False)
    key: bytes = field(repr=False)
    file: Path | None = None


def load(home: Home, environ: Mapping[str, str] | None = None) -> Secrets:
    """Return the secrets, making those there are not. ``ARGOSY_TOKEN`` goes before the file.

    Raises LocalError, also for a file that others may read; UsageError for a token that can be guessed or not be sent.
    """
    environ = os.environ if environ is None else environ
    key = kept(home.state / "signing-key").encode()
    if given := environ.get(VARIABLE, ""):
        return Secrets(checked(given, VARIABLE), key)
    return Secrets(checked(kept(home.token), str(home.token)), key, home.token)


def checked(token: str, origin: str) -> str:
    """Return the token if it will do. Raises UsageError, which does not repeat it."""
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError(f"{origin}: a token has letters, digits and signs of ASCII, and no space", code="weak_token")
    if not SHORTEST <= len(token) <= LONGEST:
        raise UsageError(
            f"{origin}: a token has {SHORTEST} to {LONGEST} characters",
            hint="python3 -c 'import secrets; print(secrets.token_urlsafe(32))'", code="weak_token",
        )  # fmt: skip
    return token


def kept(file: Path) -> str:
    """Return what the file holds, random text if it is new; two processes at once agree. Raises LocalError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not file.exists():
            draft = _draft(file)
            try:
                with suppress(FileExistsError):
                    os.link(draft, file)
            finally:
                draft.unlink()
            _settle(file.parent)
    except OSError as error:
        raise _unusable(file, error) from None
    return read(file)


def renewed(file: Path) -> str:
    """Return the new secret that the file holds from now on; whoever reads it sees the old one or the new one."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = _draft(file)
        try:
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
        _settle(file.parent)
    except OSError as error:
        raise _unusable(file, error) from None
    return read(file)


def read(file: Path) -> str:
    """Return what the file holds. Raises LocalError, also if anybody but its owner may read it, as ssh does."""
    try:
        with file.open(encoding="utf-8", errors="replace") as reading:
            found = os.fstat(reading.fileno())
            text = reading.read(LONGEST + 2).strip()
    except OSError as error:
        raise _unusable(file, error) from None
    if os.name == "posix" and stat.S_IMODE(found.st_mode) & _OTHERS:
        raise LocalError(
            f"{file} can be read by others, so it is no secret any more",
            hint=f"chmod 600 {file}, and 'argosy token --rotate' if somebody may have read it", code="not_secret",
        )  # fmt: skip
    if not text:
        raise LocalError(f"{file} is empty", hint="remove it: a new one is made")
    return text


def _draft(file: Path) -> Path:
    """Return a new file beside it that holds a fresh secret, durably."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as writing:
        writing.write(secrets.token_urlsafe(TOKEN_BYTES) + "\n")
        writing.flush()
        os.fsync(writing.fileno())
    return draft


def _settle(folder: Path) -> None:
    """Make the folder's entries durable where that can be done: an empty token after a power cut would stop the start."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _unusable(file: Path, error: OSError) -> LocalError:
    return LocalError(f"{file}: {error.strerror}", hint="a secret of the service is kept there; 'argosy doctor'")
