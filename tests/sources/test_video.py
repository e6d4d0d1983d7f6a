"""Pages of video sites as tasks: what is on them comes, under names that stay, through whoever can fetch it best."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from argosy import Request, Runtime, Task, TransferOptions
from argosy.core.types import Status
from argosy.errors import ArgosyError, UsageError
from argosy.sources.registry import SourceRegistry
from argosy.sources.video import page_of
from argosy.testing.faults import Cut
from argosy.testing.faults import Status as Answers
from argosy.testing.poll import until
from argosy.testing.server import FaultyServer

FILM = bytes(range(256)) * 4096
SEGMENTS = [bytes([n]) * 20_000 for n in range(5)]
SUBTITLES = b"WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n"


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        running.add("/film.mp4", FILM, content_type="video/mp4")
        running.add("/other.webm", FILM[:5000], content_type="video/webm")
        running.add("/en.vtt", SUBTITLES, content_type="text/vtt")
        running.add("/poster.jpg", b"\xff\xd8\xff" + FILM[:500], content_type="image/jpeg")
        for n, segment in enumerate(SEGMENTS):
            running.add(f"/s{n}.ts", segment)
        lines = "".join(f"#EXTINF:2,\ns{n}.ts\n" for n in range(len(SEGMENTS)))
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n{lines}#EXT-X-ENDLIST\n"
        running.add("/live.m3u8", playlist.encode(), content_type="application/vnd.apple.mpegurl")
        yield running


def page(server: FaultyServer, *videos: str, title: str = "A film") -> str:
    text = f"<!doctype html><html><head><title>{title}</title></head><body>{''.join(videos)}</body></html>"
    return server.add("/page.html", text.encode(), content_type="text/html; charset=utf-8")


def tag(url: str) -> str:
    return f'<video src="{url}"></video>'


async def run(folder: Path, request: Request) -> Task:
    async with Runtime(folder / "home", directory=folder / "out") as runtime:
        (task,) = await runtime.add_many([request])
        return await task


def came(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


async def test_the_video_of_a_page_comes_under_its_title(server: FaultyServer, tmp_path: Path) -> None:
    done = await run(
        tmp_path, Request("video:" + page(server, tag("/film.mp4"), title="../Tom &amp; Jerry: 1/2&#8238;"))
    )
    assert done.status is Status.COMPLETED
    ((name, data),) = came(tmp_path).items()
    assert data == FILM
    assert "Tom & Jerry_ 1_2" in name
    assert name.endswith("[page-1].mp4")


async def test_a_playlist_of_segments_goes_to_our_own_engine(server: FaultyServer, tmp_path: Path) -> None:
    source = '<video><source src="/live.m3u8" type="application/x-mpegURL"></video>'
    await run(tmp_path, Request("yt:" + page(server, source)))
    ((name, data),) = came(tmp_path).items()
    assert data == b"".join(SEGMENTS)
    assert name.endswith(".ts")
    assert server.requests_to("/s0.ts")[0].header("referer") == server.url("/page.html")


async def test_a_page_with_two_videos_is_a_task_of_two_files(server: FaultyServer, tmp_path: Path) -> None:
    done = await run(tmp_path, Request("video:" + page(server, tag("/film.mp4"), tag("/other.webm"))))
    assert done.files_done == 2
    assert sorted(came(tmp_path).values(), key=len) == [FILM[:5000], FILM]


async def test_only_what_is_asked_for_comes(server: FaultyServer, tmp_path: Path) -> None:
    await run(tmp_path, Request("video:" + page(server, tag("/film.mp4"), tag("/other.webm")), include=["*.webm"]))
    assert list(came(tmp_path).values()) == [FILM[:5000]]


async def test_subtitles_and_picture_come_beside_the_video(server: FaultyServer, tmp_path: Path) -> None:
    video = '<video src="/film.mp4" poster="/poster.jpg"><track kind="subtitles" srclang="en" src="/en.vtt"></video>'
    meta = f'<meta property="og:image" content="{server.url("/poster.jpg")}">'
    options = TransferOptions(subtitles=("en", "de"), thumbnail=True)
    await run(tmp_path, Request("video:" + page(server, meta, video), options=options))
    found = came(tmp_path)
    stem = next(name for name in found if name.endswith(".mp4")).removesuffix(".mp4")
    assert found[f"{stem}.en.vtt"] == SUBTITLES
    assert set(found) == {f"{stem}.mp4", f"{stem}.en.vtt", f"{stem}.jpg"}


async def test_the_engine_may_be_named_instead(server: FaultyServer, tmp_path: Path) -> None:
    await run(tmp_path, Request(page(server, tag("/film.mp4")), engine="ytdlp"))
    ((name, data),) = came(tmp_path).items()
    assert (name, data) == ("A film (1) [page-1].mp4", FILM)


async def test_a_link_that_expires_in_the_middle_is_renewed_and_goes_on(server: FaultyServer, tmp_path: Path) -> None:
    server.set_faults("/film.mp4", Answers(403, when=lambda request: request.number > 1), Cut(after_bytes=400_000))
    server.add("/fresh.mp4", FILM, content_type="video/mp4")
    url = "video:" + page(server, tag("/film.mp4"))
    async with Runtime(tmp_path / "home", directory=tmp_path / "out") as runtime:
        (task,) = await runtime.add_many([Request(url, options=TransferOptions(connections=1), max_retries=1)])
        await until(lambda: bool(server.requests_to("/film.mp4")), 30)
        page(server, tag("/fresh.mp4"))
        await task
    assert list(came(tmp_path).values()) == [FILM]
    assert (server.requests_to("/fresh.mp4")[-1].range or "bytes=0-") != "bytes=0-"


@pytest.mark.parametrize(("at", "code"), [("/gone.html", "http_404"), ("/empty.html", "no_video")])
async def test_a_page_that_has_nothing_says_why(server: FaultyServer, tmp_path: Path, at: str, code: str) -> None:
    server.add("/empty.html", b"<html><title>x</title></html>", content_type="text/html")
    with pytest.raises(ArgosyError) as failure:
        await run(tmp_path, Request("video:" + server.url(at), max_retries=0))
    assert failure.value.detail_code == code


@pytest.mark.parametrize("quality", ["", "best; rm", "720", "bv*+ba", "2M+1"])
async def test_a_quality_that_is_none_is_refused(server: FaultyServer, tmp_path: Path, quality: str) -> None:
    with pytest.raises(UsageError, match="quality"):
        await run(
            tmp_path, Request("video:" + page(server, tag("/film.mp4")), options=TransferOptions(quality=quality))
        )


@pytest.mark.parametrize(
    "text",
    [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://youtu.be/dQw4w9WgXcQ",
        "https://vimeo.com/76979871",
        "video:http://h/p",
        "YT:https://h/p",
    ],
)
def test_pages_that_are_known(text: str) -> None:
    assert SourceRegistry().kind_of(text) == "video"
    assert SourceRegistry().describe(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "https://www.youtube.com/img/logo.png",
        "https://youtu.be/",
        "https://vimeo.com/about",
        "https://example.org/watch?v=1",
    ],
)
def test_other_pages_are_what_they_are(text: str) -> None:
    assert SourceRegistry().kind_of(text) == "url"


@pytest.mark.parametrize(
    "text",
    [
        "video:",
        "video:file:///etc/passwd",
        "video:ftp://h/f",
        "yt:-rf",
        "video:video:https://h/p",
        "video:https://h/a b",
    ],
)
def test_what_is_no_page(text: str) -> None:
    with pytest.raises(UsageError):
        page_of(text)
