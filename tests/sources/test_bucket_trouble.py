"""A bucket that changes, is busy or has lost something: what can come comes, and what is missing is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from argosy import Request, Runtime
from argosy.core.types import FileState
from argosy.errors import ArgosyError, BadResponse
from argosy.sources.listing import page_of
from argosy.sources.lock import INSIDE, read

from .objects import Bucket, bucket


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with bucket() as held:
        for number in range(25):
            held.put(f"n{number:02}.bin", b"%d" % number * 100)
        yield held


async def brought(store: Bucket, folder: Path) -> list[FileState]:
    async with Runtime(folder / "home") as runtime:
        (task,) = await runtime.add_many([Request(store.source, directory=folder / "out", max_retries=0)])
        with suppress(ArgosyError):
            await task
        return list(await runtime.files(task.id))


def on_disk(folder: Path) -> dict[str, bytes]:
    out = folder / "out"
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name != INSIDE
    }


async def test_an_object_that_is_listed_and_gone_fails_alone(store: Bucket, tmp_path: Path) -> None:
    store.missing = {"n07.bin", "n11.bin"}
    files = await brought(store, tmp_path)
    assert {file.path for file in files if file.error} == store.missing
    assert all(file.error.code == "http_404" for file in files if file.error)
    assert on_disk(tmp_path).keys() == store.objects.keys() - store.missing
    lock = read(tmp_path / "out" / INSIDE)
    assert not lock.complete
    assert {path: why.partition(":")[0] for path, why in (lock.missing or {}).items()} == dict.fromkeys(
        store.missing, "http_404"
    )
    assert {row.path for row in lock.rows} == store.objects.keys() - store.missing


async def test_a_busy_bucket_is_asked_again_page_by_page_and_object_by_object(store: Bucket, tmp_path: Path) -> None:
    store.page = 10
    store.busy = ["/data", "/data/n03.bin", "/data", "/data/n20.bin"]
    await brought(store, tmp_path)
    assert on_disk(tmp_path) == store.objects


async def test_a_listing_that_changes_between_its_pages_has_everything_once(store: Bucket, tmp_path: Path) -> None:
    store.page = 10
    there = dict(store.objects)

    def change() -> None:
        store.put("n000.bin", b"sorts before what was listed already")
        store.put("zzz.bin", b"sorts after it")

    store.after_page = change
    files = await brought(store, tmp_path)
    assert on_disk(tmp_path) == there | {"zzz.bin": b"sorts after it"}
    assert len(files) == len({file.path for file in files})


async def test_an_object_that_is_not_what_its_etag_says_is_not_published(store: Bucket, tmp_path: Path) -> None:
    store.etags["n02.bin"] = f'"{"0" * 32}"'
    files = await brought(store, tmp_path)
    assert [file.path for file in files if file.error and file.error.code == "checksum"] == ["n02.bin"]
    assert "n02.bin" not in on_disk(tmp_path)


async def test_parts_of_an_unusual_size_are_not_held_against_the_object(store: Bucket, tmp_path: Path) -> None:
    store.etags["n02.bin"] = f'"{"0" * 32}-2"'
    files = await brought(store, tmp_path)
    assert on_disk(tmp_path) == store.objects
    assert {file.verified_by for file in files if file.path == "n02.bin"} == {"length"}


async def test_sockets_stay_few_however_many_objects_there_are(store: Bucket, tmp_path: Path) -> None:
    for number in range(600):
        store.put(f"many/{number}", b"x" * number)
    await brought(store, tmp_path)
    assert on_disk(tmp_path) == store.objects
    assert store.most_open <= 33  # as many as a task has lanes, and the listing


@pytest.mark.parametrize(
    "document",
    [
        b"", b"<html>", b"<Error><Code>NoSuchBucket</Code></Error>", b"<ListBucketResult><Contents/></ListBucketResult>",
        b"<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
        b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        b'<!DOCTYPE x [<!ENTITY e "e">]><ListBucketResult/>', b"<ListBucketResult>" + b"<x>" * 50,
    ],
)  # fmt: skip
def test_a_listing_that_makes_no_sense_is_not_believed(document: bytes) -> None:
    with pytest.raises(BadResponse):
        page_of(document)


async def test_a_listing_that_never_ends_is_given_up(store: Bucket, tmp_path: Path) -> None:
    store.answer = (
        b"<ListBucketResult><IsTruncated>true</IsTruncated>"
        b"<NextContinuationToken>again</NextContinuationToken></ListBucketResult>"
    )
    async with Runtime(tmp_path / "home") as runtime:
        (task,) = await runtime.add_many([Request(store.source, directory=tmp_path / "out", max_retries=0)])
        with pytest.raises(ArgosyError, match="circles"):
            await task
