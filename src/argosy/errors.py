"""Every way Argosy can fail, as one tree.

::

    ArgosyError
    ├── UsageError            what was asked makes no sense            exit 2
    │   ├── UnknownTask       no task with that id
    │   ├── IllegalTransition the task's status does not allow it
    │   └── UnsafePath        a name that would leave its folder
    ├── TransferError         the network or the server                exit 3
    │   ├── NetworkError      DNS, connect, reset, timeout, stall      retried
    │   │   ├── Offline       no way to the network from here          waited out
    │   │   └── UnknownHost   the resolver says there is no such name  retried, briefly
    │   ├── TlsError          certificate or handshake
    │   ├── AuthError         401, 403, 407                            exit 4
    │   ├── ServerRefused     404, 410, 451 and other final answers    exit 5
    │   ├── AddressRefused    an address this task may not reach       exit 5
    │   ├── ServerBusy        408, 425, 429, 5xx                       retried, exit 5
    │   └── BadResponse       an answer that breaks the protocol       exit 5
    ├── LocalError            disk and permissions                     exit 6
    │   └── DiskFull          waits for space instead of retrying
    ├── IntegrityError        the bytes are not the promised ones      exit 7
    ├── StoreError            the database                             exit 8
    │   ├── Conflict          somebody else changed the task first
    │   └── Fenced            this worker's lease is gone
    └── Interrupted           stopped on purpose, can go on            exit 9

An error is a value as much as an exception: its ``code`` is stable and is what the store keeps, the
service answers (RFC 9457) and the CLI maps to an exit code. Whether to try again is a property of the
error (``retryable``), never a list somewhere in a worker.
"""

from __future__ import annotations

from typing import ClassVar

from argosy.value import dataclass


class ArgosyError(Exception):
    """Something failed in a way that can be named.

    ``message`` says what was wrong, ``hint`` what to do about it; both are one line of plain text without
    secrets. ``code`` is stable across releases.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    retryable: bool = False

    def __init__(self, message: str, *, hint: str = "", code: str | None = None, retryable: bool | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail_code = code or self.code
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.detail_code!r}, {self.message!r})"

    def failure(self) -> Failure:
        """Return the value the store, the events and the service keep of this error."""
        return Failure(
            code=self.detail_code,
            message=self.message,
            hint=self.hint,
            retryable=self.retryable,
            exit_code=self.exit_code,
            retry_after_s=getattr(self, "retry_after_s", None),
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """What is remembered of an error once the exception is gone."""

    code: str
    message: str
    hint: str = ""
    retryable: bool = False
    exit_code: int = 1
    retry_after_s: float | None = None


class UsageError(ArgosyError):
    code = "usage"
    exit_code = 2


class UnknownTask(UsageError):
    code = "unknown_task"


class IllegalTransition(UsageError):
    code = "illegal_transition"


class UnsafePath(UsageError):
    code = "unsafe_path"


class TransferError(ArgosyError):
    code = "transfer"
    exit_code = 3


class NetworkError(TransferError):
    """No usable answer came: codes ``dns connect reset timeout stalled incomplete proxy``."""

    code = "network"
    retryable = True


class Offline(NetworkError):
    """This machine has no way to the network: nobody else's fault, and nothing to spend a retry on."""

    code = "offline"


class UnknownHost(NetworkError):
    """The resolver answers, and says that there is no such name: most likely a typing error, so little is waited for it."""

    code = "unknown_host"


class TlsError(TransferError):
    code = "tls"


class AuthError(TransferError):
    """401, 403 or 407: retrying cannot help, new credentials or a new link can."""

    code = "auth"
    exit_code = 4


class ServerRefused(TransferError):
    code = "refused"
    exit_code = 5


class AddressRefused(TransferError):
    """The server is in a network that is closed to tasks of this origin; nothing was sent to it."""

    code = "address"
    exit_code = 5


class ServerBusy(TransferError):
    """The server asks to come back later; ``retry_after_s`` is its wish in seconds, if it had one."""

    code = "busy"
    exit_code = 5
    retryable = True

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, hint: str = "", code: str | None = None
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.retry_after_s = retry_after_s


class BadResponse(TransferError):
    """The answer breaks the protocol, or is a web page instead of the file."""

    code = "bad_response"
    exit_code = 5


class LocalError(ArgosyError):
    code = "local_io"
    exit_code = 6


class DiskFull(LocalError):
    code = "disk_full"


class IntegrityError(ArgosyError):
    """Codes ``checksum size unstable_source``."""

    code = "integrity"
    exit_code = 7


class StoreError(ArgosyError):
    """The database; that its disk is full is a DiskFull."""

    code = "store"
    exit_code = 8


class Conflict(StoreError):
    code = "conflict"


class Fenced(StoreError):
    code = "fenced"


class Interrupted(ArgosyError):
    code = "interrupted"
    exit_code = 9
