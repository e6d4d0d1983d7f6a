"""What the gate and the logins share: the rules, the keys, and who was wrong too often."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Self

from argosy.config import Config
from argosy.runtime.clock import Clock
from argosy.service.security.keyring import Keyring
from argosy.service.security.logins import FailedLogins
from argosy.service.security.policy import Policy
from argosy.service.security.secret import Secrets
from argosy.store.port import Records

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Guard:
    """One for a service."""

    policy: Policy
    keyring: Keyring
    clock: Clock
    failed: FailedLogins = field(default_factory=FailedLogins)

    @classmethod
    def of(cls, settings: Config, secrets: Secrets, store: Records, clock: Clock) -> Self:
        """Raises UsageError for a setting that makes no sense."""
        return cls(Policy.of(settings), Keyring(secrets, store, clock), clock)

    def wrong(self, address: str) -> float | None:
        """Take note of a wrong token; return the seconds to wait if there were too many from there, else None."""
        wait_s = self.failed.failed(address, self.clock.steady())
        if wait_s is None:  # a flood of failures is no flood of lines
            log.warning("login.failed", extra={"client": address or "unix socket"})
        return wait_s
