"""Streams that ffmpeg makes, and what is found in files."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from argosy.core.types import FileState, TransferOptions
from argosy.destinations.local import LocalDestination
from argosy.engines.hls.engine import HlsEngine
from argosy.testing.engine_contract import RecordingDesk
from argosy.testing.server import FaultyServer

TASK = "d" * 32
PLAIN = TransferOptions(connections=3, remux=False)
SECRET = bytes(range(16))
PICTURE = ("-f", "lavfi", "-i", "testsrc=duration=8:size=160x90:rate=10")
SOUND = ("-f", "lavfi", "-i", "sine=duration=8")
BROADCAST = ("-c:v", "mpeg2video", "-g", "10", "-c:a", "mp2")
MODERN = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "10", "-c:a", "aac")


@dataclass(frozen=True)
class Stream:
    """What ffmpeg made: its playlist, its files, and what all segments are one after the other."""

    folder: Path

    def offer(self, server: FaultyServer, below: str = "/s") -> str:
        """Put every file on the server and return the playlist's URL."""
        for path in sorted(self.folder.iterdir()):
            server.add(f"{below}/{path.name}", path.read_bytes())
        return server.url(f"{below}/index.m3u8")

    def whole(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.folder.glob("seg*")))


def made(
    folder: Path, *words: str, inputs: tuple[str, ...] = (*PICTURE, *SOUND), codecs: tuple[str, ...] = BROADCAST
) -> Stream:
    """Make a stream of eight segments of a second each."""
    folder.mkdir()
    ran = subprocess.run(
        ["ffmpeg", "-loglevel", "error", *inputs, *codecs, "-f", "hls", "-hls_time", "1", "-hls_list_size", "0", *words, "index.m3u8"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return Stream(folder)


def probed(path: Path) -> dict[str, int]:
    """Return how many frames of each codec can be decoded; AssertionError if anything is wrong with the file."""
    ran = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_name,nb_read_frames", "-of", "csv=p=0", str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stderr == ""
    rows = [line.split(",") for line in ran.stdout.split()]
    return {row[0]: int(row[1]) for row in rows if len(row) > 1}


async def brought(
    engine: HlsEngine, url: str, destination: LocalDestination, options: TransferOptions = PLAIN
) -> tuple[bytes, RecordingDesk]:
    """Return all bytes of the file, and the desk that saw them come."""
    desk = RecordingDesk(destination, options)
    try:
        fetched = await engine.fetch(FileState(TASK, 0, (url,)), options, desk)
        data = desk.parts[-1].read(0, fetched.received + 1)
        assert len(data) == fetched.received == fetched.size
        return data, desk
    finally:
        desk.close()


def live_playlist(first: int, last: int, *, ended: bool = False) -> bytes:
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}"]
    for number in range(first, last + 1):
        lines += ["#EXTINF:0.2,", f"seg{number:03}.ts"]
    return ("\n".join([*lines, *(["#EXT-X-ENDLIST"] if ended else [])]) + "\n").encode()
