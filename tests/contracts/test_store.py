"""Every store keeps the port's contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from argosy.store.memory import MemoryStore
from argosy.store.sqlite import SqliteStore
from argosy.testing.store_contract import MakeStore, StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def make_store(self) -> MakeStore:
        only = MemoryStore()
        return lambda: only


class TestSqliteStore(StoreContract):
    """Alone, and with a second store on the same file wherever a test has a rival."""

    @pytest.fixture
    def make_store(self, tmp_path: Path) -> MakeStore:
        return lambda: SqliteStore(tmp_path / "queue.db")
