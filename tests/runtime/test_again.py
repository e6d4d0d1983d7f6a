"""The same request again, once the file is there: nothing is fetched that is here already."""

from __future__ import annotations

import os
from typing import Any

import pytest

from argosy import Request, TransferOptions
from argosy.core.types import FileStatus, IfExists
from argosy.errors import LocalError
from argosy.testing.faults import NoETag
from argosy.testing.server import FaultyServer

BODY = bytes(range(256)) * 4000
NEW = bytes(reversed(BODY))
NO_TIME = TransferOptions(keep_time=False)


@pytest.mark.parametrize("keep_time", [True, False])
@pytest.mark.parametrize("faults", [(), (NoETag(),)])
async def test_an_untouched_file_is_not_fetched_again(
    server: FaultyServer, real: Any, keep_time: bool, faults: Any
) -> None:
    url = server.add("/a.bin", BODY, faults=faults)
    options = TransferOptions(keep_time=keep_time)
    for _ in range(3):
        async with real() as runtime:
            task = await runtime.add(url, options=options)
            finished = await task
            assert (finished.received, finished.total) == (len(BODY), len(BODY))
            assert task.path.name == "a.bin"
    assert server.bytes_sent("/a.bin") == len(BODY)
    assert [record.status for record in server.requests[1:]] == [304, 304]


async def test_a_small_untouched_file_is_not_fetched_again_either(server: FaultyServer, real: Any) -> None:
    url = server.add("/a.bin", b"small")
    for _ in range(2):
        async with real() as runtime:
            await (await runtime.add(url, options=NO_TIME))
    assert [record.status for record in server.requests[1:]] == [304]


@pytest.mark.parametrize(
    ("if_exists", "names"),
    [("rename", {"a.bin", "a (1).bin"}), ("overwrite", {"a.bin"}), ("newer", {"a.bin"}), ("skip", {"a.bin"})],
)
async def test_a_new_version_at_the_server_comes_as_the_policy_says(
    server: FaultyServer, real: Any, if_exists: IfExists, names: set[str]
) -> None:
    url = server.add("/a.bin", BODY)
    async with real() as runtime:
        await (await runtime.add(url))
        server.replace("/a.bin", NEW, last_modified="Sat, 03 Jan 2026 03:04:05 GMT")
        again = await runtime.add(url, options=TransferOptions(if_exists=if_exists))
        await again
        assert again.path.read_bytes() == (BODY if if_exists == "skip" else NEW)
    assert real.names() == names


async def test_a_file_that_was_left_alone_is_not_taken_for_the_servers(server: FaultyServer, real: Any) -> None:
    """Both have the same date, and the server goes on to say that its file has not changed."""
    a, b = server.add("/a.bin", BODY), server.add("/b.bin", NEW + b"longer")
    async with real() as runtime:
        await (await runtime.add(a))
        left = await runtime.add(b, name="a.bin", options=TransferOptions(if_exists="skip"))
        await left
        assert left.path.read_bytes() == BODY
        fetched = await runtime.add(b, name="a.bin")
        await fetched
    assert fetched.path.read_bytes() == NEW + b"longer"
    assert real.names() == {"a.bin", "a (1).bin"}


async def test_what_was_left_alone_does_not_ensure_that_the_file_is_here(server: FaultyServer, real: Any) -> None:
    real.out.mkdir()
    (real.out / "a.bin").write_bytes(b"mine")
    async with real() as runtime:
        await (await runtime.add(server.add("/a.bin", BODY), options=TransferOptions(if_exists="skip")))
        path = await runtime.ensure(server.url("/a.bin"))
        assert path.read_bytes() == BODY
        assert await runtime.ensure(server.url("/a.bin")) == path
    assert (real.out / "a.bin").read_bytes() == b"mine"


async def test_a_new_version_where_nothing_may_be_replaced_is_an_error(server: FaultyServer, real: Any) -> None:
    url = server.add("/a.bin", BODY)
    async with real() as runtime:
        first = await runtime.add(url)
        await first
        server.replace("/a.bin", NEW)
        with pytest.raises(LocalError, match="exists"):
            await (await runtime.add(url, options=TransferOptions(if_exists="fail")))
    assert first.path.read_bytes() == BODY


