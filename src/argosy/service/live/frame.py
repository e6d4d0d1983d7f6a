"""What goes over a WebSocket: one JSON object a message, told apart by ``type``.

``subscription`` is the name the client gave; everything up to ``seq`` has been told to it (use it as ``after``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from argosy.core.document import TaskDocument
from argosy.core.types import Status
from argosy.errors import Failure, UsageError
from argosy.service.live.filter import EventName, Filter
from argosy.service.live.item import Batch
from argosy.service.live.shape import Event

T = TypeVar("T")
MAIN: Final = "main"
FRAME_BYTES: Final = 64 * 1024
"""A client's message at most; the service's own have no such bound."""
TASKS: Final = 1000
"""Tasks that a subscription may name."""
Name = Annotated[str, Field(min_length=1, max_length=64)]
Id = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Seq = Annotated[int, Field(ge=0, lt=2**63)]


# -- the service says ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The tasks as they are, in answer to ``subscribe`` and after ``reset``. What comes next tells what changes from here.

    It may be newer than ``seq`` in places: an event with a ``version`` not above the task's tells nothing new.
    """

    seq: int
    tasks: list[TaskDocument]
    complete: bool
    """False: there are more tasks than were asked for or are ever sent; ``GET /v1/tasks`` has them all."""
    subscription: str = MAIN
    type: Literal["snapshot"] = "snapshot"


@dataclass(frozen=True, slots=True)
class Subscribed:
    """In answer to a ``subscribe`` that goes on from ``after`` or wants no snapshot."""

    seq: int
    subscription: str = MAIN
    type: Literal["subscribed"] = "subscribed"


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """Nothing more comes for this subscription."""

    subscription: str = MAIN
    type: Literal["unsubscribed"] = "unsubscribed"


@dataclass(frozen=True, slots=True)
class Events:
    """What has happened, in order. Of progress only the newest of each task, at most ten times a second."""

    seq: int
    events: list[Event]
    subscription: str = MAIN
    type: Literal["events"] = "events"


@dataclass(frozen=True, slots=True)
class Reset:
    """The log no longer has all that came after the client's cursor. A snapshot follows: forget the tasks and take that."""

    seq: int
    """From where it goes on."""
    reason: str
    subscription: str = MAIN
    type: Literal["reset"] = "reset"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Every 15 seconds: the connection lives, and all its subscriptions have everything up to ``seq``."""

    seq: int
    type: Literal["heartbeat"] = "heartbeat"


@dataclass(frozen=True, slots=True)
class Pong:
    """In answer to ``ping``, with its ``id``."""

    id: str | None = None
    type: Literal["pong"] = "pong"


@dataclass(frozen=True, slots=True)
class Closing:
    """The service closes the connection and says why; ``retryable``: come back in a moment, with the cursor."""

    code: str
    reason: str
    retryable: bool
    type: Literal["closing"] = "closing"


@dataclass(frozen=True, slots=True)
class Error:
    """A message of the client's was refused; nothing else changes. ``code`` is stable."""

    code: str
    message: str
    hint: str
    type: Literal["error"] = "error"


Outgoing = Snapshot | Subscribed | Unsubscribed | Events | Reset | Heartbeat | Pong | Closing | Error


_OUTGOING: Final = {kind: TypeAdapter[Any](kind) for kind in get_args(Outgoing)}


def written(frame: Outgoing) -> str:
    """Return the frame as text. All of it is ASCII: a file's name need not be Unicode, but has to get through."""
    return json.dumps({"type": frame.type, **_OUTGOING[type(frame)].dump_python(frame)}, separators=(",", ":"))


def written_events(batch: Batch, subscription: str) -> str:
    """Return the :class:`Events` frame of a batch, whose events are encoded already."""
    return f'{{"type":"events","subscription":{json.dumps(subscription)},"seq":{batch.seq},"events":[{batch.json}]}}'


def error_of(failure: Failure) -> Error:
    return Error(failure.code, failure.message, failure.hint)


# -- the client says -------------------------------------------------------------------------------


class Subscribe(BaseModel):
    """Tell me what happens: of everything, or of what all given conditions hold for. An old one of the name is replaced."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["subscribe"]
    subscription: Name = MAIN
    tasks: Annotated[list[Id], Field(max_length=TASKS)] | None = None
    status: Annotated[list[Status], Field(max_length=len(Status))] | None = None
    host: Annotated[str, Field(max_length=300)] | None = None
    text: Annotated[str, Field(max_length=300)] | None = None
    types: Annotated[list[EventName], Field(max_length=4)] | None = None
    after: Seq | None = None
    """Everything up to this number is known already: go on from there, without a snapshot."""
    snapshot: bool = True
    limit: Annotated[int, Field(ge=1, le=TASKS)] = 500
    """Tasks in a snapshot at most."""

    @property
    def filter(self) -> Filter:
        return Filter(_set(self.tasks), _set(self.status), self.host, self.text or None, _set(self.types))


class Unsubscribe(BaseModel):
    """Tell me no more of that."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["unsubscribe"]
    subscription: Name = MAIN


class Ping(BaseModel):
    """Ask for a sign of life."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["ping"]
    id: Annotated[str, Field(max_length=64)] | None = None


Incoming = Subscribe | Unsubscribe | Ping
INCOMING: Final[TypeAdapter[Incoming]] = TypeAdapter(Annotated[Incoming, Field(discriminator="type")])


def read(text: str | bytes) -> Incoming:
    """Return what the client says. Raises UsageError; its value is not repeated, it may be a secret."""
    try:
        return INCOMING.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = "/".join(str(part) for part in first["loc"][1:])
        message = f"{where}: {first['msg']}" if where else str(first["msg"])
        raise UsageError(message[:300], hint="/asyncapi.json says what may be sent", code="bad_frame") from None


def _set(values: list[T] | None) -> frozenset[T] | None:
    return None if values is None else frozenset(values)
