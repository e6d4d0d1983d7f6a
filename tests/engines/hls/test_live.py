"""Live streams: what comes while it comes, whatever the server does to its list."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from argosy.core.lifecycle import Stop
from argosy.core.types import FileState, TransferOptions
from argosy.destinations.local import LocalDestination
from argosy.engines.hls.engine import HlsEngine
from argosy.engines.port import Cancelled
from argosy.errors import ArgosyError
from argosy.testing.engine_contract import RecordingDesk
from argosy.testing.faults import Status as Answers
from argosy.testing.poll import until
from argosy.testing.server import FaultyServer

from .stream import PLAIN, TASK, Stream, brought, live_playlist

LIVE = "/s/live.m3u8"


def part(stream: Stream, *numbers: int) -> bytes:
    return b"".join((stream.folder / f"seg{number:03}.ts").read_bytes() for number in numbers)


def tokened(first: int, last: int, token: str, *, ended: bool = False) -> bytes:
    """A list whose links are others each time, with a map that is."""
    text = live_playlist(first, last, ended=ended).replace(b".ts\n", f".ts?token={token}\n".encode())
    return text.replace(b"#EXTINF", f'#EXT-X-MAP:URI="init.mp4?token={token}"\n#EXTINF'.encode(), 1)


async def test_links_that_change_with_every_look_bring_each_segment_and_the_map_once(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    plain.offer(server)
    server.add("/s/init.mp4", b"\0\0\0\x0cftypabcd")
    url = server.add(LIVE, tokened(0, 2, "a"))
    recording = asyncio.create_task(brought(engine, url, destination))
    await until(lambda: server.requests_to("/s/seg002.ts"))
    server.replace(LIVE, tokened(1, 4, "b"))
    await until(lambda: server.requests_to("/s/seg004.ts"))
    server.replace(LIVE, tokened(3, 7, "c", ended=True))
    data, desk = await recording
    assert data == b"\0\0\0\x0cftypabcd" + plain.whole()
    assert desk.warnings == []


async def test_a_server_that_lags_behind_repeats_nothing(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    plain.offer(server)
    url = server.add(LIVE, live_playlist(3, 5))
    recording = asyncio.create_task(brought(engine, url, destination))
    await until(lambda: server.requests_to("/s/seg005.ts"))
    looks = len(server.requests_to(LIVE))
    server.replace(LIVE, live_playlist(1, 3))
    await until(lambda: len(server.requests_to(LIVE)) > looks + 1)
    server.replace(LIVE, live_playlist(5, 6, ended=True))
    data, desk = await recording
    assert data == part(plain, 3, 4, 5, 6)
    assert desk.warnings == []


async def test_a_stream_that_counts_anew_goes_on(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    plain.offer(server)
    url = server.add(LIVE, live_playlist(5, 7).replace(b"SEQUENCE:5", b"SEQUENCE:500"))
    recording = asyncio.create_task(brought(engine, url, destination))
    await until(lambda: server.requests_to("/s/seg007.ts"))
    server.replace(LIVE, live_playlist(0, 1, ended=True))
    data, desk = await recording
    assert data == part(plain, 5, 6, 7, 0, 1)
    assert desk.warnings == ["sequence_reset"]


async def test_a_segment_that_is_gone_already_is_a_gap_that_is_told(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    plain.offer(server)
    server.set_faults("/s/seg001.ts", Answers(404))
    url = server.add(LIVE, live_playlist(0, 2))
    recording = asyncio.create_task(brought(engine, url, destination))
    await until(lambda: server.requests_to("/s/seg002.ts"))
    server.replace(LIVE, live_playlist(0, 2, ended=True))
    data, desk = await recording
    assert data == part(plain, 0, 2)
    assert desk.warnings == ["segments_missed"]


async def test_a_list_that_never_moves_on_is_over_after_a_while(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    plain.offer(server)
    url = server.add(LIVE, live_playlist(0, 1).replace(b"TARGETDURATION:1", b"TARGETDURATION:0.1"))
    data, desk = await brought(engine, url, destination)
    assert data == part(plain, 0, 1)
    assert desk.warnings == ["stream_silent"]


async def test_a_list_that_is_gone_ends_the_recording(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    plain.offer(server)
    url = server.add(LIVE, live_playlist(0, 1))
    recording = asyncio.create_task(brought(engine, url, destination))
    await until(lambda: server.requests_to("/s/seg001.ts"))
    server.remove(LIVE)
    data, _ = await recording
    assert data == part(plain, 0, 1)


async def test_a_list_whose_link_has_expired_is_found_again_by_the_stream_s_own(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    plain.offer(server)
    server.add(LIVE, live_playlist(0, 2))
    master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n"
    url = server.add("/s/master.m3u8", master.format("live.m3u8").encode())
    recording = asyncio.create_task(brought(engine, url, destination))
    await until(lambda: server.requests_to("/s/seg002.ts"))
    server.add("/s/fresh.m3u8", live_playlist(2, 7, ended=True))
    server.replace("/s/master.m3u8", master.format("fresh.m3u8").encode())
    server.set_faults(LIVE, Answers(403))
    data, _ = await recording
    assert data == plain.whole()


async def stopped(
    engine: HlsEngine,
    url: str,
    destination: LocalDestination,
    server: FaultyServer,
    last: str,
    options: TransferOptions = PLAIN,
) -> FileState:
    """Return the recording as it was when it was paused after ``last`` had come."""
    desk = RecordingDesk(destination, options)
    recording = asyncio.create_task(engine.fetch(FileState(TASK, 0, (url,)), options, desk))
    await until(lambda: server.requests_to(last))
    looks = len(server.requests_to(LIVE))
    await until(lambda: len(server.requests_to(LIVE)) > looks)
    desk.cancel.set(Stop.PAUSE)
    with pytest.raises(Cancelled):
        await recording
    desk.close()
    return await destination.adopt(desk.states[-1])


async def test_a_paused_recording_goes_on_although_the_stream_has_ended_meanwhile(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    plain.offer(server)
    url = server.add(LIVE, live_playlist(0, 2))
    state = await stopped(engine, url, destination, server, "/s/seg002.ts")
    server.replace(LIVE, live_playlist(2, 7, ended=True))
    asked = len(server.requests)
    desk = RecordingDesk(destination, PLAIN)
    fetched = await engine.fetch(state, PLAIN, desk)
    assert desk.parts[-1].read(0, fetched.received + 1) == plain.whole()
    assert desk.warnings == []
    assert "/s/seg002.ts" not in [record.path for record in server.requests[asked:]]
    desk.close()


async def test_a_recording_that_is_long_enough_is_finished_without_asking_anybody(
    engine: HlsEngine, plain: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    plain.offer(server)
    url = server.add(LIVE, live_playlist(0, 2))
    state = await stopped(engine, url, destination, server, "/s/seg002.ts")
    asked = len(server.requests)
    enough = replace(PLAIN, record_s=0.001)
    desk = RecordingDesk(destination, enough)
    fetched = await engine.fetch(state, enough, desk)
    assert desk.parts[-1].read(0, fetched.received + 1) == part(plain, 0, 1, 2)
    assert len(server.requests) == asked
    desk.close()


async def test_a_live_stream_with_its_sound_apart_is_recorded_side_by_side(
    engine: HlsEngine, picture: Stream, sound: Stream, server: FaultyServer, destination: LocalDestination
) -> None:
    picture.offer(server, "/v")
    sound.offer(server, "/a")

    def show(last: int, *, ended: bool = False) -> None:
        for below, ending in (("v", b".ts"), ("a", b".aac")):
            server.add(f"/{below}/index.m3u8", live_playlist(0, last, ended=ended).replace(b".ts", ending))

    show(2)
    master = (
        '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",DEFAULT=YES,URI="a/index.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nv/index.m3u8\n'
    )
    url = server.add("/film.m3u8", master.encode())
    recording = asyncio.create_task(brought(engine, f"hls:{url}#video=1&audio=English", destination, TransferOptions()))
    await until(lambda: server.requests_to("/a/seg002.aac"))
    show(7, ended=True)
    data, desk = await recording
    assert data[4:8] == b"ftyp"
    assert desk.warnings == []
    order = [record.path[:2] for record in server.requests if "seg" in record.path]
    assert order.index("/a") < len(order) - 1 - order[::-1].index("/v"), "the sound waited for the whole picture"


async def test_of_a_stream_that_brings_nothing_there_is_no_file(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    url = server.add(LIVE, b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-ENDLIST\n")
    with pytest.raises(ArgosyError, match="no segment"):
        await brought(engine, url, destination)
