"""Picture, sound and subtitles: what a stream becomes, and that nothing is lost while it is made into a file."""

from __future__ import annotations

import asyncio
import sys
import threading
from dataclasses import replace
from pathlib import Path

import av
import pytest

from argosy import Request, Runtime, TaskHandle
from argosy.core.types import FileState, Task, TransferOptions
from argosy.destinations.local import LocalDestination
from argosy.engines.hls import memo
from argosy.engines.hls.engine import HlsEngine
from argosy.engines.hls.frames import Reel, framed, stretches
from argosy.engines.hls.memo import Stage
from argosy.engines.hls.mux import NotMuxed, mux, sniffed
from argosy.engines.hls.vtt import Joiner
from argosy.errors import ArgosyError, UsageError
from argosy.testing.engine_contract import RecordingDesk
from argosy.testing.faults import Status as Answers
from argosy.testing.server import FaultyServer

from .stream import PLAIN, TASK, Stream, brought, probed

USUAL = TransferOptions(connections=3)
TEXTS = "".join(f"#EXTINF:1,\ns{n}.vtt\n" for n in range(3))


def offer(server: FaultyServer, picture: Stream, sound: Stream) -> str:
    """Put a stream on the server whose sound and subtitles are apart, and return its URL."""
    picture.offer(server, "/v")
    sound.offer(server, "/a")
    for number in range(3):
        cue = f"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:126000,LOCAL:00:00:00.000\n\n00:0{number}.000 --> 00:0{number}.900\nline {number}\n"
        server.add(f"/t/s{number}.vtt", cue.encode())
    server.add("/t/index.m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{TEXTS}#EXT-X-ENDLIST\n".encode())
    master = (
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",LANGUAGE="en",DEFAULT=YES,URI="a/index.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Deutsch",LANGUAGE="de",URI="a/index.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="English",LANGUAGE="en",URI="t/index.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=160x90,AUDIO="a",SUBTITLES="s"\nv/index.m3u8\n'
    )
    return server.add("/film.m3u8", master.encode())


@pytest.fixture
def film(server: FaultyServer, picture: Stream, sound: Stream) -> str:
    return offer(server, picture, sound)


async def done(
    tmp_path: Path, url: str, options: TransferOptions = USUAL, name: str | None = None
) -> tuple[TaskHandle, Task]:
    """Return the finished task; its files are verified."""
    async with Runtime(tmp_path / "home", directory=tmp_path / "out") as runtime:
        (handle,) = await runtime.add_many([Request(url, options=options, name=name)])
        task = await handle
        assert (await runtime.verify(task.id)).ok
        for file in await runtime.files(task.id):
            assert (tmp_path / "out" / (file.published or "")).stat().st_size == file.size
    return handle, task


def names(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "out").iterdir())


# -- what a stream becomes -----------------------------------------------------------------------------


async def test_picture_and_sound_that_are_apart_become_one_film_and_the_subtitles_lie_beside_it(
    film: str, tmp_path: Path
) -> None:
    await done(tmp_path, film, replace(USUAL, subtitles=("en",)))
    assert names(tmp_path) == ["film.en.vtt", "film.mp4"]
    assert probed(tmp_path / "out/film.mp4") == {"h264": 80, "aac": 346}
    text = (tmp_path / "out/film.en.vtt").read_text()
    assert text.count("WEBVTT") == 1
    assert [line for line in text.splitlines() if line.startswith("line")] == ["line 0", "line 1", "line 2"]


async def test_all_languages_become_tracks_of_the_film(film: str, tmp_path: Path) -> None:
    await done(tmp_path, film, replace(USUAL, languages=("all",)))
    assert names(tmp_path) == ["film.mp4"]
    assert len(await asyncio.to_thread(streams_of, tmp_path / "out/film.mp4")) == 3


