"""``argosy serve``: the runtime and the application on one loop, from the first socket to the last checkpoint.

::

    sole ── listen ── parts: store, runtime, meters, live … ── uvicorn answers ── ready
                                                                     │ SIGTERM
    gone ── parts end, the last one begun first ── requests end ── live clients are told ── stopping
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from typing import Final

import platformdirs
import uvicorn
from starlette.types import ASGIApp

from argosy import config
from argosy.core.model import Presence
from argosy.core.types import Queue
from argosy.errors import ArgosyError
from argosy.runtime import endpoint
from argosy.runtime.clock import SystemClock
from argosy.runtime.manager import Runtime
from argosy.service.app import create_app
from argosy.service.context import Service
from argosy.service.daemon import logs
from argosy.service.daemon.listener import Doors, Listeners, listen
from argosy.service.daemon.notify import Notifier
from argosy.service.daemon.protocol import crowded
from argosy.service.daemon.signals import Stop, heeded
from argosy.service.daemon.sole import sole
from argosy.service.jobs.downloads import Downloads
from argosy.service.live.frame import FRAME_BYTES
from argosy.service.live.live import Live
from argosy.service.live.wire import BoundedWebSocket
from argosy.service.operations.meters import Meters, TimedStore
from argosy.service.operations.observe import Observed
from argosy.service.operations.tracing import TaskSpans
from argosy.service.results.link import Links
from argosy.service.security import secret
from argosy.service.security.guard import Guard
from argosy.service.security.minted import digest
from argosy.service.security.principal import Scope
from argosy.service.webhooks.webhooks import Webhooks
from argosy.telemetry.log import Console, Level
from argosy.telemetry.metrics import Metrics
from argosy.telemetry.otel import Exporter, open_witness

log = logging.getLogger(__name__)

GRACE_S: Final = 10
"""Requests under way may take so long to end when the service stops; then tasks have as long to put down what they have."""
KEEP_ALIVE_S: Final = 75
"""An idle connection is kept so long: longer than reverse proxies keep theirs (60 s), so that none is cut in their hands."""
CONNECTIONS: Final = 8192
"""At once; who comes then is answered 503."""
CROWD: Final = 7168
"""With so many, each that comes has one go that asks for nothing: silence keeps nobody out."""
DESCRIPTORS: Final = 65_536
GARBAGE: Final = (2_000, 5, 100)
"""New objects before the collector looks for cycles, and how often it looks further: everybody waits for it, and the second look
goes through all that has come since the last one (5,000 and 20 made that 50 ms).
"""


async def serve(
    settings: config.Config,
    *,
    ready: Callable[[str, Service], Awaitable[None]],
    console: Console = "text",
    verbose: bool = False,
) -> int:
    """Serve until told to stop, and return the exit code. ``ready`` is called with the address once it answers.
    ``verbose``: the log tells more than the settings say. SIGHUP has it read the settings again for what to log.

    Raises LocalError or UsageError if it cannot listen or is not the only one, StoreError if there is no store.
    """
    if not settings["directory"]:
        settings = settings.over({"directory": str(platformdirs.user_downloads_path())}, "default")
    _log(settings, console, verbose=verbose)
    _raise_limit()
    gc.set_threshold(*GARBAGE)
    with sole(settings.home), closing(_listen(settings)) as listeners:
        async with AsyncExitStack() as parts:
            stop = parts.enter_context(heeded(lambda: _log_again(settings, console, verbose=verbose)))
            witness = _tracing(parts)
            service = await _begin(parts, settings, listeners, witness)
            server = _Server(_around(service, witness), service.live)
            await _answer(server, service, listeners, stop, ready)
    log.info("service.stopped")
    return 0


async def _begin(
    parts: AsyncExitStack, settings: config.Config, listeners: Listeners, witness: Exporter | None
) -> Service:
    """Return a service all of whose parts run; they end with ``parts``, the last one begun first."""
    clock, metrics = SystemClock(), Metrics()
    secrets = secret.load(settings.home)
    store = TimedStore(settings.home.database, metrics.commit.observe)
    runtime = await parts.enter_async_context(Runtime(settings=settings, store=store, witness=witness))
    await _begin_models(runtime, settings["models_at_start"])
    guard = Guard.of(settings.with_flags(host=listeners.host), secrets, store, clock)
    if witness is not None:
        await parts.enter_async_context(TaskSpans(runtime, witness))
    live = await parts.enter_async_context(Live(runtime, clock))
    meters = await parts.enter_async_context(Meters(runtime, metrics, clock, live.kinds))
    downloads = await parts.enter_async_context(Downloads(runtime, settings, secrets, clock))
    webhooks = await parts.enter_async_context(
        Webhooks(
            runtime,
            settings,
            secrets.key,
            clock,
            _linking(settings, secrets, clock, listeners),
            told=_counting(metrics),
            witness=witness,
        )
    )
    return Service(runtime, settings, secrets, clock, live, guard, meters, downloads, webhooks)


async def _begin_models(runtime: Runtime, which: str) -> None:
    """Put what is missing of the catalogue of models into the backlog, if it is to be there by itself."""
    for each in await runtime.models() if which != "none" else ():
        if each.state is Presence.ABSENT and (each.essential or which == "all"):
            await runtime.begin(each.id, queue=Queue.AUTOMATIC)


def _linking(
    settings: config.Config, secrets: secret.Secrets, clock: SystemClock, listeners: Listeners
) -> Callable[[], Links]:
    """Return what makes links where nobody has asked under a name of ours."""
    base = str(settings["public_url"]).rstrip("/") or listeners.url
    return lambda: Links(secrets.key, base, clock.epoch(), float(settings["result_ttl_s"]))


def _counting(metrics: Metrics) -> Callable[[str], None]:
    return lambda outcome: metrics.webhooks.labels(outcome).inc()


def _tracing(parts: AsyncExitStack) -> Exporter | None:
    """Return where spans go, if the environment asks for them; what is left of them is sent at the very end."""
    witness = open_witness(os.environ)
    if witness is not None:
        parts.push_async_callback(asyncio.to_thread, witness.close)
    return witness


def _around(service: Service, witness: Exporter | None) -> ASGIApp:
    """Return the app with what stands around all of it."""
    return Doors(Observed(create_app(service), service.meters.metrics, witness))


async def _answer(
    server: _Server,
    service: Service,
    listeners: Listeners,
    stop: Stop,
    ready: Callable[[str, Service], Awaitable[None]],
) -> None:
    """Answer requests until ``stop``, and let everybody know when that begins and ends. None is under way afterwards."""
    notifier = Notifier()
    serving = asyncio.create_task(server.serve(sockets=list(listeners.sockets)), name="argosy-http")
    serving.add_done_callback(lambda _: stop.asked.set())
    async with notifier.watchdog():
        try:
            await _either(server.answers, stop.asked)
            if server.answers.is_set():
                gc.freeze()  # what stands by now stays: the collector need not look through it
                with _announced(service.settings.home, listeners):
                    notifier.say("READY=1", f"STATUS=serving {listeners.url}")
                    await ready(listeners.url, service)
                    await stop.asked.wait()
        finally:
            notifier.say("STOPPING=1", "STATUS=stopping")
            server.should_exit = True
            await serving


async def _either(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


class _Server(uvicorn.Server):
    """Uvicorn with our bounds, which leaves signals to us and says goodbye to live clients before it closes on them."""

    def __init__(self, app: ASGIApp, live: Live) -> None:
        settings = uvicorn.Config(
            app, lifespan="off", log_config=None, access_log=False, http=crowded(CROWD),
            log_level="warning",  # below, it writes down whole heads and addresses, with the tokens in them
            proxy_headers=False, server_header=False,  # the gate knows whom to believe
            ws=BoundedWebSocket, ws_max_size=FRAME_BYTES, ws_per_message_deflate=False, ws_ping_interval=None,
            timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=GRACE_S, limit_concurrency=CONNECTIONS,
        )  # fmt: skip
        super().__init__(settings)
        self._live = live
        self.answers = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answers.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._live.farewell()
        await super().shutdown(sockets)


async def login_link(service: Service, url: str) -> str:
    """Return an address that logs the browser which opens it in, once, as the owner."""
    _, code = await service.guard.keyring.sessions.link(digest(service.secrets.token), Scope.ADMIN)
    return f"{service.settings['public_url'].rstrip('/') or url}/login#code={code}"


# -- its surroundings ------------------------------------------------------------------------------------


def _listen(settings: config.Config) -> Listeners:
    return listen(settings["host"], settings["port"], settings.home.socket, os.environ)


@contextmanager
def _announced(home: config.Home, listeners: Listeners) -> Iterator[None]:
    """Within, the home's other processes find the service."""
    here = endpoint.of_this_process(listeners.url, listeners.path)
    endpoint.write(home.endpoint, here)
    log.info("service.ready", extra={"url": listeners.url, "socket": here.socket})
    try:
        yield
    finally:
        endpoint.remove(home.endpoint, here)


def _log(settings: config.Config, console: Console, *, verbose: bool) -> None:
    level: Level = settings["log_level"]
    if verbose and level in ("off", "error", "warning"):
        level = "info"
    logs.configure(settings.home.log_file, level=level, console=console)


def _log_again(settings: config.Config, console: Console, *, verbose: bool) -> None:
    """Take the level from the settings as they are now, and begin the log file anew: it may have been moved away."""
    try:
        level = config.load(settings.home.config if os.environ.get("ARGOSY_HOME") else None)["log_level"]
    except ArgosyError as error:
        log.warning("service.settings_unreadable", extra={"error": error.message})
        return
    _log(settings.over({"log_level": level}, "SIGHUP"), console, verbose=verbose)
    log.info("service.log_level_read", extra={"log_level": level})


def _raise_limit() -> None:
    """Many clients and many downloads each need a descriptor; the usual 1024 of a shell are soon gone."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
