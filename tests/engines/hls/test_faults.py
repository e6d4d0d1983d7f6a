"""Broken and hostile streams: what the standard asks for, or an error that names the segment; nothing is left out unsaid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from argosy.core.addresses import Addresses
from argosy.core.lifecycle import Stop
from argosy.core.types import FileState
from argosy.destinations.local import LocalDestination
from argosy.engines.curl import CurlEngine
from argosy.engines.hls import playlist
from argosy.engines.hls.engine import HlsEngine
from argosy.engines.hls.playlist import Media
from argosy.engines.port import Cancelled
from argosy.errors import AddressRefused, ArgosyError, BadResponse
from argosy.testing.engine_contract import RecordingDesk
from argosy.testing.faults import Cut, Redirect
from argosy.testing.faults import Status as Answers
from argosy.testing.poll import until
from argosy.testing.server import FaultyServer

from .stream import PLAIN, SECRET, TASK, brought

OTHER = bytes(range(16, 32))
HEAD = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"


def sealed(data: bytes, secret: bytes, iv: bytes) -> bytes:
    padder = PKCS7(128).padder()
    padded = padder.update(data) + padder.finalize()
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(iv)).encryptor()
    return encryptor.update(padded) + encryptor.finalize()


def segments(server: FaultyServer, count: int = 4) -> bytes:
    """Put segments on the server and return what they are together."""
    parts = [bytes([65 + number]) * 3000 for number in range(count)]
    for number, part in enumerate(parts):
        server.add(f"/s/{number}.ts", part)
    return b"".join(parts)


def listed(server: FaultyServer, body: str, path: str = "/s/film.m3u8") -> str:
    return server.add(path, f"{HEAD}{body}#EXT-X-ENDLIST\n".encode())


def uris(*names: object) -> str:
    return "".join(f"#EXTINF:1,\n{name}\n" for name in names)


# -- how playlists are written -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(), lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\n\n# a remark\n").encode(), lambda text: text.replace("#EXTINF:1,", "#EXTINF:1,Tïtle ☃").encode(),
        lambda text: text.replace("/s/0.ts", " /s/0.ts \t").encode(), lambda text: text.rstrip("\n").encode(),
    ],
    ids=["bom", "crlf", "remarks", "titles", "blanks", "no last newline"],
)  # fmt: skip
async def test_playlists_are_read_however_they_are_written(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination, written: object
) -> None:
    whole = segments(server)
    text = f"{HEAD}{uris('/s/0.ts', '1.ts?x=1', server.url('/s/2.ts'), '../s/3.ts')}#EXT-X-ENDLIST\n"
    assert callable(written)
    data, _ = await brought(engine, server.add("/s/film.m3u8", written(text)), destination)
    assert data == whole


async def test_what_a_redirected_playlist_names_is_seen_from_where_it_led(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    whole = segments(server)
    listed(server, uris(*(f"{n}.ts" for n in range(4))))
    url = server.add("/here/film.m3u8", b"", faults=[Redirect(server.url("/s/film.m3u8"))])
    data, _ = await brought(engine, url, destination)
    assert data == whole


async def test_low_latency_parts_are_not_mistaken_for_segments(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    whole = segments(server)
    text = (
        f'#EXT-X-PART-INF:PART-TARGET=0.5\n{uris("0.ts", "1.ts", "2.ts")}#EXT-X-PART:DURATION=0.5,URI="p1"\n{uris("3.ts")}'
        '#EXT-X-PART:DURATION=0.5,URI="p2"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p3"\n#EXT-X-RENDITION-REPORT:URI="../x"\n'
    )
    data, _ = await brought(engine, listed(server, text), destination)
    assert data == whole


async def test_ranges_without_an_offset_follow_those_before(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    server.add("/s/all.ts", bytes(range(256)) * 10)
    text = "#EXTINF:1,\n#EXT-X-BYTERANGE:100@50\nall.ts\n#EXTINF:1,\n#EXT-X-BYTERANGE:200\nall.ts\n#EXTINF:1,\n#EXT-X-BYTERANGE:7\nall.ts\n"
    data, _ = await brought(engine, listed(server, text), destination)
    assert data == (bytes(range(256)) * 10)[50:357]


def test_a_range_without_an_offset_behind_another_file_begins_at_its_beginning() -> None:
    text = f"{HEAD}#EXTINF:1,\n#EXT-X-BYTERANGE:9@9\na\n{uris('b')}#EXTINF:1,\n#EXT-X-BYTERANGE:5\na\n"
    media = playlist.read(text.encode(), "http://h/p.m3u8")
    assert isinstance(media, Media)
    assert [segment.piece.span for segment in media.segments][2] == playlist.Span(0, 5)


async def test_a_map_that_is_switched_in_the_middle_stands_before_its_segments(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    segments(server)
    for name in ("one", "two"):
        server.add(f"/s/{name}.mp4", b"\0\0\0\x0cftyp" + name.encode())
    text = (
        f'#EXT-X-MAP:URI="one.mp4"\n{uris("0.ts", "1.ts")}#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="two.mp4"\n{uris("2.ts")}'
        f'#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI="one.mp4?again=1"\n{uris("3.ts")}'
    )
    data, _ = await brought(engine, listed(server, text), destination)
    one, two = (b"\0\0\0\x0cftyp" + name for name in (b"one", b"two"))
    assert data == one + b"A" * 3000 + b"B" * 3000 + two + b"C" * 3000 + one + b"D" * 3000


async def test_a_segment_that_the_source_marks_as_missing_is_told(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    segments(server)
    data, desk = await brought(engine, listed(server, f"{uris('0.ts')}#EXT-X-GAP\n{uris('1.ts', '2.ts')}"), destination)
    assert data == b"A" * 3000 + b"C" * 3000
    assert desk.warnings == ["segments_missed"]


# -- keys ----------------------------------------------------------------------------------------------


async def test_keys_rotate_end_and_take_the_number_of_the_segment_where_no_iv_is_given(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    whole = segments(server)
    parts = [whole[number * 3000 : (number + 1) * 3000] for number in range(4)]
    server.add("/s/k1", SECRET)
    server.add("/s/k2", OTHER)
    iv = (255).to_bytes(16, "big")
    server.replace("/s/0.ts", sealed(parts[0], SECRET, (7).to_bytes(16, "big")))
    server.replace("/s/1.ts", sealed(parts[1], SECRET, iv))
    server.replace("/s/2.ts", sealed(parts[2], OTHER, (9).to_bytes(16, "big")))
    text = (
        f'#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-KEY:METHOD=AES-128,URI="k1"\n{uris("0.ts")}'
        f'#EXT-X-KEY:METHOD=AES-128,URI="k1",IV=0xFF\n{uris("1.ts")}#EXT-X-KEY:METHOD=AES-128,URI="k2"\n{uris("2.ts")}'
        f"#EXT-X-KEY:METHOD=NONE\n{uris('3.ts')}"
    )
    data, _ = await brought(engine, listed(server, text), destination)
    assert data == whole


async def test_an_encrypted_map_is_decrypted_and_one_in_clear_is_left_alone(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    whole = segments(server, 1)
    box = b"\0\0\0\x0cftypiso5"
    iv = (3).to_bytes(16, "big")
    server.add("/s/k", SECRET)
    server.add("/s/sealed.mp4", sealed(box, SECRET, iv))
    server.add("/s/clear.mp4", box)
    server.replace("/s/0.ts", sealed(whole, SECRET, iv))
    for name in ("sealed", "clear"):
        text = f'#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x3\n#EXT-X-MAP:URI="{name}.mp4"\n{uris("0.ts")}'
        data, _ = await brought(engine, listed(server, text, f"/s/{name}.m3u8"), destination)
        assert data == box + whole


# -- what is gone or damaged ---------------------------------------------------------------------------

FAULTS = {
    "no key": ("k1", [Answers(404)], "http_404"), "short key": ("short", [], "bad_key"), "web page": ("0.ts", [], "html_instead"),
    "gone": ("0.ts", [Answers(410)], "http_410"), "forbidden": ("0.ts", [Answers(403)], "http_403"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FAULTS)
async def test_what_cannot_be_had_is_an_error_that_names_the_segment(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination, kind: str
) -> None:
    name, faults, code = FAULTS[kind]
    segments(server)
    server.add("/s/k1", SECRET)
    server.add("/s/short", SECRET[:15])
    if kind == "web page":
        server.replace("/s/0.ts", b"<!DOCTYPE html><html></html>")
    server.set_faults(f"/s/{name}", *faults)
    key = "" if name == "0.ts" else f'#EXT-X-KEY:METHOD=AES-128,URI="{name}"\n'
    with pytest.raises(ArgosyError, match="segment 0") as failure:
        await brought(engine, listed(server, key + uris("0.ts", "1.ts")), destination)
    assert failure.value.detail_code == code


@pytest.mark.parametrize("data", [b"x" * 33, b"", b"x" * 32])
async def test_a_segment_that_does_not_decrypt_is_named_and_asked_for_again(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination, data: bytes
) -> None:
    server.add("/s/k", SECRET)
    server.add("/s/0.ts", data)
    with pytest.raises(BadResponse, match="segment 0"):
        await brought(engine, listed(server, f'#EXT-X-KEY:METHOD=AES-128,URI="k"\n{uris("0.ts")}'), destination)
    assert len(server.requests_to("/s/0.ts")) > 1


async def test_a_segment_that_is_cut_off_is_asked_for_again(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    whole = segments(server)
    server.set_faults("/s/1.ts", Cut(1000, times=2))
    data, _ = await brought(engine, listed(server, uris(*(f"{n}.ts" for n in range(4)))), destination)
    assert data == whole


async def test_links_that_expire_in_the_middle_are_read_again(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    whole = segments(server)
    for number in range(4):
        server.add(f"/s/fresh/{number}.ts", whole[number * 3000 : (number + 1) * 3000])
    url = listed(server, uris(*(f"{n}.ts" for n in range(4))))
    server.set_faults("/s/2.ts", Answers(403))
    server.set_faults("/s/3.ts", Answers(403))
    options = replace(PLAIN, connections=1)
    bringing = asyncio.create_task(brought(engine, url, destination, options))
    await until(lambda: server.requests_to("/s/2.ts"))
    listed(server, uris(*(f"fresh/{n}.ts" for n in range(4))))
    try:
        data, desk = await bringing
    except ArgosyError:
        data, desk = await brought(engine, url, destination, options)  # it was quicker than the new playlist
        assert desk.warnings == []
    else:
        assert desk.warnings == ["link_renewed"]
        assert not server.requests_to("/s/fresh/0.ts")
    assert data == whole


# -- too much ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        HEAD.encode() + b"#EXTINF:1,\na\n" * 500_000, HEAD.encode() + b"a\n" * 1_000_000, b"\x47" + bytes(187), b"#EXTM3U\n" + b"#EXT-X-X\n" * 1_700_000,
        HEAD.encode() + b"#EXTINF:1,\n#EXT-X-BYTERANGE:x\na\n", HEAD.encode() + b"#EXTINF:1,\nhttp://[\n",
        HEAD.encode() + b"#EXTINF:1,\n" + b"a" * 50_000_000, HEAD.encode() + b"#EXTINF:1,\n" + b"a" * 300_000,
        HEAD.encode() + b'#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0xZZ\n#EXTINF:1,\na\n',
        HEAD.encode() + b'#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x' + b"1" * 40 + b"\n#EXTINF:1,\na\n",
    ],
    ids=["segments", "lines", "transport stream", "tags", "range", "address", "50 MB line", "long line", "iv", "long iv"],
)  # fmt: skip
def test_playlists_that_make_no_sense_are_refused_at_once(data: bytes) -> None:
    with pytest.raises(BadResponse):
        playlist.read(data, "http://h/p.m3u8")


LEADS = {
    "variant": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{uri}\n",
    "sound": '#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="{uri}"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nv.m3u8\n',
    "subtitles": '#EXTM3U\n#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="s",NAME="s",URI="{uri}"\n#EXT-X-STREAM-INF:BANDWIDTH=1,SUBTITLES="s"\nv\n',
    "segment": HEAD + "#EXTINF:1,\n{uri}\n", "key": HEAD + '#EXT-X-KEY:METHOD=AES-128,URI="{uri}"\n#EXTINF:1,\na.ts\n',
    "map": HEAD + '#EXT-X-MAP:URI="{uri}"\n#EXTINF:1,\na.ts\n',
}  # fmt: skip


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize(
    "uri", ["file:///etc/passwd", "FILE:/etc/passwd", "concat:http://h/a|file:///etc/passwd", "subfile,,start,0,end,9,,:/etc/passwd",
            "data:text/plain,x", "ftp://h/x", "http://h/downgraded", "crypto:file:///etc/passwd", "gopher://h/"]
)  # fmt: skip
def test_nothing_in_a_playlist_leads_to_files_other_schemes_or_in_clear(lead: str, uri: str) -> None:
    try:
        found = playlist.read(LEADS[lead].format(uri=uri).encode(), "https://h/p.m3u8")
    except BadResponse:
        return
    # what has a comma before its colon is no scheme but a name on the same server
    assert uri.startswith("subfile,")
    assert "https://h/subfile" in repr(found)


async def test_a_stream_of_bytes_instead_of_a_playlist_is_not_swallowed_whole(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    server.add("/movie.ts", (b"\x47" + bytes(187)) * 100_000)
    url = server.add("/film.m3u8", b"", faults=[Redirect(server.url("/movie.ts"))])
    with pytest.raises(BadResponse) as failure:
        await brought(engine, url, destination)
    assert failure.value.detail_code == "too_large"


async def test_a_playlist_of_variants_without_any_is_refused(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    with pytest.raises(BadResponse, match="no variant"):
        await brought(engine, server.add("/m.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n"), destination)


async def test_playlists_that_lead_in_a_circle_are_left(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    url = server.add("/m.m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nm.m3u8\n")
    with pytest.raises(BadResponse, match="without end"):
        await brought(engine, url, destination)
    assert len(server.requests) < 10


async def test_with_a_limit_nothing_is_fetched_ahead_of_it(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    for number in range(20):
        server.add(f"/s/{number}.ts", bytes(50_000))
    url = listed(server, uris(*(f"{n}.ts" for n in range(20))))
    desk = RecordingDesk(destination, PLAIN, limit_bps=100_000)
    bringing = asyncio.create_task(engine.fetch(FileState(TASK, 0, (url,)), PLAIN, desk))
    await until(lambda: server.requests_to("/s/4.ts"))
    written = desk.parts[-1].read(0, 1_000_000)
    asked = len([record for record in server.requests if record.path.endswith(".ts")])
    assert asked * 50_000 <= len(written) + 50_000
    desk.cancel.set(Stop.PAUSE)
    with pytest.raises(Cancelled):
        await bringing
    desk.close()


# -- who may be asked, and told what -------------------------------------------------------------------

HERE = "127.0.0.2"
GUARDED = replace(PLAIN, public_only=True)


@pytest.fixture
async def guarded() -> AsyncIterator[HlsEngine]:
    """An engine whose owner allows ``HERE`` and nothing else of this machine."""
    curl = CurlEngine(Addresses((ip_network(HERE),)))
    yield HlsEngine(curl)
    await curl.close()


WAYS = {
    "segment": "{head}#EXTINF:1,\n{inside}\n", "key": '{head}#EXT-X-KEY:METHOD=AES-128,URI="{inside}"\n#EXTINF:1,\nok.ts\n',
    "map": '{head}#EXT-X-MAP:URI="{inside}"\n#EXTINF:1,\nok.ts\n', "variant": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{inside}\n",
    "redirect": "{head}#EXTINF:1,\nredirected\n",
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_a_guarded_task_reaches_nothing_inside_by_a_playlist(
    guarded: HlsEngine, server: FaultyServer, destination: LocalDestination, way: str
) -> None:
    inside = server.add("/inside", SECRET)
    with FaultyServer(host=HERE) as outside:
        outside.add("/ok.ts", bytes(100))
        outside.add("/redirected", b"", faults=[Redirect(inside)])
        text = WAYS[way].format(head=HEAD, inside=inside)
        with pytest.raises(AddressRefused):
            await brought(guarded, outside.add("/film.m3u8", f"{text}#EXT-X-ENDLIST\n".encode()), destination, GUARDED)
        data, _ = await brought(guarded, listed(outside, uris("/ok.ts")), destination, GUARDED)
        assert data == bytes(100)
    assert server.requests == []


async def test_passwords_and_headers_go_to_the_server_that_they_are_for_and_to_no_other(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    options = replace(
        PLAIN,
        user="name:secret",
        cookie="a=b",
        headers=(("X-Key", "open"), ("Accept-Language", "en")),
        referer="http://page/",
    )
    with FaultyServer(host=HERE) as other:
        other.add("/far.ts", bytes(100))
        server.add("/near.ts", bytes(100))
        await brought(
            engine, listed(server, uris("/near.ts", other.url("/far.ts")), "/film.m3u8"), destination, options
        )
        (near,), (far,) = server.requests_to("/near.ts"), other.requests_to("/far.ts")
    told = {name.lower(): value for name, value in near.request.headers}
    assert {"authorization", "cookie", "x-key", "accept-language", "referer"} <= told.keys()
    told = {name.lower(): value for name, value in far.request.headers}
    assert {"accept-language", "referer"} <= told.keys()
    assert not {"authorization", "cookie", "x-key"} & told.keys()
