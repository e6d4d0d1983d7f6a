from __future__ import annotations

import pytest

from argosy.testing.engine import Play, ScriptedEngine
from argosy.testing.engine_contract import EngineContract, Subject


class TestScriptedEngine(EngineContract):
    @pytest.fixture
    def subject(self) -> Subject:
        content = bytes(range(256)) * 1024
        return Subject(ScriptedEngine(Play(content, piece=16 * 1024)), "http://example.org/data.bin", content)
