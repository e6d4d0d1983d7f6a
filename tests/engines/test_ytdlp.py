"""Video pages: the contract of every engine, and what is special about a program that we do not trust."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from argosy import Request, Runtime
from argosy.core.lifecycle import Stop
from argosy.core.redact import redacted_url
from argosy.core.types import FileState, Status, TransferOptions
from argosy.destinations.flusher import Flusher
from argosy.destinations.local import LocalDestination
from argosy.engines.curl import CurlEngine
from argosy.engines.hls.engine import HlsEngine
from argosy.engines.port import Cancelled
from argosy.engines.registry import Registry
from argosy.engines.ytdlp import link, naming
from argosy.engines.ytdlp.engine import YtdlpEngine
from argosy.engines.ytdlp.failure import failure_of
from argosy.engines.ytdlp.link import Link
from argosy.engines.ytdlp.order import check_version, listing
from argosy.errors import ArgosyError, BadResponse, LocalError, ServerRefused, UsageError
from argosy.testing.engine_contract import EngineContract, RecordingDesk, Subject
from argosy.testing.poll import until
from argosy.testing.server import FaultyServer

from . import videos

CONTENT = bytes(range(256)) * 2048
TASK = "e" * 32
PLAIN = TransferOptions()


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return videos.made(tmp_path_factory.mktemp("films"))


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
async def destination(tmp_path: Path) -> AsyncIterator[LocalDestination]:
    executor = ThreadPoolExecutor(2)
    yield LocalDestination(str(tmp_path / "downloads"), flusher=Flusher(executor), executor=executor)
    executor.shutdown()


@pytest.fixture
async def engine() -> AsyncIterator[YtdlpEngine]:
    curl = CurlEngine()
    yield YtdlpEngine(curl, HlsEngine(curl))
    await curl.close()


class TestYtdlpEngine(EngineContract):
    @pytest.fixture
    def subject(self, server: FaultyServer, engine: YtdlpEngine) -> Subject:
        server.add("/a.mp4", CONTENT, content_type="video/mp4")
        return Subject(engine, "video:" + videos.page(server, "/a.mp4"), CONTENT)


async def only(engine: YtdlpEngine, url: str, options: TransferOptions = PLAIN) -> dict[str, str]:
    """Return what is listed of the page's one file."""
    (told,) = json.loads(await engine.read(f"video:{url}", options, 1_000_000))
    assert isinstance(told, dict)
    return told


async def dash(engine: YtdlpEngine, server: FaultyServer, films: Path) -> FileState:
    """Return a file that only yt-dlp can fetch, as nothing of it has come."""
    videos.offer(server, films)
    told = await only(engine, videos.page(server, videos.DASH))
    found = link.parse(told["url"])
    assert found is not None
    assert (found.how, found.format) == ("fetch", "0+1")
    return FileState(TASK, 0, (told["url"],), path=told["path"])


def workshops(destination: LocalDestination) -> list[Path]:
    return list(Path(destination.directory).glob(".*.work"))


# -- what only yt-dlp can fetch ------------------------------------------------------------------------


async def test_picture_and_sound_that_come_apart_are_joined(
    engine: YtdlpEngine, server: FaultyServer, films: Path, destination: LocalDestination, tmp_path: Path
) -> None:
    state = await dash(engine, server, films)
    desk = RecordingDesk(destination, PLAIN)
    fetched = await engine.fetch(state, PLAIN, desk)
    (tmp_path / "film.mp4").write_bytes(desk.parts[-1].read(0, fetched.received + 1))
    desk.close()
    assert videos.streams(tmp_path / "film.mp4") == ["audio", "video"]
    assert fetched.size == fetched.received == (tmp_path / "film.mp4").stat().st_size
    assert fetched.urls == state.urls
    assert fetched.memo is None
    assert desk.reports == sorted(desk.reports)
    assert desk.reports[-1] > 100_000
    assert workshops(destination) == []


async def test_paused_in_the_middle_it_goes_on_with_what_is_there(
    engine: YtdlpEngine, server: FaultyServer, films: Path, destination: LocalDestination, tmp_path: Path
) -> None:
    state = await dash(engine, server, films)
    first = RecordingDesk(destination, PLAIN, stop_after=200_000, limit_bps=200_000)
    with pytest.raises(Cancelled):
        await engine.fetch(state, PLAIN, first)
    first.close()
    assert len(workshops(destination)) == 1
    had = {record.path for record in server.requests if record.path.endswith(".m4s")}
    before = len(server.requests)
    assert len(had) > 2
    second = RecordingDesk(destination, PLAIN)
    fetched = await engine.fetch(await destination.adopt(first.states[-1]), PLAIN, second)
    again = [record.path for record in server.requests[before:] if record.path in had]
    assert len(again) <= 3  # what was under way, and the two beginnings
    (tmp_path / "film.mp4").write_bytes(second.parts[-1].read(0, fetched.received + 1))
    second.close()
    assert videos.streams(tmp_path / "film.mp4") == ["audio", "video"]
    assert second.warnings == []


