"""The runtime's verbs over HTTP: the same words, asked of a service on this machine or another one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from argosy import config
from argosy.client import discovery, reading, wire
from argosy.client.address import Address, root_of
from argosy.client.transport import Answer, Transport
from argosy.client.transport import Query as Parameters
from argosy.client.waiting import Waiting
from argosy.core.types import ACTIVE, Queue, Status, TransferOptions
from argosy.errors import ArgosyError, StoreError
from argosy.store.port import Query

if TYPE_CHECKING:
    from argosy.bus.local import Event
    from argosy.client.subscription import Subscription
    from argosy.core.checksum import Checksum
    from argosy.core.events import Recorded
    from argosy.core.explain import Reason
    from argosy.core.limits import Limits
    from argosy.core.model import ModelStatus
    from argosy.core.types import FileState, Progress, Task, TaskId
    from argosy.runtime.admission import Request
    from argosy.runtime.handle import TaskHandle
    from argosy.runtime.message import Outcome
    from argosy.runtime.repair import VerifyReport

PORTION: Final = 1000
"""Tasks in one request."""
LONG_S: Final = 24 * 3600.0
"""Reading back, and fetching what is damaged, takes as long as the files are large."""
LASTING: Final = ("task_status_changed", "runtime_warning")
DEFAULTS: Final = TransferOptions()


class Client:
    """A runtime somewhere else, with the verbs of :class:`argosy.Runtime`. An async context manager; used on one loop.

    Without ``url`` it is the service that the command line would ask: ``ARGOSY_URL``, the one logged in to, or the
    daemon of this machine. ``url`` may be ``unix:/path/to/socket``. Without ``token`` it is the one that is known for
    that address. ``patience_s`` is for how long it tries to get back to a service that went away while events are
    heard or tasks are waited for (None: for ever), and ``lost`` is called when that begins.

    Raises StoreError, code ``unreachable``, when the service cannot be asked, and AuthError when the token is not good.
    """

    def __init__(
        self,
        url: str | Address | None = None,
        token: str | None = None,
        *,
        home: str | Path | None = None,
        ca_file: str | None = None,
        patience_s: float | None = None,
        lost: Callable[[ArgosyError], None] | None = None,
    ) -> None:
        self._address = url if isinstance(url, Address) else _address(url, token, home, ca_file)
        self._transport = Transport(self._address)
        self._patience_s = patience_s
        self._lost = lost
        self._live: dict[TaskId, Progress] = {}
        """The counters of tasks that run, as they were told last."""
        self._waiting = Waiting(self)

    def __repr__(self) -> str:
        return f"<Client of {self._address.socket or self._address.url}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End every request and every subscription. The service and its tasks go on. Idempotent."""
        await self._waiting.close()
        await self._transport.close()

    @property
    def here(self) -> bool:
        """Whether the service's files are files of this machine."""
        return self._address.here

    @property
    def _owner(self) -> bool:
        """Whether we are the person whose machine the service runs on: who may open its socket."""
        return self._address.socket is not None

    @property
    def works(self) -> bool:
        """Whether what is added is also fetched: so it is, where a service runs."""
        return True

    # -- tasks in ----------------------------------------------------------------------------------

    async def add(
        self,
        source: str | Sequence[str],
        *,
        directory: str | Path | None = None,
        name: str | None = None,
        mirrors: Sequence[str] = (),
        checksum: str | Checksum | None = None,
        size: int | None = None,
        priority: int = 0,
        queue: Queue = Queue.INTERACTIVE,
        options: TransferOptions | None = None,
        paused: bool = False,
        start_at: float | datetime | None = None,
        max_retries: int | None = None,
    ) -> TaskHandle:
        """Return a handle on the task, durably stored by the service. As :meth:`argosy.Runtime.add`, but that
        ``directory`` is a folder of the service's machine: without it, the service's own; and that ``options`` and
        ``max_retries``, if not given, are as the service is set.
        """
        from argosy.runtime.admission import Request  # noqa: PLC0415 - who only looks needs none

        asked = Request(
            source, directory, name, mirrors, checksum, size, priority, queue,
            options or DEFAULTS, paused, start_at, 0 if max_retries is None else max_retries,
        )  # fmt: skip
        content = wire.request(asked, self._folder(directory), owner=self._owner)
        if options is None:
            del content["options"]
        if max_retries is None:
            del content["max_retries"]
        (handle,) = await self._add([content])
        return handle

    async def add_many(self, requests: Sequence[Request]) -> list[TaskHandle]:
        """Do the same for many. Raises what is wrong with the first request that makes no sense, once all others of its
        page are stored.
        """
        return await self._add(
            [wire.request(asked, self._folder(asked.directory), owner=self._owner) for asked in requests]
        )

    async def _add(self, contents: Sequence[Mapping[str, Any]]) -> list[TaskHandle]:
        """An answer that is lost on the way is asked for again: the key tells the service that it is the same request."""
        from argosy.client import verdict  # noqa: PLC0415 - as above
        from argosy.runtime.handle import TaskHandle  # noqa: PLC0415 - as above

        handles: list[TaskHandle] = []
        for at in range(0, len(contents), PORTION):
            key = {"Idempotency-Key": secrets.token_hex(16)}
            content = {"tasks": contents[at : at + PORTION]}
            answer = await self._ask("POST", "/v1/tasks", content=content, headers=key, again=True)
            handles += [
                TaskHandle(self, self._seen(reading.read(verdict.added, each)), joined=each["joined"])
                for each in answer.json()["tasks"]
            ]
        return handles

    # -- models, and whatever must be here ---------------------------------------------------------

    async def models(self) -> list[ModelStatus]:
        """Return where each model of the service's catalogue stands: essential ones first, then by priority."""
        found = (await self._ask("GET", "/v1/models")).json()["models"]
        return [self._seen_model(document) for document in found]

    async def model(self, source: str) -> ModelStatus:
        """Return where one model stands, or anything else that :meth:`ensure` takes. No server is asked for it."""
        (found,) = (await self._ask("GET", "/v1/models", wire.pairs(id=source))).json()["models"]
        return self._seen_model(found)

    async def begin(
        self, source: str, *, directory: str | Path | None = None, include: Sequence[str] = (),
        exclude: Sequence[str] = (), queue: Queue = Queue.INTERACTIVE,
    ) -> ModelStatus:  # fmt: skip
        """Do the same, and have it brought if it is not there: what is under way is joined, else it is begun ahead of the
        backlog (``queue`` says otherwise).
        """
        content = wire.model(source, self._folder(directory), include, exclude, queue)
        return self._seen_model((await self._ask("POST", "/v1/models", content=content, again=True)).json())

    async def ensure(
        self, source: str, *, directory: str | Path | None = None,
        progress: Callable[[Progress], object] | None = None, include: Sequence[str] = (), exclude: Sequence[str] = (),
    ) -> Path:  # fmt: skip
        """Return where ``source`` is on the service's machine: at once if it is there, else once it is. As
        :meth:`argosy.Runtime.ensure`; if this process ends first, the service goes on.
        """
        begun = await self.begin(source, directory=directory, include=include, exclude=exclude)
        return await self.followed(begun, progress)

    async def followed(self, status: ModelStatus, progress: Callable[[Progress], object] | None = None) -> Path:
        """Return where it is once what :meth:`begin` has begun, or found, is there. Otherwise as :meth:`ensure`."""
        if status.path is not None or status.task is None:
            return Path(status.path or "")
        from argosy.runtime.handle import TaskHandle  # noqa: PLC0415 - who only looks needs none
        from argosy.runtime.place import place_of  # noqa: PLC0415 - as above
        from argosy.sources.registry import SourceRegistry  # noqa: PLC0415 - as above

        task = await TaskHandle(self, status.task, joined=True).followed(progress)
        return place_of(SourceRegistry(), task, await self.files(task.id))

    def _seen_model(self, document: Mapping[str, Any]) -> ModelStatus:
        if document.get("task") is not None:
            self._seen(document["task"])
        return reading.read(reading.model, document)

    def _folder(self, directory: str | Path | None) -> str | None:
        """Return the folder as the service will find it: what is meant on this machine does not depend on where we are."""
        if directory is None:
            return None
        return os.path.abspath(os.path.expanduser(directory)) if self.here else str(directory)  # noqa: PTH100, PTH111 - as the runtime does

    # -- verbs -------------------------------------------------------------------------------------

    async def pause(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Stop the tasks and keep what there is; answered for each once it is decided and stored."""
        return await self._bulk("pause", ids)

    async def resume(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Let the tasks go on, ahead of the backlog."""
        return await self._bulk("resume", ids)

    async def start(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Start the tasks as soon as there is a slot, whatever they were waiting for."""
        return await self._bulk("start", ids)

    async def cancel(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Give the tasks up and remove their partial files."""
        return await self._bulk("cancel", ids)

    async def remove(self, ids: Sequence[TaskId], *, files: bool = False) -> list[Outcome]:
        """Take the tasks off the list. Finished files stay, unless ``files``: then what the tasks have put there goes."""
        return await self._bulk("remove", ids, files=files or None)

    async def retry(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Try failed or cancelled tasks again, with a fresh count."""
        return await self._bulk("retry", ids)

    async def finish(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Let recordings of streams be complete now, with what there is of them."""
        return [await self._finish(task_id) for task_id in ids]

    async def _finish(self, task_id: TaskId) -> Outcome:
        from argosy.runtime.finish import options, refused  # noqa: PLC0415 - who only looks needs none
        from argosy.runtime.message import Outcome  # noqa: PLC0415 - as above

        task: Task | None = None
        try:
            task = await self.task(task_id)
            error = refused(task)
            if error is not None or task.status is Status.COMPLETED:
                return Outcome(task, error=error)
            answer = await self._ask("PATCH", f"/v1/tasks/{task_id}", content={"options": options()})
            task = self._seen(answer.json())
        except ArgosyError as failed:
            return Outcome(task, error=failed)
        if task.status in (Status.PAUSED, Status.PAUSING, Status.RETRYING):
            return (await self.resume([task_id]))[0]
        return (await self.retry([task_id]))[0] if task.status is Status.FAILED else Outcome(task, changed=True)

    async def prioritise(
        self, ids: Sequence[TaskId], *, priority: int | None = None, queue: Queue | None = None
    ) -> list[Outcome]:
        named = None if queue is None else Queue(queue).name.lower()
        return await self._bulk("move", ids, priority=priority, queue=named)

    async def move_to_top(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Let the tasks be the next to start, in this order."""
        outcomes: list[Outcome] = []
        for portion in reversed(wire.each(ids, PORTION)):  # each goes before those that went before
            outcomes = await self._bulk("move", portion, top=True) + outcomes
        return outcomes

    async def _bulk(self, action: str, ids: Sequence[TaskId], **more: object) -> list[Outcome]:
        from argosy.client import verdict  # noqa: PLC0415 - who only looks needs none

        given = {name: value for name, value in more.items() if value is not None}
        outcomes: dict[TaskId, Outcome] = {}
        for portion in wire.each(list(dict.fromkeys(ids)), PORTION):
            content = {"action": action, "ids": portion, **given}
            results = (await self._ask("POST", "/v1/tasks/bulk", content=content)).json()["results"]
            outcomes |= {result["id"]: reading.read(verdict.outcome, result) for result in results}
        return [outcomes[task_id] for task_id in ids]

    async def pause_all(self) -> int:
        """Pause whatever waits or runs; returns how many."""
        return await self._all("pause")

    async def resume_all(self) -> int:
        """Resume whatever is paused; returns how many."""
        return await self._all("resume")

    async def start_all(self) -> int:
        """Resume what is paused and take what waits for a time out of its waiting; returns how many."""
        return await self._all("start")

    async def _all(self, action: str) -> int:
        answer = await self._ask("POST", "/v1/tasks/all", content={"action": action})
        return int(answer.json()["changed"])

    async def update(
        self,
        task_id: TaskId,
        *,
        urls: Sequence[str] | None = None,
        options: TransferOptions | None = None,
        checksum: str | Checksum | None = None,
        max_retries: int | None = None,
    ) -> Task:
        """Return the task as it goes on by other means: fresh links, other options, a checksum. As
        :meth:`argosy.Runtime.update`.
        """
        content = wire.changes(urls, options, checksum, max_retries, owner=self._owner)
        answer = await self._ask("PATCH", f"/v1/tasks/{task_id}", content=content)
        return self._seen(answer.json())

    async def limits(self) -> Limits:
        """Return the limits that hold there."""
        return reading.read(reading.limits, (await self._ask("GET", "/v1/limits")).json())

    async def apply_limits(self, **changes: object) -> Limits:
        """Change the named limits at once, and for every later start; return the limits as they are then."""
        if not changes:
            return await self.limits()
        rates = changes.get("host_rates")
        if isinstance(rates, Mapping):  # all of them: those that are not named have none any more
            changes["host_rates"] = {**dict.fromkeys((await self.limits()).host_rates), **rates}
        answer = await self._ask("PATCH", "/v1/limits", content=changes)
        return reading.read(reading.limits, answer.json())

    # -- what there is -----------------------------------------------------------------------------

    async def tasks(self, query: Query | None = None) -> Sequence[Task]:
        """Return a page of tasks."""
        query = query or Query()
        found: list[Task] = []
        while True:
            size = min(PORTION, query.limit - len(found))
            documents = (await self._ask("GET", "/v1/tasks", wire.listing(query, size))).json()["tasks"]
            found += [self._seen(document) for document in documents]
            if len(documents) < size or len(found) >= query.limit:
                return found
            query = replace(query, after=found[-1].number)

    async def task(self, task_id: TaskId) -> Task:
        """Return the task as it is now. Raises UnknownTask."""
        return self._seen((await self._ask("GET", f"/v1/tasks/{_one(task_id)}")).json())

    async def handle(self, task_id: TaskId) -> TaskHandle:
        from argosy.runtime.handle import TaskHandle  # noqa: PLC0415 - as above

        return TaskHandle(self, await self.task(task_id), joined=True)

    async def resolve(self, prefix: str) -> TaskId:
        """Return the one id that begins with ``prefix``. Raises UnknownTask or UsageError."""
        answer = await self._ask("GET", "/v1/tasks/resolve", wire.pairs(prefix=prefix))
        return str(answer.json()["id"])

    async def files(self, task_id: TaskId) -> Sequence[FileState]:
        """Return the task's files, as far as a service shows them: without the ranges that are there."""
        found: list[FileState] = []
        token: str | None = None
        while True:
            query = wire.pairs(page_size=PORTION, page_token=token)
            page = (await self._ask("GET", f"/v1/tasks/{_one(task_id)}/files", query)).json()
            found += reading.read(reading.files, page)
            token = page.get("next_page_token")
            if not token:
                return found

    async def counts(self) -> Mapping[Status, int]:
        return reading.read(lambda stats: reading.counts(stats["counts"]), (await self._ask("GET", "/v1/stats")).json())

    async def latest(self) -> int:
        """Return the number of the newest event in the log."""
        return reading.read(lambda stats: int(stats["seq"]), (await self._ask("GET", "/v1/stats")).json())

    async def events(self, *, after: int = 0, limit: int = 1000, task_id: TaskId | None = None) -> Sequence[Recorded]:
        """Return logged events after number ``after``."""
        found: list[Recorded] = []
        while len(found) < limit:
            start, size = found[-1].seq if found else after, min(PORTION, limit - len(found))
            page = (await self._ask("GET", "/v1/log", wire.pairs(after=start, limit=size, task_id=task_id))).json()
            found += [reading.read(reading.logged, each) for each in page["events"]]
            if not page["more"]:
                break
        return found

    def subscribe(self, *, after: int | None = None, task_id: TaskId | None = None, buffer: int = 1024) -> Subscription:
        """Return an async iterator (and context manager) over events; ``after`` replays the log from there first.

        A stream that breaks is taken up again where it broke. Raises StoreError when patience ends.
        """
        return self._events(wire.pairs(task=task_id), after, buffer)

    def lasting_events(self, buffer: int = 1024) -> Subscription:
        """Return the same without progress and metrics."""
        return self._events([("types", name) for name in LASTING], None, buffer)

    def _events(self, query: Parameters, after: int | None, buffer: int) -> Subscription:
        from argosy.client.subscription import Subscription  # noqa: PLC0415 - who only looks needs none

        return Subscription(
            self._transport, "/v1/events", query,
            after=after, buffer=buffer, patience_s=self._patience_s, lost=self._lost, heard=self._hear,
        )  # fmt: skip

    def live_progress(self, task_id: TaskId) -> Progress | None:
        """Return the counters of a task that runs, as they were told last; None for one that was not told of."""
        return self._live.get(task_id)

    def progress_of(self, task: Task) -> Progress:
        """Return the task's counters, live if it runs, else as stored."""
        from argosy.core.types import Progress  # noqa: PLC0415 - as above

        live = self._live.get(task.id)
        return live or Progress(
            task.id, task.received, task.total, task.speed_bps, task.speed_bps, None, task.connections,
            task.files_done, task.files_total,
        )  # fmt: skip

    async def why(self, task_id: TaskId) -> Reason:
        """Return why the task is where it is, or how it moves."""
        return reading.read(reading.reason, (await self._ask("GET", f"/v1/tasks/{_one(task_id)}/explain")).json())

    async def verify(self, task_id: TaskId, *, repair: bool = False) -> VerifyReport:
        """Have the task's published files read again, where they are. ``repair`` fetches what is damaged, and nothing
        else.
        """
        from argosy.client import verdict  # noqa: PLC0415 - as above

        path = f"/v1/tasks/{_one(task_id)}/verify"
        answer = await self._ask("POST", path, content={"repair": repair}, within_s=LONG_S)
        return reading.read(verdict.report, answer.json())

    # -- waiting -----------------------------------------------------------------------------------

    async def rest(self, task_id: TaskId) -> Task | None:
        """Return the task once only a person can make it go on; None if it was removed. Raises StoreError when the
        service is gone and patience ends.
        """
        return await self._waiting.rest(task_id)

    async def idle(self) -> None:
        """Return when nothing there runs or waits for anything but a person."""
        await self._waiting.idle()

    # -- asking ------------------------------------------------------------------------------------

    async def _ask(self, method: str, path: str, query: Parameters = (), **more: Any) -> Answer:  # noqa: ANN401 - as Transport.ask
        return await self._transport.ask(method, path, query, **more)

    def _seen(self, document: Mapping[str, Any]) -> Task:
        """Return the task, and remember its counters while it runs."""
        task = reading.read(reading.task, document)
        if task.status in ACTIVE:
            self._live[task.id] = reading.read(reading.progress, document)
        else:
            self._live.pop(task.id, None)
        return task

    def _hear(self, event: Event) -> None:
        """Keep the counters up to date with what is heard."""
        reading.heard(self._live, event)


def _address(url: str | None, token: str | None, home: str | Path | None, ca_file: str | None) -> Address:
    place = config.home(home)
    if url is not None and url.startswith("unix:"):
        path = url.removeprefix("unix:").removeprefix("//")
        return Address("http://localhost", token or discovery.token_of(place), path)
    if url is not None and token is not None:
        return Address(root_of(url), token, None, ca_file)
    found = discovery.find(place, url)
    if found is None:
        raise StoreError(
            "no service runs here, and none was named",
            hint="'argosy serve' starts one; or give its URL",
            code="no_service",
        )
    return found if token is None else Address(found.url, token, found.socket, found.ca_file)


def _one(task_id: TaskId) -> str:
    """Return the id as one part of a path, whatever it was."""
    from urllib.parse import quote  # noqa: PLC0415 - the transport has it loaded by then

    return quote(task_id, safe="") or "-"