@pytest.mark.parametrize("touch", ["changed", "gone", "same size, other time"])
async def test_a_file_that_is_not_as_we_left_it_is_fetched(server: FaultyServer, real: Any, touch: str) -> None:
    url = server.add("/a.bin", BODY)
    async with real() as runtime:
        first = await runtime.add(url)
        await first
        match touch:
            case "changed":
                first.path.write_bytes(b"mine")
            case "gone":
                first.path.unlink()
            case _:
                os.utime(first.path, (1, 1))
        again = await runtime.add(url)
        await again
    assert again.path.read_bytes() == BODY
    assert again.path.name == ("a.bin" if touch == "gone" else "a (1).bin")


async def test_of_many_only_the_changed_ones_are_fetched_again(server: FaultyServer, real: Any) -> None:
    urls = [server.add(f"/{i}.bin", BODY[i:]) for i in range(20)]
    async with real() as runtime:
        for handle in await runtime.add_many([Request(url) for url in urls]):
            await handle
        before = len(server.requests)
        server.replace("/7.bin", NEW)
        for handle in await runtime.add_many([Request(url) for url in urls]):
            await handle
    assert {record.path for record in server.requests[before:] if record.bytes_sent} == {"/7.bin"}


# -- streams -------------------------------------------------------------------------------------------

AS_IT_COMES = TransferOptions(remux=False)


def offer(server: FaultyServer, *, ended: bool = True, salt: bytes = b"") -> str:
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1"]
    for number in range(5):
        server.add(f"/film/{number}.ts", salt + str(number).encode() * 50_000)
        lines += ["#EXTINF:1.0,", f"{number}.ts?token={len(server.requests)}"]
    return server.add("/film/film.m3u8", "\n".join([*lines, "#EXT-X-ENDLIST" if ended else ""]).encode())


def segments_asked(server: FaultyServer) -> list[str]:
    return [record.path for record in server.requests if record.path.endswith(".ts")]


@pytest.mark.parametrize("prefix", ["", "hls:"])
async def test_a_finished_stream_that_is_here_is_recognised_by_its_playlist_and_one_segment(
    server: FaultyServer, real: Any, prefix: str
) -> None:
    async with real() as runtime:
        first = await runtime.add(prefix + offer(server), options=AS_IT_COMES)
        await first
        names, asked = real.names(), len(segments_asked(server))
        offer(server)  # with other tokens in its links
        again = await runtime.add(prefix + server.url("/film/film.m3u8"), options=AS_IT_COMES)
        await again
        (file,) = await runtime.files(again.id)
    assert file.status is FileStatus.SKIPPED
    assert (again.path, real.names()) == (first.path, names)
    assert segments_asked(server)[asked:] == ["/film/0.ts"]


async def test_a_stream_that_was_encoded_anew_under_the_same_names_is_fetched(server: FaultyServer, real: Any) -> None:
    async with real() as runtime:
        await (await runtime.add(offer(server), options=AS_IT_COMES))
        again = await runtime.add(offer(server, salt=b"new"), options=AS_IT_COMES)
        await again
    assert again.path.name == "film (1).ts"
    assert again.path.read_bytes() == b"".join(b"new" + str(number).encode() * 50_000 for number in range(5))


async def test_other_wishes_of_a_stream_are_another_file(server: FaultyServer, real: Any) -> None:
    async with real() as runtime:
        await (await runtime.add(offer(server), options=AS_IT_COMES))
        again = await runtime.add(server.url("/film/film.m3u8"), options=TransferOptions(remux=False, record_s=2.0))
        await again
    assert again.path.name == "film (1).ts"
    assert again.path.stat().st_size == 100_000


async def test_a_live_stream_is_recorded_anew_each_time(server: FaultyServer, real: Any) -> None:
    options = TransferOptions(remux=False, record_s=3.0)
    async with real() as runtime:
        await (await runtime.add(offer(server, ended=False), options=options))
        again = await runtime.add(server.url("/film/film.m3u8"), options=options)
        await again
    assert real.names() == {"film.ts", "film (1).ts"}
    assert again.path.read_bytes() == b"".join(str(number).encode() * 50_000 for number in range(3))
