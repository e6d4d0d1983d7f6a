"""How a job begins: what was asked for becomes one task with a folder of its own, durably, before anybody is answered.

Nothing here waits for the network.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from argosy.config import Config
from argosy.core.types import FileSpec, Task, TaskId
from argosy.errors import UsageError
from argosy.runtime.admission import Request
from argosy.runtime.clock import Clock
from argosy.runtime.manager import Runtime
from argosy.runtime.turn import in_turns
from argosy.service.asking import idempotency
from argosy.service.asking.idempotency import Claim
from argosy.service.security.principal import Principal
from argosy.sources.catalogue import Catalogue, FileId, files_of, opened
from argosy.sources.http import check

FOLDER: Final = "jobs"
TOGETHER: Final = 500
"""So many URLs are looked at in one turn of the loop: some 2 ms."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be downloaded: by ids of the catalogue, then by URLs. A file named twice is one file."""

    file_ids: Sequence[FileId] = ()
    urls: Sequence[str] = ()
    callback_url: str | None = None

    @property
    def content(self) -> bytes:
        """The same for the same order, and for no request of another kind."""
        return json.dumps(["initiate", self.file_ids, self.urls, self.callback_url]).encode()


@dataclass(frozen=True, slots=True)
class Begun:
    """A job that is stored. ``task`` is that of an earlier request with the same key."""

    job_id: TaskId
    total_files: int
    task: Task | None = None


class Initiation:
    """An async context manager. Lives on the runtime's loop."""

    def __init__(self, runtime: Runtime, settings: Config, key: bytes, clock: Clock) -> None:
        """Raises UsageError for a setting ``catalogue`` that cannot be meant."""
        self._runtime = runtime
        self._key = key
        self._clock = clock
        self._catalogue: Catalogue | None = opened(settings["catalogue"], settings.home.config)
        self._root = str(Path(settings["directory"] or Path.cwd()).expanduser().absolute() / FOLDER)
        self._retries: int = settings["file_retries"]
        # A file that fails is tried again with its job, after the others: two counts, one within the other, would multiply.
        self._options = replace(settings.options(), file_retries=0)
        self._guarded = replace(self._options, public_only=True, netrc=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._catalogue is not None:
            await self._catalogue.close()

    async def begin(self, order: Order, asker: Principal, key: str | None = None) -> Begun:
        """Return the job once it is durable: with a ``key`` the one that it was used for first. Raises UsageError and
        CatalogueError.
        """
        job_id = secrets.token_hex(16)
        if key is not None:
            claim = await idempotency.claim(self._runtime.store, self._clock.epoch(), asker, key, order.content)
            job_id = claim.task_id(self._key, 0)
            known = await self._known(claim, job_id)
            if known is not None:
                return Begun(job_id, known.files_total, known)
        files = await self._files(order)
        await self._runtime.add_many([self._request(job_id, files, order, asker)])
        return Begun(job_id, len(files))

    def _request(self, job_id: TaskId, files: Sequence[FileSpec], order: Order, asker: Principal) -> Request:
        return Request(
            source=files[0].urls[0],
            directory=f"{self._root}/{job_id}",
            options=self._options if asker.trusted else self._guarded,
            max_retries=self._retries,
            files=files,
            callback=order.callback_url,
            id=job_id,
            fresh=True,
        )

    async def _files(self, order: Order) -> list[FileSpec]:
        files = await _of_urls(order.urls)
        if not order.file_ids:
            return files
        if self._catalogue is None:
            raise UsageError(
                "this service has no catalogue, so it knows no file by an id",
                hint="send urls, or set 'catalogue' where the service runs",
                code="no_catalogue",
            )
        ids: dict[str, FileId] = {}
        for each in order.file_ids:
            ids.setdefault(str(each), each)
        return await files_of(self._catalogue, list(ids.values())) + files

    async def _known(self, claim: Claim, job_id: TaskId) -> Task | None:
        """Return the job that an earlier request with the key has made. Raises UsageError if it was removed since."""
        if claim.fresh:
            return None
        store = self._runtime.store
        known = (await store.get([job_id])).get(job_id)
        if known is not None or not await store.events(task_id=job_id, limit=1):
            return known
        known = (await store.get([job_id])).get(job_id)  # it may have been made since the first look
        if known is None:
            raise UsageError(
                "the job that was made for this key has been removed since", hint="take a new key", code="removed"
            )
        return known


async def _of_urls(urls: Sequence[str]) -> list[FileSpec]:
    """Return the files, each once. Raises UsageError."""
    files: list[FileSpec] = []
    async for some in in_turns(list(dict.fromkeys(urls)), TOGETHER):
        for url in some:
            check(url)
            files.append(FileSpec((url,)))
    return files
