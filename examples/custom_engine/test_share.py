"""Does the engine keep its promises? ``pytest examples/custom_engine`` (with pytest-asyncio in its ``auto`` mode)."""

from __future__ import annotations

from pathlib import Path

import pytest
from share import ShareEngine

from argosy.testing.engine_contract import EngineContract, Subject


class TestShareEngine(EngineContract):  # noqa: D101 - the promises are those of the contract
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        content = bytes(range(256)) * 2048
        (tmp_path / "runs").mkdir()
        (tmp_path / "runs" / "data.bin").write_bytes(content)
        return Subject(ShareEngine(tmp_path), "share:runs/data.bin", content)
