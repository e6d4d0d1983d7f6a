"""``/v1/limits``: what may happen at once and how fast, changed while everything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Response
from pydantic import ConfigDict, Field, StringConstraints
from starlette.requests import Request

from argosy.core.limits import Limits
from argosy.errors import UsageError
from argosy.service.answering import precondition
from argosy.service.answering.answer import encoded, shown
from argosy.service.asking.form import Form
from argosy.service.asking.route import Strict
from argosy.service.context import Context, Service
from argosy.service.description.schema import problems
from argosy.value import dataclass

router = APIRouter(tags=["settings"], route_class=Strict)
IfMatch = Annotated[str | None, Header(description="The `ETag` of what was looked at: if it has changed since, 412.")]
Timetable = Annotated[str, StringConstraints(max_length=2000)]
HostName = Annotated[str, StringConstraints(min_length=1, max_length=300, pattern=r"^[^\s/@]+$")]
Many = Annotated[int, Field(ge=1, le=1000)]
ManyOrOurs = Annotated[int, Field(ge=0, le=1000)]
PER_HOST: Final = (
    "Connections to one host, over all tasks; 0: 16, and up to 32 where each brings as much as those before it."
)


@dataclass(frozen=True, slots=True)
class LimitsDocument:
    """What holds now. ``rate`` and those of ``host_rates`` are rates or timetables, ``window`` is when downloads may run."""

    max_running: Annotated[int, Field(examples=[3])]
    connections_per_host: Annotated[int, Field(examples=[16], description=PER_HOST)]
    rate: Annotated[str, Field(examples=["22:00-07:00 unlimited, else 2M"])]
    host_rates: Annotated[dict[str, str], Field(examples=[{"example.org": "1M"}])]
    window: Annotated[str, Field(examples=["22:00-07:00"])]
    hold_slot_while_paused: bool
    ageing_s: float


class LimitsPatch(Form):
    """What is to be otherwise (RFC 7396). In ``host_rates`` a host that is set to null has no rate of its own any more."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"rate": "2M"}, {"max_running": 5, "host_rates": {"example.org": "512k"}}]}
    )

    max_running: Many | None = None
    connections_per_host: Annotated[ManyOrOurs | None, Field(description=PER_HOST)] = None
    rate: Timetable | None = None
    host_rates: Annotated[dict[HostName, Timetable | None], Field(max_length=1000)] | None = None
    window: Timetable | None = None
    hold_slot_while_paused: bool | None = None
    ageing_s: Annotated[float, Field(ge=0, le=31_536_000)] | None = None


DEFAULTS: Final = Limits()


class NewLimits(Form):
    """All limits; one that is not sent is as it is when nobody sets it."""

    max_running: Many = DEFAULTS.max_running
    connections_per_host: Annotated[ManyOrOurs, Field(description=PER_HOST)] = DEFAULTS.connections_per_host
    rate: Timetable = DEFAULTS.rate
    host_rates: Annotated[dict[HostName, Timetable], Field(default_factory=dict, max_length=1000)]
    window: Timetable = DEFAULTS.window
    hold_slot_while_paused: bool = DEFAULTS.hold_slot_while_paused
    ageing_s: Annotated[float, Field(ge=0, le=31_536_000)] = DEFAULTS.ageing_s


@router.get("/v1/limits", operation_id="getLimits", response_model=LimitsDocument, responses=problems())
async def get(request: Request, service: Context) -> Response:
    """Return the limits that hold now."""
    return shown(request, _content(service.runtime.limits()))


@router.patch(
    "/v1/limits", operation_id="changeLimits", response_model=LimitsDocument, responses=problems(412, 415, 422)
)
async def patch(sent: LimitsPatch, request: Request, service: Context, if_match: IfMatch = None) -> Response:
    """Change some of them: at once, in every process that works this queue, and for every later start."""
    given = {name: getattr(sent, name) for name in sent.model_fields_set}
    empty = sorted(name for name, value in given.items() if value is None)
    if empty:
        raise UsageError(f"{empty[0]} cannot be taken away", hint="leave it out, or give it a value", code="usage")
    if sent.host_rates is not None:
        merged: Mapping[str, str | None] = {**service.runtime.limits().host_rates, **sent.host_rates}
        given["host_rates"] = {host: rate for host, rate in merged.items() if rate is not None}
    return await _changed(request, service, given, if_match)


@router.put("/v1/limits", operation_id="setLimits", response_model=LimitsDocument, responses=problems(412, 415, 422))
async def put(sent: NewLimits, request: Request, service: Context, if_match: IfMatch = None) -> Response:
    """Set all of them."""
    return await _changed(request, service, sent.model_dump(), if_match)


async def _changed(request: Request, service: Service, given: Mapping[str, Any], if_match: str | None) -> Response:
    precondition.check(if_match, precondition.tag_of(_content(service.runtime.limits())))
    return shown(request, _content(await service.runtime.apply_limits(**given)))


def _content(limits: Limits) -> bytes:
    known = {name: value for name, value in asdict(limits).items() if name in _MEMBERS}
    return encoded(LimitsDocument(**known | {"host_rates": dict(sorted(limits.host_rates.items()))}))


_MEMBERS: Final = frozenset(each.name for each in fields(LimitsDocument))
