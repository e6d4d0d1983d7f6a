from __future__ import annotations

import shutil
import subprocess

import pytest

from argosy.cli import settings
from argosy.errors import UsageError

from .command import Argosy


def test_config_set_get_list_and_unset_keep_the_rest_of_the_file(argosy: Argosy) -> None:
    file = argosy.home / "config.toml"
    file.write_text("# mine\nretries = 9  # many\n")
    assert argosy("config", "set", "connections", "12").code == 0
    assert argosy("config", "get", "connections").out == "12\n"
    shown = argosy("config", "list", "--json").document["settings"]
    assert shown["connections"] == {"value": 12, "origin": str(file)}
    assert shown["retries"]["value"] == 9
    assert shown["netrc"]["origin"] == "default"
    assert argosy("config", "unset", "connections").code == 0
    assert file.read_text() == "# mine\nretries = 9  # many\n"


def test_config_alone_shows_what_it_can_do(argosy: Argosy) -> None:
    ran = argosy("config")
    assert (ran.code, ran.out) == (2, "")
    assert "Print where the settings" in ran.err
    assert "\\n" not in ran.err


def test_config_list_shows_where_a_value_comes_from(argosy: Argosy) -> None:
    argosy.extra["ARGOSY_RETRIES"] = "1"
    line = next(
        line for line in argosy("config", "list", "--show-origin").out.splitlines() if line.startswith("retries")
    )
    assert "ARGOSY_RETRIES" in line


@pytest.mark.parametrize(
    ("name", "value"), [("conections", "3"), ("connections", "many"), ("if_exists", "burn"), ("retries", "-1")]
)
def test_a_setting_that_makes_no_sense_is_refused_and_the_file_stays(argosy: Argosy, name: str, value: str) -> None:
    ran = argosy("config", "set", name, value)
    assert ran.code == 2
    assert "try: " in ran.err
    assert not (argosy.home / "config.toml").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("connections", "-1"), ("connections", "65"), ("max_running", "-3"), ("port", "99999"), ("history_days", "nan"),
        ("connect_timeout_s", "inf"), ("retries", "1.5"), ("keep_time", "perhaps"), ("rate", "5Q"), ("limit", "22:00 2M"),
        ("window", "99"), ("proxy", "gopher://x"), ("proxy", "http://"), ("webhook_schedule", "abc"), ("allow_network", "here"),
        ("trusted_proxy", "x/y"), ("allow_host", "*"), ("allow_origin", "example.org"), ("public_url", "x"),
        ("on_complete", "notify 'me"), ("notify", "me"), ("user_agent", "a\nb"), ("ca_file", "/no/such/file"),
    ],
)  # fmt: skip
def test_a_value_that_a_setting_cannot_have_is_refused(name: str, value: str) -> None:
    with pytest.raises(UsageError):
        settings.value_of(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("connections", "64"), ("history_days", "0.5"), ("rate", "22:00-07:00 unlimited, else 2M"), ("limit", "2M"),
        ("window", "Mon-Fri 22:00-07:00, Sat-Sun"), ("proxy", "http://me:secret@proxy:1"), ("proxy", "socks5h://[::1]:1080"),
        ("proxy", "proxy.example:3128"), ("webhook_schedule", "0s 5m"), ("allow_network", "192.168.0.0/16, fd00::/8"),
        ("trusted_proxy", "127.0.0.1"), ("allow_host", "downloads.example.org"), ("allow_origin", "https://a.example, https://b.example"),
        ("public_url", "https://downloads.example.org"), ("on_complete", "notify-send Argosy {name}"), ("notify", "ntfy://topic dbus://"),
        ("user_agent", "me/1.0"), ("proxy", ""), ("rate", ""),
    ],
)  # fmt: skip
def test_a_value_that_it_can_have_is_taken(name: str, value: str) -> None:
    assert str(settings.value_of(name, value)) == value


def test_a_broken_settings_file_is_named_and_help_still_works(argosy: Argosy) -> None:
    (argosy.home / "config.toml").write_text("nonsense")
    ran = argosy("get", "http://127.0.0.1:9/a")
    assert ran.code == 2
    assert "config.toml" in ran.err
    assert argosy("get", "--help").code == 0


def test_a_settings_file_is_readable_by_its_owner_alone(argosy: Argosy) -> None:
    argosy("config", "set", "proxy", "http://me:secret@proxy:1")
    assert (argosy.home / "config.toml").stat().st_mode & 0o077 == 0
    assert "secret" not in argosy("config", "list").out + argosy("doctor").out


def test_doctor_says_all_is_well_and_what_it_looked_at(argosy: Argosy) -> None:
    ran = argosy("doctor", "--json")
    assert (ran.code, ran.document["healthy"]) == (0, True)
    names = {check["name"] for check in ran.document["checks"]}
    assert {"argosy", "libcurl", "SQLite", "database", "downloads", "proxy", "certificates", "clock"} <= names


def test_doctor_finds_a_damaged_database(argosy: Argosy) -> None:
    argosy("add", "http://127.0.0.1:9/a")
    (argosy.home / "argosy.db").write_bytes(b"this is no database" * 1000)
    ran = argosy("doctor")
    assert ran.code == 1
    assert "database" in ran.out
    assert "try:" in ran.out


def test_a_damaged_database_is_a_store_error_in_words(argosy: Argosy) -> None:
    (argosy.home / "argosy.db").write_bytes(b"this is no database" * 1000)
    ran = argosy("ls")
    assert ran.code == 8
    assert "Traceback" not in ran.err
    assert argosy("ls", "--json").document["error"]["code"].startswith("store")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_each_shell_gets_a_script_that_asks_argosy(argosy: Argosy, shell: str) -> None:
    ran = argosy("completion", shell)
    assert ran.code == 0
    assert "_ARGOSY_COMPLETE" in ran.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_valid_for_its_shell(argosy: Argosy, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = argosy("completion", shell).out
    subprocess.run([shell, "-n"], input=script, text=True, check=True, capture_output=True)


def test_verbs_and_ids_are_completed(argosy: Argosy) -> None:
    task_id = argosy("add", "http://127.0.0.1:9/file.iso").out.strip()
    argosy.extra.update({"_ARGOSY_COMPLETE": "bash_complete", "COMP_WORDS": "argosy pau", "COMP_CWORD": "1"})
    assert argosy().out.split(",")[1].strip() == "pause"
    argosy.extra.update({"COMP_WORDS": f"argosy pause {task_id[:3]}", "COMP_CWORD": "2"})
    assert argosy().out.strip() == f"plain,{task_id[:8]}"


def test_an_empty_catalogue_of_models_is_told_with_its_place(argosy: Argosy) -> None:
    ran = argosy("models")
    assert (ran.code, ran.out) == (0, "")
    assert f"no file {argosy.home}/models.toml" in ran.err
    (argosy.home / "mine.toml").write_text("")
    argosy.extra["ARGOSY_MODELS"] = str(argosy.home / "mine.toml")
    assert f"no model is in {argosy.home}/mine.toml" in argosy("models").err
