"""The service's own secrets, in files that only their owner can read: made at the first start, kept from then on."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from argosy.config import Home
from argosy.errors import LocalError

TOKEN_BYTES: Final = 32
VARIABLE: Final = "ARGOSY_TOKEN"


@dataclass(frozen=True, slots=True)
class Secrets:
    """``token`` opens every door; ``key`` signs what the service hands out. Neither is ever shown."""

    token: str = field(repr=False)
    key: bytes = field(repr=False)


def load(home: Home, environ: Mapping[str, str] | None = None) -> Secrets:
    """Return the secrets, making those there are not. ``ARGOSY_TOKEN`` goes before the file. Raises LocalError."""
    environ = os.environ if environ is None else environ
    token = environ.get(VARIABLE) or kept(home.token)
    return Secrets(token, kept(home.state / "signing-key").encode())


def kept(file: Path) -> str:
    """Return what the file holds, random text if it is new; two processes at once agree. Raises LocalError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = secrets.token_urlsafe(TOKEN_BYTES)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        if not file.exists():
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as writing:
                writing.write(fresh + "\n")
            try:
                os.link(draft, file)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        text = file.read_text().strip()
    except OSError as error:
        raise LocalError(f"{file}: {error.strerror}", hint="the token is kept there; 'argosy doctor'") from None
    if not text:
        raise LocalError(f"{file} is empty", hint="remove it: a new one is made")
    return text
