"""What is sent is never a program's option: not by its name, not by how it begins, and not by a pattern that takes for ever."""

from __future__ import annotations

import inspect
import re
import time

import pytest
import yt_dlp

from argosy.service.asking.form import Options

from .daemon import Daemon

URL = "http://127.0.0.1:9/x"
YTDLP = sorted(
    set(re.findall(r"^ *(\w+): ", inspect.getdoc(yt_dlp.YoutubeDL) or "", re.MULTILINE))
    | {"exec", "exec_before_download", "postprocessors", "external_downloader", "config_location", "plugin_dirs", "netrc_cmd"}
)  # fmt: skip
WGET = ["use_askpass", "post_file", "input_file", "execute", "config", "output_document", "body_file"]


def test_no_option_of_a_program_can_be_sent_but_those_that_are_ours(service: Daemon) -> None:
    """CVE-2026-50574, metube #950: whatever such a program can be made to run, it must be named to it first."""
    names = [name for name in (*YTDLP, *WGET) if name not in Options.model_fields]
    assert len(names) > 50
    canary = [{"key": "Exec", "exec_cmd": f"touch {service.folder}/canary"}]
    sent = {"tasks": [{"source": URL, "engine": "ytdlp", "options": {name: canary}} for name in names]}
    for path, content in (("/v1/tasks", sent), ("/v1/probe", sent["tasks"][0])):
        answer = service.request("POST", path, content)
        assert answer.status == 422
        assert f"/options/{names[0]}" in answer.json()["errors"][0]["pointer"]
    pointed = {
        each["pointer"].rpartition("/")[2] for each in service.request("POST", "/v1/tasks", sent).json()["errors"]
    }
    assert pointed == set(names[:100])
    assert not (service.folder / "canary").exists()


@pytest.mark.parametrize(
    "text", ["-o/etc/passwd", "--exec=id", "@/etc/passwd", "http://h/\n--exec=id", "\u2010-exec", "file:///etc/passwd"]
)
def test_what_looks_like_an_option_is_no_source(service: Daemon, text: str) -> None:
    for path, sent in (
        ("/v1/tasks", {"source": text}),
        ("/v1/download/initiate", {"urls": [text]}),
        ("/v1/probe", {"source": text}),
    ):
        answer = service.request("POST", path, sent)
        assert (path, answer.status) == (path, 422)
    assert service.request("GET", "/v1/stats").json()["total"] == 0


def test_a_pattern_that_could_be_tried_in_endless_ways_holds_nobody_up(service: Daemon) -> None:
    files = [{"urls": [f"{URL}/{n}"], "path": "a" * 200 + f"{n}.bin"} for n in range(200)]
    began = time.monotonic()
    answer = service.request(
        "POST",
        "/v1/tasks",
        {"files": files, "include": ["*a" * 100 + "b", "**/" * 100 + "b", "[a" * 100], "paused": True},
    )
    assert answer.status in (202, 422)
    assert service.request("GET", "/v1/session").status == 200
    assert time.monotonic() - began < 10


def test_ids_are_of_128_bits_of_chance(service: Daemon) -> None:
    made = service.request(
        "POST", "/v1/tasks", {"tasks": [{"source": f"{URL}/{n}", "paused": True} for n in range(64)]}
    ).json()
    ids = [each["task"]["id"] for each in made["tasks"]]
    ids += [service.request("POST", "/v1/download/initiate", {"urls": [URL]}).json()["job_id"] for _ in range(16)]
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)
    for place in range(32):
        assert len({each[place] for each in ids}) > 4, "a digit that hardly changes can be guessed"