def streams_of(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [stream.type for stream in container.streams]


async def test_unjoined_each_track_is_a_file(film: str, tmp_path: Path, picture: Stream, sound: Stream) -> None:
    await done(tmp_path, film, replace(PLAIN, join=False, languages=("de",)), name="night.ts")
    assert names(tmp_path) == ["night.de.aac", "night.ts"]
    assert (tmp_path / "out/night.ts").read_bytes() == picture.whole()
    assert (tmp_path / "out/night.de.aac").read_bytes() == sound.whole()


async def test_without_the_library_that_joins_each_track_is_a_file_as_it_came(
    film: str, tmp_path: Path, picture: Stream, sound: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    await done(tmp_path, film)
    assert (tmp_path / "out/film.ts").read_bytes() == picture.whole()
    assert (tmp_path / "out/film.en.aac").read_bytes() == sound.whole()


async def test_a_film_that_was_begun_with_that_library_says_what_is_missing_and_keeps_what_came(
    engine: HlsEngine, film: str, destination: LocalDestination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    desk = RecordingDesk(destination, USUAL)
    with pytest.raises(UsageError, match="PyAV") as failure:
        await engine.fetch(FileState(TASK, 0, (f"hls:{film}#video=1&audio=English",)), USUAL, desk)
    desk.close()
    assert failure.value.hint == "pip install 'argosy[media]'"
    here = memo.parse(desk.states[-1].memo)
    assert here is not None
    assert (here.stage, here.at) == (Stage.WHOLE, desk.states[-1].received)


async def test_without_a_language_that_is_there_the_default_one_comes(film: str, tmp_path: Path) -> None:
    await done(tmp_path, film, replace(PLAIN, join=False, languages=("fr",)))
    assert names(tmp_path) == ["film.en.aac", "film.ts"]


async def test_a_stream_with_its_sound_in_it_is_one_file_of_every_frame(
    modern: Stream, server: FaultyServer, tmp_path: Path
) -> None:
    _, task = await done(tmp_path, modern.offer(server, "/night"))
    assert task.name == "night.mp4"
    assert names(tmp_path) == ["night.mp4"]
    assert probed(tmp_path / "out/night.mp4") == {"h264": 80, "aac": 346}


async def test_a_stream_at_an_address_that_does_not_show_it_needs_the_prefix(
    plain: Stream, server: FaultyServer, tmp_path: Path
) -> None:
    plain.offer(server)
    server.add("/s/play", (plain.folder / "index.m3u8").read_bytes())
    await done(tmp_path, f"hls:{server.url('/s/play')}?id=3", PLAIN)
    assert (tmp_path / "out/play.ts").read_bytes() == plain.whole()


async def test_what_does_not_go_into_an_mp4_stays_as_it_came(server: FaultyServer, tmp_path: Path) -> None:
    server.add("/s/a.ts", b"no transport stream" * 1000)
    url = server.add("/s/odd.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n")
    await done(tmp_path, url)
    assert names(tmp_path) == ["odd.ts"]
    assert (tmp_path / "out/odd.ts").read_bytes() == b"no transport stream" * 1000


async def test_damage_to_a_film_is_repaired(film: str, tmp_path: Path) -> None:
    handle, _ = await done(tmp_path, film)
    path = tmp_path / "out/film.mp4"
    whole = path.read_bytes()
    path.write_bytes(whole[:5000] + b"damage" + whole[5006:])
    async with Runtime(tmp_path / "home", directory=tmp_path / "out") as runtime:
        assert not (await runtime.verify(handle.id)).ok
        assert (await runtime.verify(handle.id, repair=True)).ok
    assert path.read_bytes() == whole


async def test_a_variant_that_is_dead_gives_way_to_the_next_best(
    engine: HlsEngine, plain: Stream, ranged: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    plain.offer(server, "/low")
    ranged.offer(server, "/high")
    server.set_faults("/high/index.m3u8", Answers(404))
    master = (
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1x360\nlow/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=9,RESOLUTION=1x720\nhigh/index.m3u8\n"
    )
    data, desk = await brought(engine, server.add("/m.m3u8", master.encode()), destination)
    assert data == plain.whole()
    assert desk.warnings == ["variant_failed"]
    server.set_faults("/low/index.m3u8", Answers(404))
    with pytest.raises(ArgosyError, match="404"):
        await brought(engine, server.url("/m.m3u8"), destination)


async def test_a_group_of_sound_that_is_missing_is_no_hindrance(
    plain: Stream, server: FaultyServer, tmp_path: Path
) -> None:
    plain.offer(server)
    url = server.add("/m.m3u8", b'#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="none"\ns/index.m3u8\n')
    await done(tmp_path, url, PLAIN)
    assert (tmp_path / "out/m.ts").read_bytes() == plain.whole()


async def test_a_stream_whose_address_has_expired_goes_on_from_a_new_one(
    plain: Stream, server: FaultyServer, tmp_path: Path
) -> None:
    plain.offer(server)
    server.set_faults("/s/seg005.ts", Answers(403))
    async with Runtime(tmp_path / "home", directory=tmp_path / "out") as runtime:
        (handle,) = await runtime.add_many([Request(server.url("/s/index.m3u8"), options=PLAIN, max_retries=0)])
        with pytest.raises(ArgosyError, match="403"):
            await handle
        server.set_faults("/s/index.m3u8", Answers(403))
        plain.offer(server, "/fresh")
        with pytest.raises(UsageError):
            await runtime.update(handle.id, urls=["hf:org/model"])
        await runtime.update(handle.id, urls=[server.url("/fresh/index.m3u8")])
        await runtime.retry([handle.id])
        await handle
    assert (tmp_path / "out/s.ts").read_bytes() == plain.whole()
    assert not server.requests_to("/fresh/seg000.ts"), "what was here came again"


# -- cut while it is made ------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


class Dying(RecordingDesk):
    """A desk whose process dies when a state of that stage has been recorded, or is about to be."""

    stage = Stage.WHOLE
    after = True

    async def record(self, state: FileState) -> None:
        here = memo.parse(state.memo)
        assert here is not None
        if here.stage is self.stage and not self.after:
            raise Killed
        await super().record(state)
        if here.stage is self.stage:
            raise Killed


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("stage", [Stage.WHOLE, Stage.COPY, Stage.DONE])
async def test_killed_at_any_step_the_film_is_made_of_what_was_recorded_without_asking_again(
    engine: HlsEngine,
    film: str,
    server: FaultyServer,
    destination: LocalDestination,
    tmp_path: Path,
    stage: Stage,
    after: bool,
) -> None:
    url = f"hls:{film}#video=1&audio=English"
    first = Dying(destination, USUAL)
    first.stage, first.after = stage, after
    with pytest.raises(Killed):
        await engine.fetch(FileState(TASK, 0, (url,)), USUAL, first)
    first.close()
    for path in [record.path for record in server.requests]:
        server.set_faults(path, Answers(500))
    asked = len(server.requests)
    second = RecordingDesk(destination, USUAL)
    if (stage, after) == (Stage.WHOLE, False):
        for path in ("/film.m3u8", "/v/index.m3u8", "/a/index.m3u8"):
            server.set_faults(path)
    fetched = await engine.fetch(await destination.adopt(first.states[-1]), USUAL, second)
    data = second.parts[-1].read(0, fetched.received + 1)
    second.close()
    assert fetched.extents == ((0, len(data)),)
    assert fetched.size == len(data)
    again = [record.path for record in server.requests[asked:]]
    assert not [path for path in again if path.endswith((".ts", ".aac"))]
    assert again == [] or (stage, after) == (Stage.WHOLE, False)
    (tmp_path / "film.mp4").write_bytes(data)
    assert await asyncio.to_thread(probed, tmp_path / "film.mp4") == {"h264": 80, "aac": 346}
    left = [path.name for path in (tmp_path / "downloads").iterdir()]
    assert [name for name in left if not name.endswith(".part")] == []


# -- boxes ---------------------------------------------------------------------------------------------


class Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, offset: int, size: int) -> bytes:
        return self._data[offset : offset + size]


def test_a_stream_whose_clock_starts_anew_keeps_every_frame(modern: Stream, tmp_path: Path) -> None:
    twice = modern.whole() * 2
    mux([Reel(Bytes(twice), [(0, len(twice))])], tmp_path / "twice.mp4", "mp4", threading.Event())
    assert probed(tmp_path / "twice.mp4") == {"h264": 160, "aac": 692}


@pytest.mark.parametrize(
    "data",
    [
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<SMIL>",
        b"",
        b"RIFF....AVI ",
    ],
)
def test_a_segment_that_leads_elsewhere_is_never_opened_as_such(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(NotMuxed):
        sniffed(data)
    with pytest.raises(NotMuxed):
        mux([Reel(Bytes(data), [(0, len(data))])], tmp_path / "out.mp4", "mp4", threading.Event())


def test_tracks_in_one_part_are_told_apart() -> None:
    part = Bytes(framed(0, b"abc") + framed(1, b"XY") + framed(0, b"def") + framed(1, b"Z"))
    reels = [Reel(part, each) for each in stretches(part, 45, 2)]
    assert [reel.read(-1) for reel in reels] == [b"abcdef", b"XYZ"]
    assert reels[0].seek(-2, 2) == 4
    assert reels[0].read(-1) == b"ef"


# -- subtitles -----------------------------------------------------------------------------------------


def joined(*segments: str) -> str:
    """Return the file; another process goes on after every segment."""
    out, text = b"", ""
    for segment in segments:
        joiner = Joiner(text)
        out += joiner.add(segment.encode())
        text = joiner.text()
    return out.decode()


def test_subtitles_have_one_header_and_every_cue_once() -> None:
    style = "STYLE\n::cue { color: red }"
    text = joined(
        f"\ufeffWEBVTT - a title\r\n\r\n{style}\r\n\r\n1\r\n00:01.000 --> 00:03.000 align:start\r\nlong\r\n",
        f"WEBVTT\n\n{style}\n\n7\n00:01.000 --> 00:03.000 align:start\nlong\n\n00:03.000 --> 00:04.000\nnext\nline\n",
        "WEBVTT\n",
    )
    assert text == (
        f"WEBVTT - a title\n\n{style}\n\n1\n00:01.000 --> 00:03.000 align:start\nlong\n\n00:03.000 --> 00:04.000\nnext\nline\n\n"
    )


def test_subtitles_whose_clocks_differ_are_put_on_one_line() -> None:
    clock = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:{}\n\n00:00.500 --> 00:00.900 line:0\nc\n"
    assert "00:00:10.500 --> 00:00:10.900 line:0" in joined(clock.format(900_000), clock.format(1_800_000))
    wrapped = joined(clock.format(2**33 - 90_000), clock.format(0))
    assert "00:00:01.500 --> 00:00:01.900 line:0" in wrapped


@pytest.mark.parametrize("text", ["", "<html>", "WEBVTTX\n\n", "1\n00:00.500 --> 00:00.900\nc"])
def test_what_is_no_subtitles_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="WEBVTT"):
        Joiner().add(text.encode())
