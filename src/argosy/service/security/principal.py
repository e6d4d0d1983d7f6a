"""Who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Scope(IntEnum):
    """What somebody may do; each includes those before it."""

    PUBLIC = 0
    """What needs no name: whether the service is alive, and what a signature allows."""
    READ = 1
    WRITE = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody, as far as the gate knows. ``local``: came through the Unix socket, which only its owner may open.

    ``name`` is that of the token: the same for all the sessions that it opened. ``token`` and ``session`` are their digests.
    """

    name: str
    scope: Scope
    local: bool = False
    token: str = field(default="", repr=False)
    session: str = field(default="", repr=False)

    @property
    def trusted(self) -> bool:
        """Whether this is the person whose machine it is: may name any folder and any address."""
        return self.local and self.scope is Scope.ADMIN
