"""What every route has at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from argosy.config import Config
from argosy.runtime.clock import Clock
from argosy.runtime.manager import Runtime
from argosy.service.jobs.downloads import Downloads
from argosy.service.live.live import Live
from argosy.service.operations.meters import Meters
from argosy.service.security.guard import Guard
from argosy.service.security.principal import Principal
from argosy.service.security.secret import Secrets
from argosy.service.webhooks.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Service:
    """One running service: the runtime and all that stands around it."""

    runtime: Runtime
    settings: Config
    secrets: Secrets
    clock: Clock
    live: Live
    guard: Guard
    meters: Meters
    downloads: Downloads
    webhooks: Webhooks


def serving(connection: HTTPConnection) -> Service:
    """Return the service that the app was made for."""
    service: Service = connection.app.state.service
    return service


def asking(connection: HTTPConnection) -> Principal:
    """Return who asks; the gate has made sure that somebody does."""
    principal: Principal = connection.scope["argosy.principal"]
    return principal


async def service_of(connection: HTTPConnection) -> Service:  # what is not async FastAPI runs in a thread, each time
    return serving(connection)


async def principal_of(connection: HTTPConnection) -> Principal:
    return asking(connection)


Context = Annotated[Service, Depends(service_of)]
Asker = Annotated[Principal, Depends(principal_of)]
