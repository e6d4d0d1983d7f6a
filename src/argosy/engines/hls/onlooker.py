"""Looking at a stream without fetching it: no part, no limits, nobody to tell."""

from __future__ import annotations

from argosy.core.types import FileState
from argosy.engines.port import CancelToken, Facts, HostGate, Part, Throttle
from argosy.errors import LocalError


class Onlooker:
    """The desk of who only asks a question. Who asked it ends it by cancelling."""

    def __init__(self) -> None:
        self.cancel = CancelToken()
        self.throttle: Throttle = self
        self.hosts: HostGate = self

    def place(self, state: FileState, facts: Facts) -> tuple[Part, FileState]:  # noqa: ARG002 - the port's
        raise LocalError("nothing is to be written")

    def report(self, state_index: int, received: int, total: int | None, connections: int) -> None:
        """Nothing comes."""

    async def checkpoint(self, state: FileState) -> None:
        """Nothing changes."""

    async def record(self, state: FileState) -> None:
        """Nothing changes."""

    def warn(self, code: str, message: str) -> None:
        """Nobody listens."""

    # -- its own throttle and gate: a few small requests, one after the other -----------------------

    @property
    def limited(self) -> bool:
        return False

    def admit(self, size: int) -> float:  # noqa: ARG002 - the port's
        return 0.0

    def try_acquire(self, host: str, *, spare: bool = False) -> bool:  # noqa: ARG002 - the port's
        return True

    async def acquire(self, host: str) -> None:
        """At once."""

    def release(self, host: str, *, spare: bool = False) -> None:
        """Nobody waits."""

    def crowded(self, host: str) -> bool:  # noqa: ARG002 - the port's
        return False
