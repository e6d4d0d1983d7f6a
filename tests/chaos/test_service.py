"""What the service promises, in its short form; `python -m tests.chaos.service` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.chaos import service


@pytest.mark.timeout(300)
def test_killed_at_any_moment_the_service_forgets_nothing_and_tells_every_end_under_one_id(tmp_path: Path) -> None:
    tally = service.run(5, 1, tmp_path)

    assert tally.problems == []
    assert tally.orders > 5
    assert tally.heard > 0
