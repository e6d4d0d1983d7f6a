"""The runtime as a caller sees it: tasks go in, tasks and events come out, verbs change what happens in between."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from argosy import config
from argosy.bus.local import Listener, Subscription
from argosy.core.checksum import Checksum
from argosy.core.events import Recorded
from argosy.core.limits import Limits
from argosy.core.types import TERMINAL, FileState, Progress, Queue, Status, Task, TaskId, TransferOptions
from argosy.errors import StoreError, UnknownTask, UsageError
from argosy.runtime import parts, standing
from argosy.runtime.admission import Request
from argosy.runtime.aftermath import wishes
from argosy.runtime.clock import Clock, SystemClock
from argosy.runtime.gauge import Gauge
from argosy.runtime.handle import TaskHandle
from argosy.runtime.intake import Intake
from argosy.runtime.machine import Machine
from argosy.runtime.message import Outcome
from argosy.runtime.ports import Engines, Sources, Warehouse
from argosy.runtime.revision import update
from argosy.store.port import Query, Store
from argosy.telemetry.trace import Witness

if TYPE_CHECKING:
    from argosy.core.explain import Reason
    from argosy.core.model import ModelStatus
    from argosy.core.probe import Probe
    from argosy.runtime.amendment import Amendment
    from argosy.runtime.ensure import Wanted
    from argosy.runtime.repair import VerifyReport

GRACE_S: Final = 10.0
PURGE_PAGE: Final = 1000


class Runtime:
    """Downloads, durably. An async context manager; everything happens on the loop that enters it.

    ``home`` is the folder for all of Argosy's files (default: see :mod:`argosy.config`). ``work=False`` only looks and
    commands, and lets other processes do the work. ``session=True`` is for a foreground command: it runs the tasks that
    are added here and no others. ``limits`` hold for this runtime alone; without, the stored ones do,
    of which ``max_running`` replaces one.
    """

    def __init__(
        self,
        home: str | Path | None = None,
        *,
        directory: str | Path | None = None,
        limits: Limits | None = None,
        max_running: int | None = None,
        session: bool = False,
        work: bool = True,
        settings: config.Config | None = None,
        store: Store | None = None,
        engines: Callable[[], Engines] | None = None,
        sources: Sources | None = None,
        warehouse: Callable[[], Warehouse] | None = None,
        clock: Clock | None = None,
        witness: Witness | None = None,
    ) -> None:
        self.settings = settings or config.load(home)
        self._works = work
        self._directory = str(directory or self.settings["directory"] or Path.cwd())
        self._machine = Machine(
            store or parts.database(self.settings.home),
            clock or SystemClock(),
            work=work,
            session=session,
            limits=standing.checked(limits or self.settings.limits()),
            pinned=limits is not None,
            max_running=max_running,
            engines=engines or self._engines(),
            sources=sources or parts.sources(),
            warehouse=warehouse or parts.warehouse,
            witness=witness,
            wishes=wishes(self.settings["on_complete"], self.settings["on_failure"], self.settings["notify"]),
            history_days=self.settings["history_days"],
            reuse=self.settings["reuse"],
        )
        self._intake = Intake(self._machine, self._directory)
        self._open = False

    def __repr__(self) -> str:
        state = f"{len(self._machine.holdings.tasks)} running" if self._open else "closed"
        return f"<Runtime {self._machine.me.id[:8]} {state}>"

    def _engines(self) -> Callable[[], Engines]:
        allowed = parts.allowed(self.settings["allow_network"])  # now: what is wrong with it is for who starts us
        return partial(parts.engines, allowed, self.settings["proxy"])

    async def __aenter__(self) -> Self:
        await self._machine.start()
        self._open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @property
    def here(self) -> bool:
        """Whether the files it tells of are files of this machine: so they are, where it runs."""
        return True

    @property
    def works(self) -> bool:
        """Whether what is added is also fetched."""
        return self._works

    @property
    def directory(self) -> str:
        """Where downloads go that name no folder."""
        return str(Path(self._directory).expanduser().absolute())

    @property
    def store(self) -> Store:
        """The durable truth, for surfaces that keep something of their own with it. Tasks are changed by verbs alone."""
        return self._machine.store

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Let running tasks put down what they have (they go on at the next start), and end everything. Idempotent."""
        if self._open:
            self._open = False
            await self._machine.stop(grace_s)

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
        """Return a handle on the task, durably stored. Several sources are one task of many files.

        The same request again joins the task that is there: an unfinished one goes on, a failed one is tried again, and
        what is complete and still the newest is complete at once. Raises UsageError.
        """
        request = Request(
            source, directory, name, mirrors, checksum, size, priority, queue,
            options or self.settings.options(), paused, start_at,
            self.settings["retries"] if max_retries is None else max_retries,
        )  # fmt: skip
        (handle,) = await self.add_many([request])
        return handle

    async def add_many(self, requests: Sequence[Request]) -> list[TaskHandle]:
        """Do the same for many, much faster than one by one. A request that makes no sense stores none of its page."""
        self._check_open()
        admitted = await self._intake.admit(requests)
        return [TaskHandle(self, task, joined=joined) for task, joined in admitted]

    async def add_each(self, requests: Sequence[Request]) -> list[TaskHandle | UsageError]:
        """Do the same, each on its own: for a request that makes no sense there is its error, and the others are stored."""
        self._check_open()
        admitted = await self._intake.admit_each(requests)
        return [
            each if isinstance(each, UsageError) else TaskHandle(self, each[0], joined=each[1]) for each in admitted
        ]

    async def probe(self, request: Request) -> Probe:
        """Return what the request would bring and what would be in its way, without making a task: the server is asked
        for one byte. Raises UsageError, or what kept the server from telling.
        """
        from argosy.runtime.probe import probe  # noqa: PLC0415 - seldom wanted

        self._check_open()
        return await probe(self._machine, request, self._directory)

    # -- models, and whatever must be here ---------------------------------------------------------

    async def models(self) -> list[ModelStatus]:
        """Return where each model of the catalogue stands: essential ones first, then by priority. Raises UsageError,
        code ``model_catalogue``, for one that makes no sense.
        """
        from argosy.runtime.ensure import shelf_of, wanted  # noqa: PLC0415 - likewise

        self._check_open()
        shelf = await shelf_of(self.settings)
        return [await self._status(wanted(shelf, self.settings, model.id, {})) for model in shelf.in_order()]

    async def model(self, source: str, **more: Any) -> ModelStatus:  # noqa: ANN401 - fields of Request
        """Return where one model stands, or anything else that :meth:`ensure` takes. Asks no server."""
        return await self._status(await self._wanted(source, more))

    async def begin(self, source: str, **more: Any) -> ModelStatus:  # noqa: ANN401 - likewise
        """Do the same, and have it brought if it is not here: what is under way is joined, else it is begun ahead of the
        backlog (``queue`` says otherwise).
        """
        from argosy.core.model import Presence  # noqa: PLC0415 - likewise
        from argosy.runtime.ensure import look  # noqa: PLC0415 - likewise

        asked = await self._wanted(source, more)
        status = await look(self._machine, asked, self._directory)
        if status.state is not Presence.HERE:
            (handle,) = await self.add_many([asked.request])
            status = asked.status(Presence.UNDER_WAY, handle.seen)
        return self._with_figures(status)

    async def ensure(
        self, source: str, *, directory: str | Path | None = None,
        progress: Callable[[Progress], object] | None = None, **more: Any,  # noqa: ANN401 - likewise
    ) -> Path:  # fmt: skip
        """Return where ``source`` is, all of it: at once if it was brought before and is still there, else once it is.
        ``source`` is the name of a model in the catalogue, or what :meth:`add` takes.

        What somebody brings already is joined, also in another process; what nobody brings is begun, ahead of the
        backlog. ``progress`` is called with the counters as they change. ``more`` are fields of :class:`Request`. Raises
        what kept it from coming.
        """
        return await self.followed(await self.begin(source, directory=directory, **more), progress)

    async def followed(self, status: ModelStatus, progress: Callable[[Progress], object] | None = None) -> Path:
        """Return where it is once what :meth:`begin` has begun, or found, is here. Otherwise as :meth:`ensure`."""
        if status.path is not None or status.task is None:
            return Path(status.path or "")
        return await self.place(await TaskHandle(self, status.task, joined=True).followed(progress))

    async def place(self, task: Task) -> Path:
        """Return what a program opens to use what the task has brought: the file, or the folder of many."""
        from argosy.runtime.place import place_of  # noqa: PLC0415 - likewise

        return place_of(self._machine.sources, task, await self.files(task.id))

    async def _wanted(self, source: str, more: dict[str, Any]) -> Wanted:
        from argosy.runtime.ensure import shelf_of, wanted  # noqa: PLC0415 - likewise

        self._check_open()
        return wanted(await shelf_of(self.settings), self.settings, source, more)

    async def _status(self, asked: Wanted) -> ModelStatus:
        from argosy.runtime.ensure import look  # noqa: PLC0415 - likewise

        return self._with_figures(await look(self._machine, asked, self._directory))

    def _with_figures(self, status: ModelStatus) -> ModelStatus:
        from argosy.runtime.ensure import with_figures  # noqa: PLC0415 - likewise

        task = status.task
        return with_figures(status, None if task is None else self.progress_of(task), self._machine.clock.epoch())

    # -- verbs -------------------------------------------------------------------------------------

    async def pause(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Stop the tasks and keep what there is; answered for each once it is decided and stored."""
        return await self._machine.verbs.pause(ids)

    async def resume(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Let the tasks go on, ahead of the backlog."""
        return await self._machine.verbs.resume(ids)

    async def start(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Start the tasks as soon as there is a slot, whatever they were waiting for."""
        return await self._machine.verbs.resume(ids)

    async def update(
        self,
        task_id: TaskId,
        *,
        urls: Sequence[str] | None = None,
        options: TransferOptions | None = None,
        checksum: str | Checksum | None = None,
        max_retries: int | None = None,
    ) -> Task:
        """Return the task as it goes on by other means: fresh links, other options, a checksum.

        What has come so far stays, if the bytes behind a new link are provably the same. A running task changes over
        at once; a failed or paused one waits to be retried or resumed. Raises UsageError.
        """
        task = await self.task(task_id)
        respec = update(
            task, self._machine.sources, urls=urls, options=options, checksum=checksum, max_retries=max_retries
        )
        if respec is None:
            return task
        return (await self._machine.router.ask(task_id, respec)).require() or task

    async def amend(self, task_id: TaskId, wanted: Amendment, *, version: int | None = None) -> Task:
        """Return the task with all of the changes made at once, as :meth:`update` and :meth:`prioritise` make them.

        Raises UsageError, and Conflict (code ``precondition_failed``) if the task is not, or no more, of ``version``.
        """
        from argosy.runtime.amendment import amend  # noqa: PLC0415 - likewise

        return await amend(self._machine, task_id, wanted, version)

    async def cancel(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Give the tasks up and remove their partial files."""
        return await self._machine.verbs.cancel(ids)

    async def remove(self, ids: Sequence[TaskId], *, files: bool = False) -> list[Outcome]:
        """Take the tasks off the list. Finished files stay, unless ``files``: then what the tasks have put there goes."""
        if not files:
            return await self._machine.verbs.remove(ids)
        from argosy.runtime.disposal import remove_with_files  # noqa: PLC0415 - likewise

        return await remove_with_files(self._machine, ids)

    async def purge(self, before: float, statuses: frozenset[Status] = TERMINAL) -> int:
        """Take tasks of those statuses that ended before a moment off the list, and their part of the log; return how
        many. Finished files stay.
        """
        total, gone = 0, PURGE_PAGE
        while gone == PURGE_PAGE:
            gone = await self._machine.store.purge(finished_before=before, statuses=statuses, limit=PURGE_PAGE)
            total += gone
        return total

    async def retry(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Try failed or cancelled tasks again, with a fresh count."""
        return await self._machine.verbs.retry(ids)

    async def finish(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Let recordings of streams be complete now, with what there is of them."""
        from argosy.runtime.finish import finish  # noqa: PLC0415 - likewise

        return [await finish(self._machine, task_id) for task_id in ids]

    async def prioritise(
        self, ids: Sequence[TaskId], *, priority: int | None = None, queue: Queue | None = None
    ) -> list[Outcome]:
        return await self._machine.verbs.prioritise(ids, priority=priority, queue=queue)

    async def move_to_top(self, ids: Sequence[TaskId]) -> list[Outcome]:
        """Let the tasks be the next to start, in this order."""
        machine = self._machine
        return await machine.verbs.move_to_top(ids, now=machine.clock.epoch(), session=machine.session)

    async def pause_all(self) -> int:
        return await self._machine.verbs.pause_all()

    async def resume_all(self) -> int:
        return await self._machine.verbs.resume_all()

    async def start_all(self) -> int:
        return await self._machine.verbs.start_all()

    def limits(self) -> Limits:
        return self._machine.limits

    async def apply_limits(self, **changes: object) -> Limits:
        """Change the named limits at once, here and in every process on this store, and for every later start. Return
        the limits as they are then; nothing happens if none is named.
        """
        if not changes:
            return self._machine.limits
        limits = standing.changed(self._machine.common_limits, changes)
        await self._machine.store.set_setting(standing.SETTING, standing.dump(limits))
        self._machine.take_limits(limits)
        return self._machine.limits

    # -- what there is -----------------------------------------------------------------------------

    async def tasks(self, query: Query | None = None) -> Sequence[Task]:
        """Return a page of tasks."""
        return await self._machine.store.find(query or Query())

    async def task(self, task_id: TaskId) -> Task:
        """Return the task as stored. Raises UnknownTask."""
        found = (await self._machine.store.get([task_id])).get(task_id)
        if found is None:
            raise UnknownTask(f"there is no task {task_id}")
        return found

    async def handle(self, task_id: TaskId) -> TaskHandle:
        return TaskHandle(self, await self.task(task_id), joined=True)

    async def resolve(self, prefix: str) -> TaskId:
        """Return the one id that begins with ``prefix``. Raises UnknownTask or UsageError."""
        found = await self._machine.store.resolve(prefix.lower())
        if not found:
            raise UnknownTask(f"no task's id begins with {prefix!r}", hint="'argosy ls --all' shows the ids")
        if len(found) > 1:
            raise UsageError(f"several tasks' ids begin with {prefix!r}", hint="write more of it", code="ambiguous")
        return found[0]

    async def files(self, task_id: TaskId) -> Sequence[FileState]:
        return await self._machine.store.files(task_id)

    async def counts(self) -> Mapping[Status, int]:
        return await self._machine.store.counts()

    async def events(self, *, after: int = 0, limit: int = 1000, task_id: TaskId | None = None) -> Sequence[Recorded]:
        """Return logged events after number ``after``."""
        return await self._machine.store.events(after=after, limit=limit, task_id=task_id)

    def subscribe(self, *, after: int | None = None, task_id: TaskId | None = None, buffer: int = 1024) -> Subscription:
        """Return an async iterator (and context manager) over events; ``after`` replays the log from there first."""
        return self._machine.bus.subscribe(after=after, task_id=task_id, buffer=buffer)

    def listen(self, listener: Listener) -> None:
        """Let ``listener`` hear every lasting event as it is told, on this loop, until the runtime stops."""
        self._machine.bus.listen(listener)

    @property
    def gauges(self) -> Sequence[Gauge]:
        """What each task that runs here shows of itself; to be read, and not kept."""
        return list(self._machine.holdings.gauges.values())

    @property
    def brought(self) -> int:
        """Bytes of files that have come here since the start."""
        pool = self._machine.crew.pool
        return 0 if pool is None else pool.yard.brought

    def live_progress(self, task_id: TaskId) -> Progress | None:
        """Return the counters of a task that runs here, None for any other."""
        return self._machine.hub.progress(task_id)

    def progress_of(self, task: Task) -> Progress:
        """Return the task's counters, live if it runs here, else as stored."""
        live = self._machine.hub.progress(task.id)
        return live or Progress(
            task.id, task.received, task.total, task.speed_bps, task.speed_bps, None, task.connections,
            task.files_done, task.files_total,
        )  # fmt: skip

    async def why(self, task_id: TaskId) -> Reason:
        """Return why the task is where it is, or how it moves."""
        from argosy.runtime.inquiry import why  # noqa: PLC0415 - likewise

        return await why(self._machine, await self.task(task_id))

    async def verify(self, task_id: TaskId, *, repair: bool = False) -> VerifyReport:
        """Read the task's published files again and say whether they are what was downloaded. ``repair`` fetches what
        is not, and nothing else.
        """
        from argosy.runtime.repair import verify  # noqa: PLC0415 - seldom wanted

        return await verify(self, self._machine, await self.task(task_id), repair=repair)

    # -- waiting -----------------------------------------------------------------------------------

    async def rest(self, task_id: TaskId) -> Task | None:
        """Return the task once only a person can make it go on; None if it was removed. Raises StoreError when the
        runtime stops first.
        """
        from argosy.runtime.waiting import at_rest  # noqa: PLC0415 - likewise

        return await at_rest(self._machine, task_id, self._check_open)

    async def idle(self) -> None:
        """Return when nothing that is this runtime's to do waits for anything but a person."""
        from argosy.runtime.waiting import idle  # noqa: PLC0415 - likewise

        await idle(self._machine)

    async def latest(self) -> int:
        """Return the number of the newest event; all up to it have been told to who subscribes."""
        await self._machine.bus.catch_up()
        return self._machine.bus.last

    def _check_open(self) -> None:
        if not self._open:
            raise StoreError(
                "the runtime is not running", hint="use it as: async with Runtime() as runtime", code="stopped"
            )
