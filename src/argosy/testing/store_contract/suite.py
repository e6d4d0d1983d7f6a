"""What every theme of the contract starts from: a store, and a rival on the same data."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from argosy.store.port import Store

MakeStore = Callable[[], Store]


class StoreSuite:
    """Stores to test, for each theme of the contract."""

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def make_store(self) -> MakeStore:
        raise NotImplementedError("say how to make a store")

    @pytest_asyncio.fixture
    async def store(self, make_store: MakeStore) -> AsyncIterator[Store]:
        store = make_store()
        await store.open()
        yield store
        await store.close()

    @pytest_asyncio.fixture
    async def rival(self, store: Store, make_store: MakeStore) -> AsyncIterator[Store]:
        """Another store on the same data, as another process has it."""
        rival = make_store()
        await rival.open()
        yield rival
        await rival.close()
