"""Content codings that nobody asked for (faults 35 to 38): undone, refused, and never spliced with plain bytes."""

from __future__ import annotations

import gzip
import resource
import zlib

import pytest

from argosy.engines.curl.decode import Decoder
from argosy.errors import BadResponse
from argosy.testing.faults import Chunked, ClaimedEncoding, Cut, Gzip, GzipBomb, Stall, ranged, with_header
from argosy.testing.server import Body, Fault, FaultyServer

from .harness import PATH, Bench

MIB = 1 << 20
TEXT = Body.of(b"".join(b"%d bottles of beer on the wall\n" % n for n in range(20_000)))
BODY = Body.generated(600_000, seed=1)


@pytest.mark.parametrize("framing", [[], [Chunked()]], ids=repr)
async def test_gzip_that_nobody_asked_for_is_undone(
    framing: list[Fault], server: FaultyServer, bench: Bench
) -> None:  # row 35
    attempt = await bench.fetch(server.add("/file.txt", TEXT, faults=[Gzip(), *framing]))
    assert await bench.publish(attempt) == TEXT.read()
    assert attempt.state is not None
    assert attempt.state.etag is None  # the tag was of the compressed form
    assert attempt.state.resumable is False


@pytest.mark.parametrize("name", ["/file.tar.gz", "/file.tgz"])
async def test_an_archive_labelled_with_its_own_compression_stays_one(
    name: str, server: FaultyServer, bench: Bench
) -> None:
    packed = gzip.compress(TEXT.read())
    attempt = await bench.fetch(server.add(name, packed, headers={"Content-Encoding": "gzip"}))
    assert await bench.publish(attempt) == packed


async def test_what_was_decoded_is_not_gone_on_from(server: FaultyServer, bench: Bench) -> None:
    packed = gzip.compress(TEXT.read())
    url = server.add("/file.txt", TEXT, faults=[Gzip(), Stall(len(packed) // 2, when=~ranged)])
    begun = await bench.fetch(url, stop_after=100_000)
    assert begun.received == 0
    server.set_faults("/file.txt", Gzip())
    assert await bench.publish(await bench.resume(begun)) == TEXT.read()


async def test_a_cut_in_encoded_bytes_begins_again(server: FaultyServer, bench: Bench) -> None:
    url = server.add("/file.txt", TEXT, faults=[Gzip(), Cut(20_000, times=1, when=~with_header("Range"))])
    attempt = await bench.fetch(url)
    assert await bench.publish(attempt) == TEXT.read()
    assert attempt.warnings == ["restarted"]


@pytest.mark.parametrize("framing", [[], [Chunked()]], ids=repr)
async def test_gzip_on_the_resumed_part_alone_is_refused(
    framing: list[Fault], server: FaultyServer, bench: Bench
) -> None:  # row 36
    begun = await bench.begin(server, BODY, 200_000)
    server.set_faults(PATH, *(type(fault)(when=ranged) for fault in (Gzip(), *framing)))
    attempt = await bench.resume(begun)
    assert await bench.publish(attempt) == BODY.read()
    assert server.requests[-1].range is None


@pytest.mark.parametrize("fault", [Gzip(corrupt=True), ClaimedEncoding("gzip"), ClaimedEncoding("deflate")], ids=repr)
async def test_a_damaged_stream_fails_and_leaves_nothing(
    fault: Fault, server: FaultyServer, bench: Bench
) -> None:  # row 37
    attempt = await bench.fetch(server.add(PATH, BODY, faults=[fault]))
    assert attempt.code == "decode"
    assert attempt.received == 0
    server.set_faults(PATH)
    assert await bench.publish(await bench.resume(attempt)) == BODY.read()


@pytest.mark.parametrize("names", ["br", "zstd", "x-unheard-of", "gzip, gzip", ", ".join(["gzip"] * 20)])
@pytest.mark.parametrize("offset", [0, 200_000])
async def test_what_cannot_be_decoded_is_refused(offset: int, names: str, server: FaultyServer, bench: Bench) -> None:
    begun = await bench.begin(server, BODY, offset) if offset else None
    url = server.add(PATH, BODY, faults=[ClaimedEncoding(names)])
    attempt = await (bench.fetch(url) if begun is None else bench.resume(begun))
    assert attempt.code == "decode"
    assert attempt.received == offset


async def test_a_bomb_is_stopped_before_it_fills_memory_or_disk(server: FaultyServer, bench: Bench) -> None:  # row 38
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    attempt = await bench.fetch(server.add("/file.txt", b"x", faults=[GzipBomb(mib=1024)]))
    assert attempt.code == "decode"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 40 * 1024
    parts = [path for path in bench.root.iterdir() if path.is_file()]
    assert sum(path.stat().st_blocks * 512 for path in parts) < 80 * MIB


# -- the decoder itself ----------------------------------------------------------------------------------------------


def decode(coding: str, data: bytes, step: int) -> bytes:
    decoder = Decoder(coding)
    decoded = b"".join(b"".join(decoder.feed(data[at : at + step])) for at in range(0, len(data), step))
    decoder.end()
    return decoded


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("step", [1, 7, 1000, 10 * MIB])
@pytest.mark.parametrize("data", [b"", b"a", TEXT.read(0, 50_000), bytes(700_000)], ids=len)
def test_every_form_of_a_coding_is_decoded_however_it_is_cut(step: int, data: bytes) -> None:
    assert decode("gzip", gzip.compress(data), step) == data
    assert decode("x-gzip", gzip.compress(data) + gzip.compress(b"more"), step) == data + b"more"
    assert decode("deflate", zlib.compress(data), step) == data
    if step > 1:
        assert decode("deflate", raw_deflate(data), step) == data


def test_a_body_without_any_bytes_is_empty() -> None:
    assert decode("gzip", b"", 10) == b""


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)[:-1]),
        ("gzip", gzip.compress(b"hello", mtime=0) + b"garbage"),
        ("gzip", b"garbage"),
        ("deflate", zlib.compress(b"hello") + b"garbage"),
        ("deflate", zlib.compress(b"hello")[:-1]),
    ],
)
def test_a_stream_that_is_not_whole_is_damaged(coding: str, data: bytes) -> None:
    with pytest.raises(BadResponse) as raised:
        decode(coding, data, 100)
    assert raised.value.detail_code == "decode"


def test_no_step_is_larger_than_a_quarter_of_a_mebibyte() -> None:
    assert max(map(len, Decoder("gzip").feed(gzip.compress(bytes(20 * MIB))))) <= MIB // 4
