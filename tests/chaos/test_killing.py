"""The promise, in its short form; `python -m tests.chaos.killing` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.chaos import killing


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_moment_nothing_is_wrong_lost_or_fetched_again_beyond_the_last_flush(
    tmp_path: Path, seed: int
) -> None:
    tally = killing.run(8, seed, tmp_path)

    assert tally.problems == []
    assert tally.wasted <= tally.allowed
