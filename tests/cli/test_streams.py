"""Streams by the command: killed, gone on with, finished early."""

from __future__ import annotations

import signal
from pathlib import Path

from argosy.testing.faults import Delay
from argosy.testing.server import FaultyServer

from .command import Argosy, until

SEGMENTS = 500
BYTES = 20_000
LATE_S = 0.02


def segment(number: int) -> bytes:
    return f"segment {number:03} ".encode() * (BYTES // 12)


def listed(first: int, last: int, *, ended: bool) -> bytes:
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
    for number in range(first, last + 1):
        lines += ["#EXTINF:0.5,", f"{number:03}.ts"]
    return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if ended else []), ""]).encode()


def offer(server: FaultyServer, count: int, *faults: Delay) -> None:
    for number in range(count):
        server.add(f"/s/{number:03}.ts", segment(number), faults=faults)


def fetched(server: FaultyServer) -> list[str]:
    return [record.path for record in server.requests if record.path.endswith(".ts")]


def test_killed_in_the_middle_of_five_hundred_segments_only_the_missing_ones_come_again(
    argosy: Argosy, server: FaultyServer
) -> None:
    offer(server, SEGMENTS, Delay(LATE_S))
    url = server.add("/s/film.m3u8", listed(0, SEGMENTS - 1, ended=True))
    process = argosy.start("get", "--no-remux", "-x2", url)
    until(lambda: len(fetched(server)) >= SEGMENTS * 2 // 3)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = len(fetched(server))
    assert before < SEGMENTS
    ran = argosy("get", "--no-remux", "-x2", url)
    assert ran.code == 0, ran.err
    assert (argosy.folder / "film.ts").read_bytes() == b"".join(map(segment, range(SEGMENTS)))
    again = set(fetched(server)[before:])
    flushed = 1024 * 1024 // BYTES + 1
    noted = int(2 * 0.5 / LATE_S)  # the store is written to twice a second, and two come at once
    assert len(again) <= SEGMENTS - before + 2 + flushed + noted, "more than the last flush interval came again"
    assert "/s/000.ts" not in again


def test_a_live_recording_survives_kill_9_and_ends_when_it_is_told_to(argosy: Argosy, server: FaultyServer) -> None:
    offer(server, 20)
    url = server.add("/s/show.m3u8", listed(0, 5, ended=False))
    process = argosy.start("get", "--no-remux", url)
    until(lambda: "/s/005.ts" in fetched(server))
    until(lambda: len(server.requests_to("/s/show.m3u8")) > 6)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    server.replace("/s/show.m3u8", listed(3, 9, ended=False))
    again = argosy.start("get", "--no-remux", url)
    until(lambda: "/s/009.ts" in fetched(server))
    (task,) = argosy("ls", "--json").document["tasks"]
    ran = argosy("finish", task["id"][:8])
    assert ran.code == 0, ran.err
    out, err = again.communicate(timeout=30)
    assert again.returncode == 0, err
    path = Path(out.strip())
    assert path.name == "show.ts"
    assert path.read_bytes() == b"".join(map(segment, range(10)))
    assert len(fetched(server)) == len(set(fetched(server))), "a segment came twice"


def test_a_recording_that_nobody_works_on_is_finished_by_the_next_run(argosy: Argosy, server: FaultyServer) -> None:
    offer(server, 4)
    url = server.add("/s/show.m3u8", listed(0, 3, ended=False))
    process = argosy.start("get", "--no-remux", url)
    until(lambda: "/s/003.ts" in fetched(server))
    until(lambda: len(server.requests_to("/s/show.m3u8")) > 3)
    process.send_signal(signal.SIGINT)
    process.communicate()
    (task,) = argosy("ls", "--json").document["tasks"]
    server.remove("/s/show.m3u8")
    assert argosy("finish", task["id"]).code == 0
    assert argosy("run").code == 0
    assert (argosy.folder / "show.ts").read_bytes() == b"".join(map(segment, range(4)))
    ran = argosy("finish", task["id"])
    assert ran.code == 0
    assert "completed" in ran.out


def test_only_streams_can_be_finished_early(argosy: Argosy, slow: str) -> None:
    argosy("add", slow)
    (task,) = argosy("ls", "--json").document["tasks"]
    ran = argosy("finish", task["id"])
    assert ran.code == 2
    assert "stream" in ran.err


def test_a_recording_has_the_name_that_it_is_given(argosy: Argosy, server: FaultyServer) -> None:
    offer(server, 4)
    url = server.add("/s/film.m3u8", listed(0, 3, ended=True))
    ran = argosy("get", "--no-remux", "-o", "films/night.ts", url)
    assert ran.code == 0, ran.err
    assert (argosy.folder / "films/night.ts").read_bytes() == b"".join(map(segment, range(4)))
