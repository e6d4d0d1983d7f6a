"""The same bytes by other means: what a newer request changes in a task that is there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from argosy.core.checksum import Checksum, parse
from argosy.core.lifecycle import Respec
from argosy.core.types import FileSpec, FileState, Task, TaskSpec, TransferOptions
from argosy.errors import UsageError
from argosy.runtime.ports import Sources
from argosy.sources.http import host_of


def renewal(task: Task, newer: Task) -> Respec | None:
    """Return what to change so that ``task`` goes on as the same request, made again as ``newer``, wants it; None if
    that is as it was.

    The request is the same: so are source, folder and name, and links that were given to the task since then stay.
    """
    old, new = task.spec, newer.spec
    files = old.files
    if len(old.files) == len(new.files):
        files = tuple(map(_joined, old.files, new.files))
    spec = replace(old, options=new.options, engine=new.engine or old.engine, files=files)
    return _unless_same(task, spec, newer.max_retries)


def _joined(old: FileSpec, new: FileSpec) -> FileSpec:
    mirrors = tuple(url for url in new.urls[1:] if url not in old.urls)
    others = ((new.checksum, old.checksum), (new.size, old.size), (new.pieces, old.pieces))
    if not mirrors and all(newer in (None, older) for newer, older in others):
        return old
    size = old.size if new.size is None else new.size
    pieces = new.pieces or (old.pieces if new.checksum in (None, old.checksum) else None)
    return replace(old, urls=old.urls + mirrors, checksum=new.checksum or old.checksum, size=size, pieces=pieces)


def update(
    task: Task,
    sources: Sources,
    *,
    urls: Sequence[str] | None = None,
    options: TransferOptions | None = None,
    checksum: str | Checksum | None = None,
    max_retries: int | None = None,
) -> Respec | None:
    """Return the named changes of ``task``, None if there are none. Raises UsageError."""
    spec = task.spec
    if urls is not None and checksum is None and not spec.files:
        spec = _with_source(spec, sources, urls)
    elif urls is not None or checksum is not None:
        spec = _with_file(spec, sources, urls, parse(checksum) if isinstance(checksum, str) else checksum)
    spec = replace(spec, options=options or spec.options)
    return _unless_same(task, spec, task.max_retries if max_retries is None else max_retries)


def _with_file(spec: TaskSpec, sources: Sources, urls: Sequence[str] | None, checksum: Checksum | None) -> TaskSpec:
    if len(spec.files) != 1:
        raise UsageError("new links and checksums belong to a task of one file", hint="add the files one by one")
    (file,) = spec.files
    if urls is not None:
        described = [sources.describe(text.strip()) for text in urls]
        links = tuple(url for each in described if each is not None for url in each.urls)
        if not links or None in described:
            raise UsageError("a link to the file itself is needed")
        spec, file = replace(spec, source=urls[0].strip()), replace(file, urls=links)
    pieces = file.pieces if checksum in (None, file.checksum) else None  # of other bytes than are wanted now
    return replace(spec, files=(replace(file, checksum=checksum or file.checksum, pieces=pieces),))


def _with_source(spec: TaskSpec, sources: Sources, urls: Sequence[str]) -> TaskSpec:
    """Return the task with another place to ask what there is."""
    (source, *others) = [text.strip() for text in urls]
    if others or sources.kind_of(source) != sources.kind_of(spec.source):
        raise UsageError(
            "one new source of the same kind is needed", hint=f"this one is of the kind {sources.kind_of(spec.source)}"
        )
    return replace(spec, source=source)


def _unless_same(task: Task, spec: TaskSpec, max_retries: int) -> Respec | None:
    if spec == task.spec and max_retries == task.max_retries:
        return None
    return Respec(spec, host_of(spec.files[0].urls[0]) if spec.files else task.host, max_retries)


def as_asked(spec: TaskSpec, states: Sequence[FileState]) -> list[FileState]:
    """Return the files with the links, checksums and sizes that are asked for by now. What has come of them stays."""
    return [_as_asked(spec.files[state.index], state) if state.index < len(spec.files) else state for state in states]


def _as_asked(asked: FileSpec, state: FileState) -> FileState:
    checksum = asked.checksum or state.checksum
    size = asked.size if state.size is None else state.size
    if state.finished or (state.urls, state.checksum, state.size) == (asked.urls, checksum, size):
        return state
    return replace(state, urls=asked.urls, checksum=checksum, size=size)
