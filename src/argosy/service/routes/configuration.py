"""``/v1/config``: how the service is set, and the few settings that may be changed from afar.

Those are how tasks are transferred that name nothing else. What runs programs, moves folders, opens networks or says who
is believed can only be set where the service runs; limits have an address of their own.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Header, Response
from pydantic import ConfigDict, Field, StringConstraints
from starlette.requests import Request

from argosy import config, settings_file
from argosy.core.redact import redacted_proxy, redacted_url
from argosy.core.sizes import parse_rate
from argosy.core.types import IfExists
from argosy.service.answering import precondition
from argosy.service.answering.answer import encoded, shown
from argosy.service.asking.form import LINE, Connections, Form, Retries, Seconds
from argosy.service.asking.route import Strict
from argosy.service.context import Context, Service
from argosy.service.description.schema import problems
from argosy.value import dataclass

router = APIRouter(tags=["settings"], route_class=Strict)
IfMatch = Annotated[str | None, Header(description="The `ETag` of the settings as they were looked at. Needed.")]


class SettingsPatch(Form):
    """Settings that are to be otherwise (RFC 7396), for tasks that are made from then on. null: as it is when nobody
    sets it. No others can be set from afar.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"connections": 4, "limit": "2M"}, {"user_agent": None}]})

    connections: Connections | None = None
    retries: Retries | None = None
    file_retries: Annotated[int, Field(ge=0, le=100)] | None = None
    if_exists: IfExists | None = None
    user_agent: Annotated[str, StringConstraints(max_length=1024, pattern=LINE)] | None = None
    http_version: Literal["auto", "1.1", "2", "3"] | None = None
    limit: Annotated[str, StringConstraints(max_length=40)] | None = None
    connect_timeout_s: Seconds | None = None
    stall_timeout_s: Seconds | None = None
    keep_time: bool | None = None


SETTABLE: Final = frozenset(SettingsPatch.model_fields)


@dataclass(frozen=True, slots=True)
class SettingDocument:
    """A setting: its value, where that comes from (``default``, a file, a variable, ``flag``), what it is for, and whether
    it can be changed here. Secrets are hidden.
    """

    value: str | float | bool
    origin: str
    about: str
    settable: bool


@dataclass(frozen=True, slots=True)
class ConfigDocument:
    """All settings, by name."""

    settings: dict[str, SettingDocument]
    file: str


@router.get("/v1/config", operation_id="getConfig", response_model=ConfigDocument, responses=problems())
async def get(request: Request, service: Context) -> Response:
    """Return every setting with its origin."""
    return shown(request, _content(service))


@router.patch(
    "/v1/config", operation_id="changeConfig", response_model=ConfigDocument, responses=problems(412, 415, 422, 428)
)
async def patch(sent: SettingsPatch, request: Request, service: Context, if_match: IfMatch = None) -> Response:
    """Change settings in the service's file. What a flag or a variable of the environment has set stays as it is."""
    precondition.check(precondition.require(if_match), precondition.tag_of(_content(service)))
    if sent.limit:
        parse_rate(sent.limit)
    given = {name: getattr(sent, name) for name in sent.model_fields_set}
    settings = service.runtime.settings
    file = settings.home.config_file
    service.runtime.settings = _over(settings, given, str(file))
    for name, value in given.items():
        await asyncio.to_thread(settings_file.change, file, name, value)
    return shown(request, _content(service))


def _over(settings: config.Config, given: dict[str, Any], file: str) -> config.Config:
    """Return the settings as they are once the file has been changed: flags and variables go before it."""
    free = {name: value for name, value in given.items() if settings.origins[name] in ("default", file)}
    unset = {name: config.SETTINGS[name].default for name, value in free.items() if value is None}
    return settings.over(unset, "default").over(
        {name: value for name, value in free.items() if value is not None}, file
    )


def _content(service: Service) -> bytes:
    settings = service.runtime.settings
    documents = {
        name: SettingDocument(_hidden(name, settings[name]), settings.origins[name], each.about, name in SETTABLE)
        for name, each in config.SETTINGS.items()
    }
    return encoded(ConfigDocument(documents, str(settings.home.config_file)))


def _hidden(name: str, value: Any) -> Any:  # noqa: ANN401 - of the setting's type
    if not isinstance(value, str):
        return value
    return redacted_proxy(value) if name == "proxy" else redacted_url(value)
