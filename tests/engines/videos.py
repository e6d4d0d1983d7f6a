"""Pages with videos that ffmpeg has made, and what is needed to look at what came of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from argosy.testing.server import FaultyServer

SECONDS = 12


def made(folder: Path) -> Path:
    """Return a folder with ``film.mp4``, ``dash/i.mpd`` and ``hls/index.m3u8`` of the same film."""
    for below in ("dash", "hls"):
        (folder / below).mkdir(parents=True)
    _ffmpeg(folder, "-f", "lavfi", "-i", f"testsrc=duration={SECONDS}:size=320x180:rate=15", "-f", "lavfi", "-i", f"sine=duration={SECONDS}",
            "-c:v", "mpeg4", "-b:v", "600k", "-g", "15", "-c:a", "aac", "film.mp4")  # fmt: skip
    _ffmpeg(folder / "dash", "-i", "../film.mp4", "-c", "copy", "-f", "dash", "-seg_duration", "1", "i.mpd")
    _ffmpeg(
        folder / "hls",
        "-i",
        "../film.mp4",
        "-c:v",
        "mpeg2video",
        "-c:a",
        "mp2",
        "-f",
        "hls",
        "-hls_time",
        "2",
        "-hls_list_size",
        "0",
        "index.m3u8",
    )
    return folder


def _ffmpeg(folder: Path, *words: str) -> None:
    ran = subprocess.run(
        ["ffmpeg", "-loglevel", "error", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def offer(server: FaultyServer, folder: Path) -> None:
    """Put all of it on the server."""
    types = {".mp4": "video/mp4", ".mpd": "application/dash+xml", ".m3u8": "application/vnd.apple.mpegurl"}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            server.add(
                f"/{path.relative_to(folder)}",
                path.read_bytes(),
                content_type=types.get(path.suffix, "application/octet-stream"),
            )


def page(server: FaultyServer, *videos: str, title: str = "A film", at: str = "/page.html") -> str:
    """Put a page with those videos on the server and return its URL."""
    body = "".join(
        f"<video>{video}</video>" if video.startswith("<") else f'<video src="{video}"></video>' for video in videos
    )
    text = f"<!doctype html><html><head><title>{title}</title></head><body>{body}</body></html>"
    return server.add(at, text.encode(), content_type="text/html; charset=utf-8")


DASH = '<source src="/dash/i.mpd" type="application/dash+xml">'
HLS = '<source src="/hls/index.m3u8" type="application/x-mpegURL">'


def streams(path: Path) -> list[str]:
    """Return which kinds of streams a file has; it must be without fault."""
    ran = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "stream=codec_type:format=duration", "-of", "json", str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stderr == ""
    told: dict[str, Any] = json.loads(ran.stdout)
    assert abs(float(told["format"]["duration"]) - SECONDS) < 1
    return sorted(each["codec_type"] for each in told["streams"])
