"""What the download contract needs: how jobs begin, who looks at them, and how their files are handed out."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, Final, Self

from starlette.requests import HTTPConnection

from argosy.config import Config
from argosy.core.types import TaskId
from argosy.runtime.clock import Clock
from argosy.runtime.manager import Runtime
from argosy.service.jobs import contract
from argosy.service.jobs.initiation import Initiation
from argosy.service.jobs.view import MANY, Views
from argosy.service.results.link import Links
from argosy.service.results.results import NotReady, Results
from argosy.service.security.secret import Secrets

SCHEMES: Final = {"ws": "http", "wss": "https"}
LOOK_AGAIN_S: Final = 1.0
"""After so long it is worth asking again how far a job is."""


class Downloads:
    """An async context manager. Lives on the runtime's loop."""

    def __init__(self, runtime: Runtime, settings: Config, secrets: Secrets, clock: Clock) -> None:
        """Raises UsageError for a setting that cannot be meant."""
        self._runtime = runtime
        self._key = secrets.key
        self._clock = clock
        self._ttl_s = float(settings["result_ttl_s"])
        self._public = str(settings["public_url"]).rstrip("/")
        self._parts = AsyncExitStack()
        self.initiation = Initiation(runtime, settings, secrets.key, clock)
        self.results = Results(runtime)
        self.views = Views(runtime, self.results, clock)

    async def __aenter__(self) -> Self:
        await self._parts.enter_async_context(self.initiation)
        await self._parts.enter_async_context(self.results)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._parts.aclose()

    # -- addresses ---------------------------------------------------------------------------------

    def base(self, connection: HTTPConnection) -> str:
        """Return what every address of the service begins with, for who asks: as the setting ``public_url`` has it, else
        as it was asked. The gate has seen to it that this is a name of ours.
        """
        if self._public:
            return self._public
        scheme = connection.scope["scheme"]
        return f"{SCHEMES.get(scheme, scheme)}://{connection.headers['host']}"

    def socket_url(self, connection: HTTPConnection, job_id: TaskId) -> str:
        """Return where the job can be watched: ``ws`` or ``wss``, as the caller came."""
        return f"ws{self.base(connection).removeprefix('http')}/ws/download/{job_id}"

    def links(self, connection: HTTPConnection) -> Links:
        return Links(self._key, self.base(connection), self._clock.epoch(), self._ttl_s)

    @property
    def key(self) -> bytes:
        """What links are signed with."""
        return self._key

    # -- jobs --------------------------------------------------------------------------------------

    async def document(self, job_id: TaskId, links: Links) -> dict[str, Any]:
        """Return a :class:`contract.JobDocument` of the job as it is now. Raises UnknownTask."""
        task = await self._runtime.task(job_id)
        files = await self.results.files(task)
        live = self._runtime.live_progress(job_id)
        if len(files) > MANY:
            return await self.results.run(contract.document, task, files, live, links)
        return contract.document(task, files, live, links)

    async def result(self, job_id: TaskId, links: Links) -> dict[str, Any]:
        """Return a :class:`contract.JobResult` of a job that has ended. Raises UnknownTask, NotReady."""
        task = await self._runtime.task(job_id)
        if not task.terminal:
            raise NotReady(f"the job is {contract.state_of(task)}", retry_after_s=LOOK_AGAIN_S)
        files = await self.results.files(task)
        return await self.results.run(contract.result, task, files, links, links.expires_at)
