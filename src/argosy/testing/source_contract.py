"""What every source must do, as tests: subclass :class:`SourceContract`, say what it understands and whom it can ask.

::

    class TestMySource(SourceContract):
        @pytest.fixture
        def subject(self, server):
            return SourceSubject(MySource(), "mine:thing", nonsense="mine:?")
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from argosy.core.names import safe_path
from argosy.core.types import FileSpec, FileState, FileStatus, TaskSpec, TransferOptions
from argosy.engines.curl import CurlEngine
from argosy.engines.offer import claimed, offer
from argosy.engines.registry import Registry
from argosy.errors import UsageError
from argosy.runtime.web import TaskWeb
from argosy.sources.port import Source

FOREIGN: Final = ("", "nobody:knows", "gopher://example.org/", "just words")


@dataclass
class SourceSubject:
    """A source and something that it can resolve just now; ``nonsense`` is of its kind, but makes no sense."""

    source: Source
    text: str
    nonsense: str | None = None
    unwanted: str | None = None
    """A pattern of some of its files, but not of all; None if nothing can be chosen among them."""


class SourceContract:
    """The promises of :class:`argosy.sources.port.Source`."""

    @pytest.fixture
    async def engines(self) -> AsyncIterator[Registry]:
        curl = CurlEngine()
        registry = Registry([curl], lambda: offer(curl), claimed)
        yield registry
        await registry.close()

    @pytest.fixture
    def spec(self, subject: SourceSubject, tmp_path: Path) -> TaskSpec:
        folder = str(tmp_path / "contract")
        _, options = subject.source.prepare(subject.text, folder, TransferOptions())
        return TaskSpec(subject.text, folder, options=options)

    async def files(self, subject: SourceSubject, spec: TaskSpec, engines: Registry) -> Sequence[FileSpec]:
        known = subject.source.describe(spec.source)
        return (known,) if known is not None else await subject.source.resolve(spec, TaskWeb(engines, spec.options))

    def test_it_accepts_what_is_its_own_and_nothing_else(self, subject: SourceSubject) -> None:
        assert subject.source.accepts(subject.text)
        assert not any(map(subject.source.accepts, FOREIGN))
        assert subject.source.name

    def test_it_describes_the_same_the_same(self, subject: SourceSubject) -> None:
        assert subject.source.describe(subject.text) == subject.source.describe(subject.text)

    def test_nonsense_is_refused_before_anybody_is_asked(self, subject: SourceSubject) -> None:
        if subject.nonsense is not None:
            with pytest.raises(UsageError):
                subject.source.describe(subject.nonsense)

    def test_it_takes_the_folder_that_it_is_given_and_opens_no_door(
        self, subject: SourceSubject, tmp_path: Path
    ) -> None:
        assert subject.source.prepare(subject.text, str(tmp_path), TransferOptions())[0] == str(tmp_path)
        guarded = replace(TransferOptions(), public_only=True)
        try:
            _, options = subject.source.prepare(subject.text, str(tmp_path), guarded)
        except UsageError:
            return  # not for everybody
        assert options.public_only

    async def test_its_files_have_urls_and_names_that_stay_in_their_folder(
        self, subject: SourceSubject, spec: TaskSpec, engines: Registry
    ) -> None:
        files = await self.files(subject, spec, engines)
        assert files
        assert all(file.urls for file in files)
        paths = [file.path for file in files if file.path is not None]
        assert paths == ["/".join(safe_path(path)) for path in paths]
        assert len({path.casefold() for path in paths}) == len(paths)
        assert all(file.size is None or file.size >= 0 for file in files)

    async def test_asked_again_it_names_the_same_files(
        self, subject: SourceSubject, spec: TaskSpec, engines: Registry
    ) -> None:
        first = await self.files(subject, spec, engines)
        again = await self.files(subject, spec, engines)
        assert [(file.path, file.size, file.checksum) for file in first] == [
            (file.path, file.size, file.checksum) for file in again
        ]

    async def test_looking_touches_no_disk(self, subject: SourceSubject, spec: TaskSpec, engines: Registry) -> None:
        await self.files(subject, spec, engines)
        assert not Path(spec.directory).exists()  # noqa: ASYNC240 - a test's loop is its own to block

    async def test_what_is_not_wanted_is_left_out(
        self, subject: SourceSubject, spec: TaskSpec, engines: Registry
    ) -> None:
        if subject.unwanted is None:
            return
        every = {file.path for file in await self.files(subject, spec, engines)}
        left = {file.path for file in await self.files(subject, replace(spec, exclude=(subject.unwanted,)), engines)}
        wanted = {file.path for file in await self.files(subject, replace(spec, include=(subject.unwanted,)), engines)}
        assert left < every
        assert every - left <= wanted

    async def test_finishing_may_come_again_after_a_crash(
        self, subject: SourceSubject, spec: TaskSpec, engines: Registry
    ) -> None:
        Path(spec.directory).mkdir()  # noqa: ASYNC240 - likewise
        done = [
            FileState(
                "c" * 32, index, file.urls, file.path or f"file{index}", file.size, file.checksum, FileStatus.DONE,
                published=file.path or f"file{index}",
            )
            for index, file in enumerate(await self.files(subject, spec, engines))
        ]  # fmt: skip
        for state in done:
            place = Path(spec.directory, state.published or "")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()  # noqa: ASYNC240 - likewise
            os.truncate(place, state.size or 0)
        await subject.source.finish(spec, done)
        await subject.source.finish(spec, done)
        opened = subject.source.place(spec, [state.published or "" for state in done])
        assert Path(opened).is_relative_to(spec.directory)
