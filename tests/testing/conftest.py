from __future__ import annotations

from collections.abc import Iterator

import pytest

from argosy.testing.server import Body, FaultyServer


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
def body() -> Body:
    return Body.generated(10_000, seed=7)
