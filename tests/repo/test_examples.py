"""Every program under examples/ does what it says, against a server of this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from argosy.testing.faults import Status, Throttle
from argosy.testing.server import Body, FaultyServer

from .checkout import EXAMPLES, LONGEST_S, ROOT, Outside, shown

HERE = ROOT / "examples"
BODY = Body.generated(size=3_000_000, seed=1)
CONTENT = BODY.read(0, BODY.size)
MOST_LINES = 40


def test_one_file_comes_with_its_progress_and_ends_with_its_path(outside: Outside, server: FaultyServer) -> None:
    out = outside.run(HERE / "one_file.py", server.add("/data.bin", BODY))
    assert out == f"{outside.folder / 'data.bin'} {BODY.size}\n"
    assert (outside.folder / "data.bin").read_bytes() == CONTENT


def test_of_many_files_all_but_the_bad_one_come(outside: Outside, server: FaultyServer) -> None:
    urls = [server.add(f"/{n}.bin", BODY) for n in range(4)]
    bad = server.add("/bad.bin", BODY, faults=[Status(404)])
    out = outside.run(HERE / "many_files.py", outside.folder, *urls, bad, code=1)
    assert sorted(path.name for path in outside.folder.iterdir()) == ["0.bin", "1.bin", "2.bin", "3.bin"]
    assert out.count("done") == 4
    assert "http_404" in out


def test_what_is_paused_goes_on_where_it_was(outside: Outside, server: FaultyServer) -> None:
    url = server.add("/data.bin", BODY, faults=[Throttle(1_000_000)])
    out = outside.run(HERE / "pause_and_resume.py", url)
    kept = int(out.split()[1])
    assert BODY.size / 2 < kept < BODY.size
    assert "running -> pausing\npausing -> paused\npaused -> pending" in out
    assert out.rstrip().endswith("completing -> completed")
    assert (outside.folder / "data.bin").read_bytes() == CONTENT
    assert server.bytes_sent() < 1.5 * BODY.size


def test_a_queue_survives_the_death_of_its_process(outside: Outside, server: FaultyServer) -> None:
    urls = [server.add(f"/{n}.bin", BODY, faults=[Throttle(300_000)]) for n in range(5)]
    killed = outside.start(HERE / "durable_queue.py", outside.folder, *urls)
    try:
        server.wait_for_bytes(BODY.size, 30.0)
    finally:
        killed.kill()
        out, _ = killed.communicate()
    assert "new 5 known 0" in out
    before = len(server.requests)
    for n in range(5):
        server.set_faults(f"/{n}.bin")
    again = outside.run(HERE / "durable_queue.py", outside.folder)
    assert "completed 5" in again
    there = {path.name: path.read_bytes() for path in outside.folder.iterdir()}
    assert there == {f"{n}.bin": CONTENT for n in range(5)}
    first_asked = {record.path: record.range for record in reversed(server.requests[before:])}
    assert any(asked and not asked.startswith("bytes=0-") for asked in first_asked.values()), "nothing was gone on with"


def test_limits_hold_and_can_be_lifted(outside: Outside, server: FaultyServer) -> None:
    out = outside.run(HERE / "limits_and_timetable.py", server.add("/data.bin", BODY))
    assert "throttled - throttled to 48.8 KiB/s by the task limit" in out
    assert "\ncancelled " in out
    assert "completed at-full-speed.bin" in out
    assert (outside.folder / "at-full-speed.bin").read_bytes() == CONTENT


def test_a_service_fetches_what_a_program_asks_it_for(outside: Outside, server: FaultyServer) -> None:
    daemon = subprocess.Popen(
        [sys.executable, "-m", "argosy", "serve", "--port", "0", "--allow-network", "127.0.0.0/8"], cwd=outside.folder,
        env={**outside.environment, "ARGOSY_DIRECTORY": str(outside.folder)}, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert daemon.stdout is not None
        assert daemon.stdout.readline().startswith("http://127.0.0.1:")
        urls = server.add("/data.bin", BODY), server.url("/none")
        out = outside.run(HERE / "ask_a_service.py", *urls)
        again = outside.run(HERE / "ask_a_service.py", urls[0])
    finally:
        daemon.terminate()
        daemon.communicate(timeout=LONGEST_S)
    assert f"fetched {outside.folder / 'data.bin'}\n" in out
    assert "failed http_404" in out
    assert "{'completed': 1, 'failed': 1}" in out
    assert str(outside.folder / "data.bin") in again
    assert (outside.folder / "data.bin").read_bytes() == CONTENT


def test_an_engine_of_ones_own_moves_bytes(outside: Outside, tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "data.bin").write_bytes(CONTENT)
    out = outside.run(HERE / "custom_engine" / "download.py", tmp_path / "share", "share:data.bin", outside.folder)
    assert Path(out.strip()).read_bytes() == CONTENT


def test_the_engine_of_ones_own_keeps_the_promises_of_engines(outside: Outside) -> None:
    options = ("-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=--import-mode=prepend", "-q")
    out = outside.run("-m", "pytest", "-c", ROOT / "pyproject.toml", *options, HERE / "custom_engine")
    assert "6 passed" in out


@pytest.mark.parametrize("path", EXAMPLES, ids=shown)
def test_an_example_is_short_and_begins_with_what_it_is_for(path: Path) -> None:
    lines = path.read_text().splitlines()
    code = [line for line in lines if line.strip()]
    assert lines[0].startswith('"""')
    assert len(code) < MOST_LINES


def test_every_example_is_run_here() -> None:
    told = Path(sys.modules[__name__].__file__ or "").read_text()
    assert [path.name for path in EXAMPLES if path.stem not in told and path.parent == HERE] == []
