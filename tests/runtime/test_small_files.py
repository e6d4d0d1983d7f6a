"""Small files wait in memory until they are whole, also when they become other files on the way."""

from __future__ import annotations

from typing import Any

import pytest

from argosy.testing.faults import ChangeFile, Cut, after
from argosy.testing.server import Body, FaultyServer


@pytest.mark.parametrize("grown", [60_000, 120_000, 600_000], ids=["smaller", "larger", "too large for memory"])
async def test_a_small_file_that_changes_its_size_on_the_way_arrives_as_the_new_one(
    server: FaultyServer, real: Any, grown: int
) -> None:
    new = Body.generated(grown, seed=2)
    changes = ChangeFile(new, etag="new", when=after(1))
    url = server.add("/a.bin", Body.generated(100_000, seed=1), etag="old", faults=[changes, Cut(50_000, times=1)])

    async with real() as runtime:
        task = await runtime.add(url)
        await task

    assert task.path.read_bytes() == new.read()