async def test_cancelled_it_leaves_nothing_beside_the_part(
    engine: YtdlpEngine, server: FaultyServer, films: Path, destination: LocalDestination
) -> None:
    state = await dash(engine, server, films)
    desk = RecordingDesk(destination, PLAIN, limit_bps=100_000)
    fetching = asyncio.create_task(engine.fetch(state, PLAIN, desk))
    await until(lambda: bool(desk.reports), 30)
    desk.cancel.set(Stop.CANCEL)
    with pytest.raises(Cancelled):
        await fetching
    desk.close()
    assert workshops(destination) == []


async def test_discarding_a_paused_file_removes_what_is_beside_it(
    engine: YtdlpEngine, server: FaultyServer, films: Path, destination: LocalDestination
) -> None:
    state = await dash(engine, server, films)
    desk = RecordingDesk(destination, PLAIN, stop_after=100_000, limit_bps=200_000)
    with pytest.raises(Cancelled):
        await engine.fetch(state, PLAIN, desk)
    desk.close()
    await destination.discard([desk.states[-1]])
    assert list(Path(destination.directory).iterdir()) == []


async def test_another_video_in_its_place_is_not_taken_for_it(
    engine: YtdlpEngine, server: FaultyServer, films: Path, destination: LocalDestination
) -> None:
    state = await dash(engine, server, films)
    other = state.having(urls=(state.urls[0].replace("video=page-1", "video=page-7"),))
    desk = RecordingDesk(destination, PLAIN)
    with pytest.raises(BadResponse, match="another video"):
        await engine.fetch(other, PLAIN, desk)
    desk.close()


async def test_a_rate_limit_holds_for_what_yt_dlp_fetches(
    engine: YtdlpEngine, server: FaultyServer, films: Path, destination: LocalDestination
) -> None:
    state = await dash(engine, server, films)
    desk = RecordingDesk(destination, PLAIN, limit_bps=250_000)
    began = time.monotonic()
    fetched = await engine.fetch(state, PLAIN, desk)
    desk.close()
    assert time.monotonic() - began > 0.5 * fetched.received / 250_000


# -- what goes out -------------------------------------------------------------------------------------


async def test_the_site_gets_what_it_wants_and_other_hosts_get_no_cookie(
    engine: YtdlpEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    options = TransferOptions(cookie="id=s3cret", user_agent="somebody/1.0")
    with FaultyServer(name="localhost") as elsewhere:
        far = elsewhere.add("/far.mp4", CONTENT, content_type="video/mp4")
        server.add("/near.mp4", CONTENT, content_type="video/mp4")
        page = videos.page(server, far, "/near.mp4")
        for told in json.loads(await engine.read(f"video:{page}", options, 1_000_000)):
            desk = RecordingDesk(destination, options)
            await engine.fetch(FileState(TASK, 0, (told["url"],), path=told["path"]), options, desk)
            desk.close()
        near, away = server.requests_to("/near.mp4")[-1], elsewhere.requests[-1]
        assert server.requests_to("/page.html")[0].header("cookie") == "id=s3cret"
        assert near.header("cookie") == "id=s3cret"
        assert near.header("referer") == away.header("referer") == page
        assert near.header("user-agent") == away.header("user-agent") == "somebody/1.0"
        assert away.header("cookie") is None


async def test_no_secret_is_among_the_words_that_ps_shows(engine: YtdlpEngine, server: FaultyServer) -> None:
    server.add("/a.mp4", CONTENT, content_type="video/mp4")
    page = videos.page(server, "/a.mp4")
    listed = asyncio.create_task(
        only(engine, f"{page}?key=s3cret", TransferOptions(cookie="a=s3cret", user="a:s3cret"))
    )
    try:
        await until(lambda: _workers(os.getpid()) != [], 10)
        words = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in _workers(os.getpid()))
        assert b"argosy.engines.ytdlp.worker" in words
        assert b"s3cret" not in words
    finally:
        await asyncio.gather(listed, return_exceptions=True)


def test_a_header_that_cannot_be_kept_to_its_host_is_refused() -> None:
    with pytest.raises(UsageError, match="Authorization"):
        listing("https://h/p", TransferOptions(headers=(("Authorization", "Bearer s3cret"),)), alone=True)


