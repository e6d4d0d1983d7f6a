"""Services on other machines that somebody has logged in to: their tokens, for the owner's eyes, in one file."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Final

from argosy.client.address import Address
from argosy.config import Home
from argosy.errors import LocalError, UsageError
from argosy.value import dataclass

NAME: Final = "remotes.toml"
CURRENT: Final = "current"


@dataclass(frozen=True, slots=True)
class Remotes:
    """``addresses`` by root; ``current`` is the one that commands go to, if any."""

    addresses: Mapping[str, Address] = field(default_factory=dict)
    current: str | None = None

    def having(self, address: Address) -> Remotes:
        """Return them with ``address``, which is the current one from now on."""
        return replace(self, addresses={**self.addresses, address.url: address}, current=address.url)

    def without(self, url: str) -> Remotes:
        left = {known: address for known, address in self.addresses.items() if known != url}
        return Remotes(left, None if self.current == url else self.current)


def file_of(home: Home) -> Path:
    return home.config / NAME


def load(home: Home) -> Remotes:
    """Return what is known; nothing if there is no file. Raises UsageError for one that makes no sense."""
    path = file_of(home)
    try:
        stored = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Remotes()
    except (OSError, ValueError) as error:
        raise UsageError(
            f"cannot read {path}: {type(error).__name__}", hint="correct it or move it away", code="config"
        ) from None
    tables = {url: table for url, table in stored.items() if isinstance(table, dict)}
    addresses = {url: Address(url, table.get("token"), None, table.get("ca_file")) for url, table in tables.items()}
    current = stored.get(CURRENT)
    return Remotes(addresses, current if current in addresses else None)


def save(home: Home, remotes: Remotes) -> Path:
    """The file has ``remotes``, readable by its owner alone, or is as it was. Raises LocalError."""
    path = file_of(home)
    draft = path.with_name(f".{NAME}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as writing:
            writing.write(_text(remotes))
            writing.flush()
            os.fsync(writing.fileno())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise LocalError(f"cannot write {path}: {error.strerror}") from None
    return path


def _text(remotes: Remotes) -> str:
    lines = ["# Written by 'argosy login' and 'argosy logout'. It holds tokens: show it to nobody."]
    if remotes.current is not None:
        lines.append(f"{CURRENT} = {json.dumps(remotes.current)}")
    for url, address in sorted(remotes.addresses.items()):
        lines.append(f"\n[{json.dumps(url)}]")
        members = {"token": address.token, "ca_file": address.ca_file}
        lines += [f"{name} = {json.dumps(value)}" for name, value in members.items() if value is not None]
    return "\n".join(lines) + "\n"
