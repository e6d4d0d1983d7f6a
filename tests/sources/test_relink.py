"""Links that expire while they are used: the source is asked again, and nothing that came is fetched twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from argosy import Request, Runtime, TransferOptions
from argosy.core.types import FileSpec, Status, TaskSpec
from argosy.errors import ArgosyError
from argosy.sources.port import Plain, Web
from argosy.sources.registry import SourceRegistry
from argosy.testing.faults import Cut
from argosy.testing.faults import Status as Answers
from argosy.testing.server import FaultyServer

CONTENT = bytes(range(256)) * 8192


class Signing(Plain):
    """Gives out links that are numbered; each is another path to the same bytes."""

    name = "signing"

    def __init__(self, server: FaultyServer) -> None:
        self._server = server
        self.given = 0

    def accepts(self, text: str) -> bool:
        return text.startswith("signed:")

    def describe(self, text: str) -> FileSpec | None:
        return None

    async def resolve(self, spec: TaskSpec, web: Web) -> Sequence[FileSpec]:
        self.given += 1
        return [FileSpec((self._server.url(f"/{self.given}/{name}"),), name) for name in ("a.bin", "b.bin")]


async def run(source: Signing, folder: Path, **options: object) -> dict[str, bytes]:
    sources = SourceRegistry([source])
    async with Runtime(folder / "home", directory=folder / "out", sources=sources) as runtime:
        (task,) = await runtime.add_many([Request("signed:x", options=TransferOptions(connections=1), max_retries=1)])
        done = await task
        assert done.status is Status.COMPLETED
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_link_that_expires_in_the_middle_is_renewed_and_goes_on(tmp_path: Path, status: int) -> None:
    with FaultyServer() as server:
        for name in ("a.bin", "b.bin"):
            server.add(
                f"/1/{name}",
                CONTENT,
                faults=[Answers(status, when=lambda request: request.number > 1), Cut(after_bytes=1_000_000)],
            )
            server.add(f"/2/{name}", CONTENT)
        source = Signing(server)
        assert await run(source, tmp_path) == {"a.bin": CONTENT, "b.bin": CONTENT}
        assert source.given == 2
        assert all((record.range or "bytes=0-") != "bytes=0-" for record in server.requests_to("/2/a.bin"))


async def test_links_that_are_refused_for_good_fail_as_they_are(tmp_path: Path) -> None:
    with FaultyServer() as server:
        source = Signing(server)
        with pytest.raises(ArgosyError) as failure:
            await run(source, tmp_path)
        assert "404" in failure.value.message or "files" in failure.value.message