async def test_a_task_of_somebody_else_is_refused(engine: YtdlpEngine) -> None:
    registry = Registry([engine])
    for url in ("video:https://h/p", "video+https://h/p#video&how=fetch"):
        assert registry.engine_for(url) is engine
        with pytest.raises(UsageError, match="private addresses"):
            registry.engine_for(url, public_only=True)


# -- what comes back -----------------------------------------------------------------------------------


async def test_a_page_that_is_gone_says_so(engine: YtdlpEngine, server: FaultyServer) -> None:
    with pytest.raises(ServerRefused) as failure:
        await only(engine, server.url("/gone.html"))
    assert failure.value.detail_code == "http_404"


async def test_a_page_without_a_video_says_so(engine: YtdlpEngine, server: FaultyServer) -> None:
    with pytest.raises(BadResponse) as failure:
        await only(engine, videos.page(server))
    assert failure.value.detail_code == "no_video"


async def test_several_videos_are_no_single_file(
    engine: YtdlpEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    server.add("/a.mp4", CONTENT, content_type="video/mp4")
    page = videos.page(server, "/a.mp4", "/a.mp4?2")
    desk = RecordingDesk(destination, PLAIN)
    with pytest.raises(UsageError, match="several"):
        await engine.fetch(FileState(TASK, 0, (page,)), PLAIN, desk)
    desk.close()


@pytest.mark.parametrize(
    "title",
    [
        "../../evil",
        "/etc/passwd",
        "a\\..\\b",
        "CON",
        "&#0;&#10;x&#8238;gpj.exe",
        "-rf --exec id",
        "%(id)s" * 60,
        "💾" * 200,
    ],
)
def test_no_title_leaves_its_folder(title: str) -> None:
    path = naming.path_of(title, "x/../y", "mp4")
    assert path.endswith(".mp4")
    assert not {"/", "\\", "\n", "\0"} & set(path)
    assert not path.startswith(".")
    assert len(path.encode()) < 255
    assert "x_.._y" in path


@pytest.mark.parametrize("ending", ["exe", "desktop", "url", "webloc", "lnk", "sh", "html", "mp4/../../x", "MP4.EXE"])
def test_what_is_no_video_is_not_taken_for_one(ending: str) -> None:
    with pytest.raises(BadResponse):
        naming.ending_of(ending)


@pytest.mark.parametrize(
    "kind",
    [
        "login",
        "geo",
        "drm",
        "gone",
        "none",
        "format",
        "network",
        "tls",
        "live",
        "program",
        "joining",
        "disk",
        "disk_full",
        "many",
        "changed",
        "new",
    ],
)
def test_every_kind_of_failure_is_an_error_that_says_what_yt_dlp_said(kind: str) -> None:
    error = failure_of(
        {"kind": kind, "message": "\x1b[31mERROR:\x1b[0m it said https://u:s3cret@h/\n; please report this issue on x"}
    )
    assert isinstance(error, ArgosyError)
    assert "s3cret" not in error.message
    assert "report this" not in error.message
    assert error.message.isprintable()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Sign in to confirm you're not a bot. Use --cookies", "login"), ("This video is only for members-only", "login"),
        ("The uploader has not made this video available in your country", "geo"), ("Requested format is not available", "format"),
        ("ffmpeg is not installed. Aborting", "program"), ("This video is DRM protected", "drm"), ("Video unavailable", "gone"),
        ("Unsupported URL: http://h/", "none"),
    ],
)  # fmt: skip
def test_what_yt_dlp_says_is_a_kind_of_failure(said: str, kind: str) -> None:
    trouble = pytest.importorskip("argosy.engines.ytdlp.worker.trouble")
    from yt_dlp.utils import DownloadError  # noqa: PLC0415 - an extra

    assert trouble.trouble_of(DownloadError(f"ERROR: {said}"))["kind"] == kind


@pytest.mark.parametrize("version", ["2026.06.09", "2024.12.31", "2026.7.3", "", "unknown"])
def test_a_version_with_known_holes_is_not_used(version: str) -> None:
    with pytest.raises(UsageError) as failure:
        check_version(version)
    assert failure.value.detail_code == "outdated_program"


def test_newer_versions_are_used() -> None:
    for version in ("2026.07.04", "2026.7.4", "2026.10.26", "2027.1.1.dev0"):
        check_version(version)


def test_a_link_comes_back_as_it_was_and_shows_no_secret() -> None:
    whole = Link(
        "file", "https://h/f.mp4?sig=s3cret&n=1", "id#&=", "137+140", 3, "pt-BR", own=True,
        headers=(("Referer", "https://h/?a=b#c"), ("Authorization", "Bearer s3cret")), cookie="a=s3cret; b=c", fragment="!/x",
    )  # fmt: skip
    assert link.parse(whole.text()) == whole
    assert "s3cret" not in redacted_url(whole.text())


