"""Samples that are encrypted within their container, against streams that another program has made."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy import Request, Runtime, TransferOptions
from argosy.destinations.local import LocalDestination
from argosy.engines.hls import playlist
from argosy.engines.hls.crypt import decrypted
from argosy.engines.hls.engine import HlsEngine
from argosy.engines.hls.playlist import Key, Media
from argosy.errors import BadResponse
from argosy.testing.server import FaultyServer

from .stream import brought

MADE = Path(__file__).parent / "sample_aes"
KEY = Key("SAMPLE-AES", "http://h/key.bin", bytes.fromhex("0f0e0d0c0b0a09080706050403020100"))
SECRET = (MADE / "key.bin").read_bytes()


def frames(path: Path, kind: str) -> list[str]:
    """Return the checksum of each frame that is decoded; AssertionError if anything is wrong with the file."""
    ran = subprocess.run(
        ["ffmpeg", "-v", "warning", "-i", str(path), "-map", f"0:{kind}", "-f", "framemd5", "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stderr == ""
    return [line.rpartition(",")[2].strip() for line in ran.stdout.splitlines() if not line.startswith("#")]


def original(name: str) -> list[str]:
    return (MADE / f"{name}.framemd5").read_text().split()


def offer(server: FaultyServer) -> None:
    for path in MADE.iterdir():
        server.add(f"/s/{path.name}", path.read_bytes())


@pytest.mark.parametrize(("kind", "name"), [("v", "picture"), ("a", "sound")])
async def test_every_frame_is_that_of_the_original(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination, tmp_path: Path, kind: str, name: str
) -> None:
    offer(server)
    data, _ = await brought(engine, server.url(f"/s/{kind}.m3u8"), destination)
    (tmp_path / "out.ts").write_bytes(data)
    # an encoder of sound begins with a frame of silence, which only a container that knows leaves out
    assert frames(tmp_path / "out.ts", kind)[-len(original(name)) :] == original(name)
    assert len(data) == sum(path.stat().st_size for path in MADE.glob(f"{kind}?.ts"))


async def test_picture_and_sound_are_joined(server: FaultyServer, tmp_path: Path) -> None:
    offer(server)
    async with Runtime(tmp_path / "home", directory=tmp_path / "out") as runtime:
        (task,) = await runtime.add_many(
            [Request(server.url("/s/index.m3u8"), options=TransferOptions(), max_retries=0)]
        )
        await task
    assert frames(task.path, "v") == original("picture")
    assert frames(task.path, "a")[-len(original("sound")) :] == original("sound")


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"\0\0\0\x10styp" + bytes(180), KEY), ((MADE / "v1.ts").read_bytes()[:-1], KEY), (b"", KEY), (b"\xff\xf1" * 94, KEY),
        ((MADE / "v1.ts").read_bytes(), Key("SAMPLE-AES", "http://h/k", None)),
        ((MADE / "v1.ts").read_bytes(), Key("SAMPLE-AES-CTR", "http://h/k", KEY.iv)),
        ((MADE / "a1.ts").read_bytes()[: 3 * 188], KEY),
    ],
    ids=["fragmented MP4", "cut", "empty", "packed sound", "no IV", "CTR", "a frame that is cut"],
)  # fmt: skip
def test_what_cannot_be_decrypted_so_is_refused(data: bytes, key: Key) -> None:
    with pytest.raises(BadResponse, match="segment 7") as failure:
        decrypted(data, key, SECRET, 7)
    assert failure.value.detail_code == "encrypted"


async def test_a_key_that_only_a_licence_gives_is_refused_by_its_name(
    engine: HlsEngine, server: FaultyServer, destination: LocalDestination
) -> None:
    offer(server)
    text = (
        (MADE / "v.m3u8")
        .read_text()
        .replace("key.bin", "skd://x")
        .replace("identity", "com.apple.streamingkeydelivery")
    )
    with pytest.raises(BadResponse, match="streamingkeydelivery") as failure:
        await brought(engine, server.add("/s/fairplay.m3u8", text.encode()), destination)
    assert failure.value.detail_code == "encrypted"


def test_what_is_in_clear_stays_as_it_is() -> None:
    plain = decrypted((MADE / "v1.ts").read_bytes(), KEY, SECRET, 1)
    assert decrypted(plain, KEY, SECRET, 1) == plain


def test_the_playlist_says_how() -> None:
    media = playlist.read((MADE / "v.m3u8").read_bytes(), "http://h/v.m3u8")
    assert isinstance(media, Media)
    assert media.segments[0].key == KEY


@given(st.data())
def test_damage_is_refused_or_passed_on_and_never_breaks_anything(data: st.DataObject) -> None:
    content = bytearray((MADE / data.draw(st.sampled_from(["v1.ts", "a1.ts"]))).read_bytes())
    for _ in range(data.draw(st.integers(1, 20))):
        at = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 600))
        content[at] = data.draw(st.integers(0, 255))
    with suppress(BadResponse):
        assert len(decrypted(bytes(content), KEY, SECRET, 1)) == len(content)
