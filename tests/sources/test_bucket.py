"""Buckets: a server that speaks S3, and what the keys of objects become on a disk."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from argosy import Request, Runtime, TransferOptions
from argosy.core.etag import MIB
from argosy.core.names import safe_path
from argosy.core.types import Status
from argosy.errors import ArgosyError, UsageError
from argosy.sources.bucket import BucketSource, parse
from argosy.sources.keys import key_of, local_path, local_paths
from argosy.sources.lock import INSIDE
from argosy.sources.place import Place
from argosy.sources.s3 import address
from argosy.sources.signature import Credentials, signed
from argosy.testing.source_contract import SourceContract, SourceSubject

OBJECTS = {
    "tree/a.txt": b"a" * 10,
    "tree/sub/b.bin": bytes(range(256)) * 300,
    "tree/ü +%.txt": b"x",
    "other/c": b"c",
    "treehouse/d": b"d",
    **{
        f"odd/{key}": key.encode() for key in ("a//b", "../x", ".", "a", "a/b", "x/./y", "sp ace", "p+us", "50%25", "ü")
    },
    "odd/folder/": b"",
}
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", int(sys.argv[1]), verbose=False)
server.start()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SERVER, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, **KEYS, "AWS_DEFAULT_REGION": "us-east-1"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert "ready" in process.stdout.readline()
        url = f"http://127.0.0.1:{port}"
        _put(f"{url}/data")
        for key, body in OBJECTS.items():
            _put("".join(address(Place("s3", "data", "", url), key)), body)
        yield url
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        assert process.stdin is not None
        process.stdin.close()


def _put(url: str, body: bytes = b"") -> None:
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(len(body)), "x-amz-acl": "public-read"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PUT"), timeout=10):
        pass


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


async def brought(source: str, folder: Path, **more: object) -> dict[str, bytes]:
    async with Runtime(folder / "home") as runtime:
        request = Request(source, directory=folder / "out", max_retries=0, **more)  # type: ignore[arg-type]
        (task,) = await runtime.add_many([request])
        done = await task
        assert done.status is Status.COMPLETED
    out = folder / "out"
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != INSIDE
    }


async def test_all_below_a_prefix_comes_without_credentials(emulator: str, tmp_path: Path) -> None:
    files = await brought(f"s3://data/tree?endpoint={emulator}", tmp_path)
    assert files == {"a.txt": b"a" * 10, "sub/b.bin": OBJECTS["tree/sub/b.bin"], "ü +%25.txt": b"x"}


async def test_patterns_choose(emulator: str, tmp_path: Path) -> None:
    assert set(await brought(f"s3://data/tree/?endpoint={emulator}", tmp_path, include=["*.bin"])) == {"sub/b.bin"}


async def test_one_object_is_one_file(emulator: str, tmp_path: Path) -> None:
    assert await brought(f"s3://data/tree/sub/b.bin?endpoint={emulator}", tmp_path) == {
        "b.bin": OBJECTS["tree/sub/b.bin"]
    }


async def test_with_credentials_the_links_are_signed(
    emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    assert await brought(f"s3://data/other?endpoint={emulator}", tmp_path) == {"c": b"c"}


@pytest.mark.parametrize("source", ["s3://data/nothing/", "s3://no-such-bucket/x"])
async def test_what_is_not_there_is_an_error_that_says_so(emulator: str, tmp_path: Path, source: str) -> None:
    with pytest.raises(ArgosyError) as failure:
        await asyncio.wait_for(brought(f"{source}?endpoint={emulator}", tmp_path), 60)
    assert "s3://" in failure.value.message


async def test_somebody_else_may_not_choose_the_endpoint(emulator: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        await brought(f"s3://data/tree?endpoint={emulator}", tmp_path, options=TransferOptions(public_only=True))


@pytest.mark.parametrize("text", ["s3://", "s3:///x", "s3://b/x?versions=1", "s3://b/x#y", "s3://../x"])
def test_what_is_no_bucket(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text, {})


@pytest.mark.parametrize("key", ["../x", "a/../b", ".", "a//b", "/a", "a\\b", "a:b", "x\n", "..%2f", "CON"])
def test_a_key_becomes_a_path_that_stays_in_its_folder(key: str) -> None:
    path = local_path(key)
    assert ".." not in path.split("/")
    assert "" not in path.split("/")
    assert safe_path(path)


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12), unique=True, max_size=8))
def test_every_key_has_a_path_of_its_own_and_can_be_told_from_it(keys: list[str]) -> None:
    paths = local_paths(keys)
    assert [key_of(path) for path in paths] == keys
    assert len(set(paths)) == len(keys)
    for path in paths:
        assert not any(other.startswith(f"{path}/") for other in paths)
        assert not {"", ".", ".."} & set(path.split("/"))


async def test_keys_that_are_no_paths_come_under_names_that_tell_them(emulator: str, tmp_path: Path) -> None:
    files = await brought(f"s3://data/odd?endpoint={emulator}", tmp_path)
    expected = {key.removeprefix("odd/"): body for key, body in OBJECTS.items() if key.startswith("odd/") and body}
    assert {key_of(path): body for path, body in files.items()} == expected
    assert "../x" in expected


@pytest.mark.parametrize("damaged", [False, True])
async def test_an_object_sent_in_parts_is_proved_by_its_etag(emulator: str, tmp_path: Path, damaged: bool) -> None:
    body = bytes(range(256)) * (11 * 1024 * 4)
    parts = [body[at : at + 5 * MIB] for at in range(0, len(body), 5 * MIB)]
    client = boto3.client("s3", endpoint_url=emulator, region_name="us-east-1", aws_access_key_id="test",
                          aws_secret_access_key="test")  # fmt: skip
    try:
        upload = client.create_multipart_upload(Bucket="data", Key="parts/big.bin", ACL="public-read")["UploadId"]
        about = {"Bucket": "data", "Key": "parts/big.bin", "UploadId": upload}
        tags = [client.upload_part(**about, PartNumber=n, Body=part)["ETag"] for n, part in enumerate(parts, 1)]
        told = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
        client.complete_multipart_upload(**about, MultipartUpload={"Parts": told})
    finally:
        client.close()
    async with Runtime(tmp_path / "home") as runtime:
        request = Request(f"s3://data/parts?endpoint={emulator}", directory=tmp_path / "out", max_retries=0)
        (task,) = await runtime.add_many([request])
        await task
        (file,) = await runtime.files(task.id)
        assert (file.verified_by, str(file.checksum)) == ("etag", f"etag:{file.etag}".replace('"', ""))
        if damaged:
            (tmp_path / "out/big.bin").write_bytes(body[:-1] + b"!")
        assert (await runtime.verify(task.id)).ok is not damaged


def test_links_are_signed_as_amazon_signs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place("s3", "my-bucket", "", None, "eu-west-3")
    base, path = address(place, "a b/ü+%.txt")
    ours = signed(base, path, {}, Credentials("AKID", "secret", "tok/en"), region=place.region,
                  at="20260102T030405Z", seconds=60)  # fmt: skip
    theirs = AWSRequest("GET", f"{base}{path}")
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda **_: moment.replace(tzinfo=None))
    S3SigV4QueryAuth(BotoCredentials("AKID", "secret", "tok/en"), "s3", place.region, expires=60).add_auth(theirs)
    assert parse_qs(urlsplit(ours).query) == parse_qs(urlsplit(theirs.url).query)


def test_an_object_that_is_called_as_a_folder_has_another_name() -> None:
    assert local_paths(["a", "a/b", "c"]) == ["a%", "a/b", "c"]


class TestContract(SourceContract):
    @pytest.fixture
    def subject(self, emulator: str) -> SourceSubject:
        return SourceSubject(BucketSource(), f"s3://data/tree/?endpoint={emulator}", "s3://?", unwanted="*.txt")
