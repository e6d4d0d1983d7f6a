"""How a job begins: what was asked for becomes one task with a folder of its own, durably, before anybody is answered.

Nothing here waits for the network. An ``Idempotency-Key`` is kept with the id of the job that it is for before that job is
stored: so whoever asks again, after whatever crash, is given that job or makes it, and never a second one.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from argosy.config import Config
from argosy.core.types import FileSpec, Task, TaskId
from argosy.errors import UnknownTask, UsageError
from argosy.runtime.admission import Request
from argosy.runtime.clock import Clock
from argosy.runtime.manager import Runtime
from argosy.service.security.principal import Principal
from argosy.sources.catalogue import Catalogue, FileId, files_of, opened
from argosy.sources.http import check
from argosy.store.port import Record

FOLDER: Final = "jobs"
KIND: Final = "initiate"
KEY_TTL_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be downloaded: by ids of the catalogue, then by URLs. A file named twice is one file."""

    file_ids: Sequence[FileId] = ()
    urls: Sequence[str] = ()
    callback_url: str | None = None

    @property
    def digest(self) -> str:
        """The same for the same order."""
        text = json.dumps([*self.file_ids, None, *self.urls, None, self.callback_url])
        return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Begun:
    """A job that is stored. ``task`` is that of an earlier request with the same key."""

    job_id: TaskId
    total_files: int
    task: Task | None = None


class Initiation:
    """An async context manager. Lives on the runtime's loop."""

    def __init__(self, runtime: Runtime, settings: Config, clock: Clock) -> None:
        """Raises UsageError for a setting ``catalogue`` that cannot be meant."""
        self._runtime = runtime
        self._clock = clock
        self._catalogue: Catalogue | None = opened(settings["catalogue"], settings.home.config)
        self._root = str(Path(settings["directory"] or Path.cwd()).expanduser().absolute() / FOLDER)
        self._retries: int = settings["file_retries"]
        # A job of one file is tried again as a task. So is one of many: the others need not wait for the one that failed.
        self._options = replace(settings.options(), file_retries=0)
        self._guarded = replace(self._options, public_only=True, netrc=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._catalogue is not None:
            await self._catalogue.close()

    async def begin(self, order: Order, asker: Principal, key: str | None = None) -> Begun:
        """Return the job once it is durable. Raises UsageError (``unknown_file`` among its codes), CatalogueError, or one
        with the code ``idempotency_mismatch`` if the key was used for another order.
        """
        job_id = secrets.token_hex(16)
        if key is not None:
            job_id = await self._kept(key, asker, order, job_id)
            known = await self._known(job_id)
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
        files = [FileSpec((url,)) for url in dict.fromkeys(order.urls)]
        for file in files:
            check(file.urls[0])
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

    # -- the same again ----------------------------------------------------------------------------

    async def _kept(self, key: str, asker: Principal, order: Order, job_id: TaskId) -> TaskId:
        """Return the id of the job that the key is for, from the first time it was used."""
        now = self._clock.epoch()
        name = hashlib.blake2b(f"{asker.name}\0{key}".encode(), digest_size=24).hexdigest()
        value = json.dumps({"job_id": job_id, "order": order.digest})
        kept = json.loads((await self._runtime.store.keep(Record(KIND, name, value, now + KEY_TTL_S), now)).value)
        if kept["order"] != order.digest:
            raise UsageError(
                "the Idempotency-Key was used for another request", hint="take a new key", code="idempotency_mismatch"
            )
        known: TaskId = kept["job_id"]
        return known

    async def _known(self, job_id: TaskId) -> Task | None:
        try:
            return await self._runtime.task(job_id)
        except UnknownTask:
            return None
