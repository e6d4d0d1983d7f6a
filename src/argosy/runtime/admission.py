"""The way of a request into the store: understood, checked, given an identity, and joined to what is there already."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from argosy.core.checksum import Checksum, parse
from argosy.core.names import chosen_path
from argosy.core.pieces import Pieces
from argosy.core.types import (
    FileSpec,
    FileState,
    Queue,
    Status,
    Task,
    TaskSpec,
    TransferOptions,
    file_states,
)
from argosy.errors import UsageError
from argosy.runtime.ports import Sources
from argosy.sources.hls import is_hls
from argosy.sources.http import host_of
from argosy.store.port import NewTask
from argosy.telemetry import trace
from argosy.value import dataclass

LARGEST_TASK: Final = 1_000_000
"""Files in one task."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks for; only ``source`` is needed. Several sources are one task of many files.

    ``name`` names the file (a task of one) and may hold folders below ``directory``. ``start_at`` is epoch seconds or
    an aware datetime.
    """

    source: str | Sequence[str]
    directory: str | Path | None = None
    name: str | None = None
    mirrors: Sequence[str] = ()
    checksum: str | Checksum | None = None
    size: int | None = None
    priority: int = 0
    queue: Queue = Queue.INTERACTIVE
    options: TransferOptions = field(default_factory=TransferOptions)
    paused: bool = False
    start_at: float | datetime | None = None
    max_retries: int = 5
    engine: str | None = None
    files: Sequence[FileSpec] = ()
    """The files themselves, for who knows them better than any URL tells."""
    callback: str | None = field(default=None, repr=False)
    """URL to be told once the task has ended."""
    include: Sequence[str] = ()
    """Patterns of the files that are wanted of what a source has; none: all."""
    exclude: Sequence[str] = ()
    """Patterns of those that are not."""
    id: str | None = None
    """The task's id, 32 hexadecimal digits that nobody can guess, for who must find it again after a crash: a request
    whose id is stored already joins that task, whatever became of it."""
    fresh: bool = False
    """Nothing like it was ever asked, as its folder is its own: nobody needs to look for what it could join."""
    pieces: Pieces | None = None
    """What each piece of the file must be."""


def understood(request: Request, sources: Sources, default_directory: str) -> TaskSpec:
    """Return what is asked for in full. Raises UsageError."""
    texts = [request.source] if isinstance(request.source, str) else list(request.source)
    if not texts and not request.files:
        raise UsageError("nothing to download was named")
    if len(texts) + len(request.files) > LARGEST_TASK:
        raise UsageError(f"at most {LARGEST_TASK:,} files can be one task")
    files = tuple(request.files) or _described(request, texts, sources)
    wanted, options = None if request.directory is None else str(request.directory), request.options
    if texts and not request.files:
        wanted, options = sources.prepare(texts[0], wanted, options)
        if request.directory is None and wanted is not None:
            wanted = str(Path(default_directory, wanted))
    directory = os.path.abspath(os.path.expanduser(wanted or default_directory))  # noqa: PTH100, PTH111 - pathlib does not take out ".."
    source = texts[0] if texts else files[0].urls[0]
    return TaskSpec(
        source, directory, files, options, request.engine, request.callback, tuple(request.include), tuple(request.exclude),
        trace.asked_by(), None if files or request.name is None else "/".join(chosen_path(request.name)),
    )  # fmt: skip


def _described(request: Request, texts: Sequence[str], sources: Sources) -> tuple[FileSpec, ...]:
    """Return the files as far as they are known without asking, with what the request adds to them."""
    described = [sources.describe(text.strip()) for text in texts]
    single = len(described) == 1
    more = request.checksum is not None or request.size is not None or request.mirrors or request.pieces is not None
    extras = request.name is not None or more
    if extras and not single:
        raise UsageError("a name, checksum, size or mirror belongs to one file", hint="add the files one by one")
    if any(file is None for file in described):
        if not single:
            raise UsageError("such sources can only be added one by one")
        if more or (request.name is not None and not sources.takes_name(texts[0])):
            raise UsageError(
                "this source names and checks its files itself", hint="leave name, checksum, size and mirrors out"
            )
        return ()
    files = tuple(file for file in described if file is not None)
    if not extras:
        return files
    checksum = parse(request.checksum) if isinstance(request.checksum, str) else request.checksum
    mirrors = tuple(url for text in request.mirrors if (file := sources.describe(text)) for url in file.urls)
    path = None if request.name is None else "/".join(chosen_path(request.name))
    return (
        replace(
            files[0],
            urls=files[0].urls + mirrors,
            path=path,
            size=request.size,
            checksum=checksum,
            pieces=request.pieces,
        ),
    )


def key_of(request: Request, spec: TaskSpec) -> str:
    """Return the identity of (source, destination, name): the same request again has the same."""
    texts = [request.source] if isinstance(request.source, str) else request.source
    parts = (spec.directory, request.name or "", *texts) if texts else (spec.directory, *map(_identity, request.files))
    if spec.include or spec.exclude:
        parts += ("include", *spec.include, "exclude", *spec.exclude)
    return hashlib.blake2b("\0".join(parts).encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _identity(file: FileSpec) -> str:
    """Return which bytes are meant, and under which name: other mirrors of the same are no other file."""
    content = str(file.checksum) if file.checksum is not None else f"{file.urls[0]} {file.size}"
    return f"{file.path or ''}\0{content}"


def new_task(request: Request, spec: TaskSpec, *, session: str | None, rank: float, now: float) -> NewTask:
    """Return the task as it is to be stored."""
    start_at = request.start_at
    if isinstance(start_at, datetime):
        start_at = start_at.timestamp()
    task = Task(
        request.id or secrets.token_hex(16), spec, now, now,
        status=Status.PAUSED if request.paused else Status.PENDING,
        queue=request.queue, priority=request.priority, rank=rank, queued_at=now,
        host=host_of(spec.files[0].urls[0]) if spec.files else "",
        session=session, key=key_of(request, spec), max_retries=request.max_retries,
        due_at=start_at if start_at is not None and start_at > now and not request.paused else None,
        total=_total(spec.files), files_total=max(1, len(spec.files)),
    )  # fmt: skip
    return NewTask(task, file_states(task))


def _total(files: Sequence[FileSpec]) -> int | None:
    sizes = [file.size for file in files]
    return None if not sizes or any(size is None for size in sizes) else sum(size or 0 for size in sizes)


SHAPING: Final = ("quality", "record_s", "subtitles", "languages", "join", "remux")
"""Options that say what of a source becomes the file."""


def is_renewal(new: NewTask, earlier: Task) -> bool:
    """Tell whether the one file that the earlier task brought is what the new one asks for: a URL's file always, a
    stream's if the same of it is wanted.
    """
    if new.task.spec.files:
        return len(new.files) == 1
    mine, theirs = new.task.spec, earlier.spec
    same = all(getattr(mine.options, name) == getattr(theirs.options, name) for name in SHAPING)
    return is_hls(mine.source) and same and (mine.engine, mine.include, mine.exclude) == (
        theirs.engine, theirs.include, theirs.exclude,
    )  # fmt: skip


def renewed(new: NewTask, earlier: FileState) -> NewTask:
    """Return the task so that it is complete at once if the server says the file we have is still the newest."""
    first = new.files[0] if new.files else FileState(new.task.id, 0, earlier.urls, path=new.task.spec.name)
    file = replace(
        first, size=earlier.size, published=earlier.published,
        etag=earlier.etag, last_modified=earlier.last_modified, date_is_strong=earlier.date_is_strong,
        content_type=earlier.content_type, verified_by=earlier.verified_by, part_mtime_ns=earlier.part_mtime_ns,
        memo=earlier.memo,
    )  # fmt: skip
    return replace(new, task=replace(new.task, name=earlier.published), files=(file,))
