"""Playlists: streams that ffmpeg made, on a server that may misbehave."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from argosy import Request, Runtime
from argosy.core.types import FileState, Status
from argosy.destinations.local import LocalDestination
from argosy.engines.hls import choice, playlist
from argosy.engines.hls.crypt import decrypted
from argosy.engines.hls.engine import HlsEngine, stem_of
from argosy.engines.hls.playlist import Key, Master, Media
from argosy.engines.port import Cancelled
from argosy.errors import ArgosyError, BadResponse
from argosy.testing.engine_contract import RecordingDesk
from argosy.testing.faults import Status as Answers
from argosy.testing.poll import until
from argosy.testing.server import FaultyServer

from .stream import PLAIN, SECRET, TASK, Stream, brought, live_playlist, probed

# -- finished streams ----------------------------------------------------------------------------------


async def test_the_segments_become_one_file_in_their_order(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    data, _ = await brought(engine, plain.offer(server), destination)
    assert data == plain.whole()


async def test_an_encrypted_stream_comes_decrypted(
    engine: HlsEngine, encrypted: Stream, server: FaultyServer, destination: LocalDestination, tmp_path: Path
) -> None:
    data, _ = await brought(engine, encrypted.offer(server), destination)
    assert data != encrypted.whole()
    (tmp_path / "out.ts").write_bytes(data)
    assert probed(tmp_path / "out.ts") == {"mpeg2video": 80, "mp2": 307}


async def test_segments_that_are_ranges_of_one_file_are_asked_for_as_ranges(
    engine: HlsEngine, ranged: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    data, _ = await brought(engine, ranged.offer(server), destination)
    assert data == ranged.whole()
    assert all(record.range for record in server.requests if record.path.endswith(".ts"))


async def test_of_several_variants_the_wanted_one_comes(
    engine: HlsEngine,
    plain: Stream,
    ranged: Stream,
    server: FaultyServer,
    destination: LocalDestination,
    tmp_path: Path,
) -> None:
    plain.offer(server, "/low")
    ranged.offer(server, "/high")
    master = (
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=160x90\nlow/index.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=1280x720\nhigh/index.m3u8\n"
    )
    url = server.add("/master.m3u8", master.encode())
    best, _ = await brought(engine, url, destination)
    low, _ = await brought(engine, url, LocalDestination(str(tmp_path / "low"), flusher=destination._flusher, executor=destination._executor),
                           replace(PLAIN, quality="480p"))  # fmt: skip
    assert (best, low) == (ranged.whole(), plain.whole())


async def test_paused_in_the_middle_it_fetches_only_the_segments_that_are_missing(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    url = plain.offer(server)
    first = RecordingDesk(destination, PLAIN, stop_after=len(plain.whole()) // 2)
    with pytest.raises(Cancelled):
        await engine.fetch(FileState(TASK, 0, (url,)), PLAIN, first)
    first.close()
    before = len([record for record in server.requests if record.path.endswith(".ts")])
    second = RecordingDesk(destination, PLAIN)
    fetched = await engine.fetch(await destination.adopt(first.states[-1]), PLAIN, second)
    assert second.parts[-1].read(0, fetched.received + 1) == plain.whole()
    total = len([record for record in server.requests if record.path.endswith(".ts")])
    assert total - before < 8
    assert second.warnings == []
    second.close()


async def test_another_playlist_under_the_same_url_is_not_spliced(
    engine: HlsEngine, plain: Stream, ranged: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    url = plain.offer(server)
    first = RecordingDesk(destination, PLAIN, stop_after=len(plain.whole()) // 2)
    with pytest.raises(Cancelled):
        await engine.fetch(FileState(TASK, 0, (url,)), PLAIN, first)
    first.close()
    ranged.offer(server)
    second = RecordingDesk(destination, PLAIN)
    fetched = await engine.fetch(await destination.adopt(first.states[-1]), PLAIN, second)
    assert second.parts[-1].read(0, fetched.received + 1) == ranged.whole()
    assert second.warnings == ["restarted"]
    second.close()


async def test_a_segment_that_fails_for_a_while_is_tried_again(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    url = plain.offer(server)
    server.set_faults("/s/seg003.ts", Answers(503, times=2))
    data, _ = await brought(engine, url, destination)
    assert data == plain.whole()


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_segment_that_is_gone_fails_the_file_and_is_named(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination, status: int
) -> None:
    url = plain.offer(server)
    server.set_faults("/s/seg003.ts", Answers(status))
    desk = RecordingDesk(destination, PLAIN)
    with pytest.raises(ArgosyError, match="segment 3"):
        await engine.fetch(FileState(TASK, 0, (url,)), PLAIN, desk)
    desk.close()


async def test_through_the_runtime_it_is_one_finished_file(plain: Stream, server: FaultyServer, tmp_path: Path) -> None:
    url = plain.offer(server, "/films/night")
    async with Runtime(tmp_path / "home", directory=tmp_path) as runtime:
        (task,) = await runtime.add_many([Request(url, options=PLAIN)])
        done = await task
    assert done.status is Status.COMPLETED
    assert task.path.name == "night.ts"
    assert task.path.read_bytes() == plain.whole()


# -- live ----------------------------------------------------------------------------------------------


async def test_a_live_stream_is_recorded_until_it_ends(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    plain.offer(server)
    url = server.add("/s/live.m3u8", live_playlist(0, 2))
    recording = asyncio.create_task(brought(engine, url, destination))
    await until(lambda: server.requests_to("/s/seg002.ts"))
    server.replace("/s/live.m3u8", live_playlist(2, 5))
    await until(lambda: server.requests_to("/s/seg005.ts"))
    server.replace("/s/live.m3u8", live_playlist(4, 7, ended=True))
    data, desk = await recording
    assert data == plain.whole()
    assert desk.warnings == []


async def test_what_slid_out_of_the_window_is_told(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    plain.offer(server)
    url = server.add("/s/live.m3u8", live_playlist(0, 1))
    recording = asyncio.create_task(brought(engine, url, destination))
    await until(lambda: server.requests_to("/s/seg001.ts"))
    server.replace("/s/live.m3u8", live_playlist(5, 6, ended=True))
    _, desk = await recording
    assert desk.warnings == ["segments_missed"]


async def test_a_live_stream_is_recorded_for_a_duration(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    plain.offer(server)
    url = server.add("/s/live.m3u8", live_playlist(0, 6))
    data, _ = await brought(engine, url, destination, replace(PLAIN, record_s=0.5))
    assert data == b"".join((plain.folder / f"seg00{n}.ts").read_bytes() for n in range(3))


# -- hostile and broken --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri", ["file:///etc/passwd", "ftp://h/x", "data:text/plain,x", "http://evil/x", "concat:a|b", "javascript:x"]
)
def test_no_playlist_leads_to_files_or_other_schemes(uri: str) -> None:
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{uri}\n#EXT-X-ENDLIST\n"
    with pytest.raises(BadResponse):
        playlist.read(text.encode(), "https://good/index.m3u8")


@pytest.mark.parametrize(
    "where", ['#EXT-X-KEY:METHOD=AES-128,URI="file:///etc/passwd"', '#EXT-X-MAP:URI="file:///etc/passwd"']
)
def test_neither_do_keys_and_maps(where: str) -> None:
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n{where}\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n"
    with pytest.raises(BadResponse):
        playlist.read(text.encode(), "https://good/index.m3u8")


@pytest.mark.parametrize("data", [b"", b"<html>", b"#EXTM3U\n" + b"x" * 1_000_000, b"#EXTM3U\n" + b"#\n" * 9_000_000])
def test_what_is_no_playlist_is_refused(data: bytes) -> None:
    with pytest.raises(BadResponse):
        playlist.read(data, "https://good/index.m3u8")


@pytest.mark.parametrize(("secret", "size"), [(b"short", 32), (SECRET, 15), (SECRET, 0), (SECRET, 32)])
def test_what_does_not_decrypt_is_refused(secret: bytes, size: int) -> None:
    with pytest.raises(BadResponse):
        decrypted(b"\x00" * size, Key("AES-128", "https://h/k", None), secret, 1)


def test_encryption_that_cannot_be_undone_is_refused() -> None:
    with pytest.raises(BadResponse, match="SAMPLE-AES"):
        decrypted(b"\x00" * 32, Key("SAMPLE-AES", "https://h/k", None), SECRET, 1)


def test_keys_may_change_and_end_in_the_middle() -> None:
    text = (
        '#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-KEY:METHOD=AES-128,URI="k1",IV=0x1\n#EXTINF:1,\na\n'
        '#EXT-X-KEY:METHOD=AES-128,URI="k2"\n#EXTINF:1,\nb\n#EXT-X-KEY:METHOD=NONE\n#EXT-X-DISCONTINUITY\n#EXTINF:1,\nc\n'
    )
    media = playlist.read(text.encode(), "https://h/p/i.m3u8")
    assert isinstance(media, Media)
    keys = [segment.key for segment in media.segments]
    assert keys == [
        Key("AES-128", "https://h/p/k1", (1).to_bytes(16, "big")),
        Key("AES-128", "https://h/p/k2", None),
        None,
    ]
    assert [segment.sequence for segment in media.segments] == [7, 8, 9]
    assert media.segments[2].discontinuity


@pytest.mark.parametrize(
    ("quality", "wanted"), [("best", "c"), ("worst", "a"), ("720p", "b"), ("100p", "a"), ("600k", "b"), ("10M", "c")]
)
def test_qualities(quality: str, wanted: str) -> None:
    lines = "".join(
        f"#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},RESOLUTION=1x{height}\n{name}\n"
        for name, bandwidth, height in (("b", 500_000, 720), ("a", 200_000, 360), ("c", 900_000, 1080))
    )
    master = playlist.read(f"#EXTM3U\n{lines}".encode(), "https://h/m.m3u8")
    assert isinstance(master, Master)
    assert choice.ranked(master, quality)[0].url == f"https://h/{wanted}"


@pytest.mark.parametrize(
    ("url", "name"),
    [("https://h/film.m3u8?token=1", "film"), ("https://h/a/b/index.m3u8", "b"), ("https://h/index.m3u8", "index")],
)
def test_a_recording_is_called_after_what_tells_most(url: str, name: str) -> None:
    assert stem_of(url) == name
