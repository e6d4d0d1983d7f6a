"""``argosy serve``: the runtime and the application on one loop, from the first socket to the last checkpoint."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn

from argosy import config
from argosy.runtime.clock import SystemClock
from argosy.runtime.manager import Runtime
from argosy.service.app import create_app
from argosy.service.context import Service
from argosy.service.security import secret


async def serve(settings: config.Config, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until told to stop; ``ready`` is called with the address once it answers."""
    async with Runtime(settings=settings) as runtime:
        app = create_app(Service(runtime, settings, secret.load(settings.home), SystemClock()))
        listener = socket.create_server((host, port), reuse_port=False)
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
        ready(f"http://{host}:{listener.getsockname()[1]}")
        await server.serve(sockets=[listener])
