from __future__ import annotations

from pathlib import Path

import pytest

from argosy import config
from argosy.errors import UsageError


def test_defaults_then_file_then_environment_then_flags(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('max_running = 5\nconnections = 4\nif_exists = "skip"\nrate = "2M"\n')
    loaded = config.load(tmp_path, {"ARGOSY_CONNECTIONS": "6", "ARGOSY_IF_EXISTS": "fail"}).with_flags(
        if_exists="newer"
    )
    assert (loaded["retries"], loaded.origins["retries"]) == (5, "default")
    assert (loaded["max_running"], loaded.origins["max_running"]) == (5, str(tmp_path / "config.toml"))
    assert (loaded["connections"], loaded.origins["connections"]) == (6, "ARGOSY_CONNECTIONS")
    assert (loaded["if_exists"], loaded.origins["if_exists"]) == ("newer", "flag")
    assert loaded.limits().max_running == 5
    assert loaded.limits().rate == "2M"
    assert loaded.options().connections == 6


def test_argosy_home_moves_everything_into_one_folder(tmp_path: Path) -> None:
    place = config.home(None, {"ARGOSY_HOME": str(tmp_path)})
    files = [place.database, place.token, place.config_file, place.log_file]
    assert {path.parent for path in files} == {tmp_path}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max_runing = 3", "max_runing"),
        ('max_running = "many"', "max_running"),
        ('if_exists = "explode"', "if_exists"),
        ("max_running = ", "config.toml"),
        ("keep_time = 3.5", "keep_time"),
        ("connections = 65", "connections"),
        ("history_days = nan", "history_days"),
    ],
)
def test_what_makes_no_sense_is_refused_and_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(UsageError, match=said):
        config.load(tmp_path, {})