# -- the other process ---------------------------------------------------------------------------------


def impostor(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Have the worker find another yt_dlp than the real one."""
    (folder / "fake" / "yt_dlp").mkdir(parents=True)
    (folder / "fake" / "yt_dlp" / "__init__.py").write_text(text)
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(filter(None, (str(folder / "fake"), os.environ.get("PYTHONPATH"))))
    )


async def test_one_that_floods_stderr_and_dies_is_understood(
    engine: YtdlpEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impostor(
        tmp_path,
        monkeypatch,
        "import os, sys\nfor _ in range(400): sys.stderr.write('x' * 99_999 + '\\n')\nsys.stderr.write('last words\\n')\nsys.stderr.flush()\nos._exit(7)\n",
    )
    with pytest.raises(LocalError) as failure:
        await engine.read("video:https://h/p", PLAIN, 1000)
    assert failure.value.detail_code == "program_died"
    assert "last words" in failure.value.message


async def test_one_that_hangs_and_heeds_no_signal_is_ended(
    engine: YtdlpEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impostor(
        tmp_path,
        monkeypatch,
        f"import signal, time, pathlib\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\npathlib.Path({str(tmp_path / 'up')!r}).touch()\ntime.sleep(600)\n",
    )
    reading = asyncio.create_task(engine.read("video:https://h/p", PLAIN, 1000))
    await until((tmp_path / "up").exists, 10)
    (pid,) = _workers(os.getpid())
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert not Path(f"/proc/{pid}/exe").exists()


async def test_no_plugin_and_no_settings_file_is_heeded(
    engine: YtdlpEngine, server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.add("/a.mp4", CONTENT, content_type="video/mp4")
    canary = f"import pathlib\npathlib.Path({str(tmp_path / 'caught')!r}).touch()\n"
    for below in (
        "plugins/yt_dlp_plugins/extractor",
        "home/.config/yt-dlp/plugins/p/yt_dlp_plugins/extractor",
        "cwd/yt_dlp_plugins/extractor",
    ):
        (tmp_path / below).mkdir(parents=True)
        (tmp_path / below / "evil.py").write_text(canary)
    for name in ("argosy", "yt_dlp"):
        (tmp_path / "cwd" / f"{name}.py").write_text(canary)
    for place in ("cwd/yt-dlp.conf", "home/.config/yt-dlp/config", "home/yt-dlp.conf"):
        (tmp_path / place).write_text(f"--exec 'before_dl:touch {tmp_path / 'caught'}'\n--write-info-json\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path / "plugins"), os.environ.get("PYTHONPATH"))))
    )
    monkeypatch.chdir(tmp_path / "cwd")
    assert (await only(engine, videos.page(server, "/a.mp4")))["path"].endswith(".mp4")
    assert not (tmp_path / "caught").exists()


CHILD = """
import asyncio, sys
from argosy import Request, Runtime, TransferOptions
async def main(home, url):
    async with Runtime(home, directory=home) as runtime:
        await runtime.add_many([Request(url, options=TransferOptions(limit_bps=60_000))])
        await runtime.idle()
asyncio.run(main(*sys.argv[1:]))
"""


async def test_after_a_kill_no_yt_dlp_is_left_and_the_next_run_goes_on(
    server: FaultyServer, films: Path, tmp_path: Path
) -> None:
    videos.offer(server, films)
    url = "video:" + videos.page(server, videos.DASH)
    home = tmp_path / "home"
    first = subprocess.Popen([sys.executable, "-c", CHILD, str(home), url], env={**os.environ})
    try:
        await until(lambda: any(path.stat().st_size for path in home.glob(".*.work/*/media.*")), 60)
        await until(lambda: any(record.path.endswith("1.m4s") for record in server.requests), 10)
        ours = _workers(first.pid)
        assert ours
    finally:
        first.kill()
        first.wait()
    await until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in ours), 10)
    async with Runtime(home, directory=home) as runtime:
        (task,) = await runtime.add_many([Request(url)])
        done = await task
    assert done.status is Status.COMPLETED
    assert videos.streams(task.path) == ["audio", "video"]
    assert [path.name for path in home.iterdir() if path.name.startswith(".")] == []


def _workers(pid: int) -> list[int]:
    """Return the processes that ``pid`` has started and that are ours to talk with."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == pid and b"argosy.engines.ytdlp.worker" in words:
            found.append(int(folder.name))
    return found
