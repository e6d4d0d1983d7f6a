"""What file ids mean, by every kind of catalogue, alone and behind the service."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from argosy.core.types import FileSpec
from argosy.errors import UsageError
from argosy.sources.catalogue import Catalogue, CatalogueError, PluginCatalogue, UnknownFiles, files_of, opened
from argosy.testing.server import FaultyServer

from .conftest import BODY
from .daemon import Daemon
from .test_jobs import ended, initiate

URL = "http://files.example/"


@asynccontextmanager
async def open_catalogue(setting: str, base: Path) -> AsyncIterator[Catalogue]:
    catalogue = opened(setting, base)
    assert catalogue is not None
    yield catalogue
    await catalogue.close()


async def found(setting: str, base: Path, *ids: int | str) -> list[FileSpec]:
    async with open_catalogue(setting, base) as catalogue:
        return await files_of(catalogue, ids)


def database(path: Path, rows: Sequence[tuple[Any, ...]], columns: str = "id INTEGER PRIMARY KEY, url TEXT") -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"CREATE TABLE files ({columns})")
        db.executemany(f"INSERT INTO files VALUES ({', '.join('?' * len(rows[0]))})", rows)
        db.commit()


# -- a template --------------------------------------------------------------------------------------


async def test_a_template_has_every_id_percent_encoded(tmp_path: Path) -> None:
    ids: list[int | str] = [70000, "a b", "../../etc/passwd", "x?y=1#z", "größe", "{id}", "%2e"]
    files = await found(URL + "{id}/data", tmp_path, *ids)
    assert [file.urls[0].removeprefix(URL) for file in files] == [
        "70000/data", "a%20b/data", "..%2F..%2Fetc%2Fpasswd/data", "x%3Fy%3D1%23z/data", "gr%C3%B6%C3%9Fe/data",
        "%7Bid%7D/data", "%252e/data",
    ]  # fmt: skip
    assert [json.loads(file.label or "") for file in files] == ids


@pytest.mark.parametrize("file_id", [".", "..", "..."])
async def test_a_template_knows_no_folder_above(tmp_path: Path, file_id: str) -> None:
    with pytest.raises(UnknownFiles):
        await found(URL + "{id}", tmp_path, file_id)


@pytest.mark.parametrize(
    "setting",
    [
        URL,
        "http://{id}.example/",
        "http://{id}@files.example/",
        "file:///{id}",
        "nosuch-plugin",
        "list.txt",
        "x y://{id}",
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_at_the_start(tmp_path: Path, setting: str) -> None:
    with pytest.raises(UsageError):
        opened(setting, tmp_path)


def test_no_setting_is_no_catalogue(tmp_path: Path) -> None:
    assert opened("", tmp_path) is None


# -- tables ------------------------------------------------------------------------------------------

SHA = "sha256:" + "a" * 64
ROW = {"url": URL + "a", "mirrors": [URL + "b"], "name": "sub/a.bin", "size": 5, "checksum": SHA}


def write_csv(folder: Path) -> str:
    (folder / "c.csv").write_text(
        f"ID,size,name,url,checksum,mirrors\n70000,5,sub/a.bin,{URL}a,{SHA},{URL}b\nplain,,,{URL}p,,\n"
    )
    return "c.csv"


def write_bare_csv(folder: Path) -> str:
    (folder / "c.csv").write_text(f"70000,{URL}a,sub/a.bin,5,{SHA}\n\nplain,{URL}p\n")
    return "c.csv"


def write_json(folder: Path) -> str:
    (folder / "c.json").write_text(json.dumps({"70000": ROW, "plain": URL + "p"}))
    return "c.json"


def write_sqlite(folder: Path) -> str:
    rows = [("70000", URL + "a", URL + "b", "sub/a.bin", 5, SHA), ("plain", URL + "p", None, None, None, None)]
    database(folder / "c.db", rows, "id TEXT, url TEXT, mirrors TEXT, name TEXT, size INTEGER, checksum TEXT")
    return "c.db"


@pytest.mark.parametrize("write", [write_csv, write_bare_csv, write_json, write_sqlite])
async def test_a_table_tells_all_it_knows_of_a_file(tmp_path: Path, write: Callable[[Path], str]) -> None:
    setting = write(tmp_path)
    full, plain, text = await found(setting, tmp_path, 70000, "plain", "70000")
    assert full.urls[0] == URL + "a"
    assert write is write_bare_csv or full.urls[1:] == (URL + "b",)
    assert (full.path, full.size, str(full.checksum)) == ("sub/a.bin", 5, SHA)
    assert (plain.urls, plain.path, plain.size, plain.checksum) == ((URL + "p",), None, None, None)
    assert (full.label, text.label) == ("70000", '"70000"')


@pytest.mark.parametrize("write", [write_csv, write_json, write_sqlite])
async def test_unknown_ids_are_named(tmp_path: Path, write: Callable[[Path], str]) -> None:
    with pytest.raises(UnknownFiles) as caught:
        await found(write(tmp_path), tmp_path, "plain", 1, 2**70, "'; DROP TABLE files; --")
    assert list(caught.value.unknown) == [1, 2**70, "'; DROP TABLE files; --"]
    assert caught.value.detail_code == "unknown_file"


@pytest.mark.parametrize("columns", ["id INTEGER PRIMARY KEY, url TEXT", "id TEXT, url TEXT"])
async def test_a_database_knows_a_number_as_a_number_or_as_a_text(tmp_path: Path, columns: str) -> None:
    database(tmp_path / "c.sqlite", [(70000, URL + "a")], columns)
    assert [file.urls for file in await found("c.sqlite", tmp_path, 70000, "70000")] == [(URL + "a",)] * 2


async def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"1": URL + "old"}))
    async with open_catalogue(str(path), tmp_path) as catalogue:
        assert (await files_of(catalogue, [1]))[0].urls == (URL + "old",)
        path.write_text(json.dumps({"1": URL + "newer"}))
        assert (await files_of(catalogue, [1]))[0].urls == (URL + "newer",)


async def test_a_replaced_database_is_opened_again(tmp_path: Path) -> None:
    database(tmp_path / "c.db", [(1, URL + "old")])
    database(tmp_path / "next.db", [(1, URL + "new")])
    async with open_catalogue("c.db", tmp_path) as catalogue:
        assert (await files_of(catalogue, [1]))[0].urls == (URL + "old",)
        (tmp_path / "next.db").replace(tmp_path / "c.db")
        assert (await files_of(catalogue, [1]))[0].urls == (URL + "new",)


async def test_a_database_that_changes_is_asked_as_it_is_now_and_never_written(tmp_path: Path) -> None:
    database(tmp_path / "c.db", [(1, URL + "one")])
    async with open_catalogue("c.db", tmp_path) as catalogue:
        with pytest.raises(UnknownFiles):
            await files_of(catalogue, [2])
        with closing(sqlite3.connect(tmp_path / "c.db")) as db:
            db.execute("INSERT INTO files VALUES (2, ?)", (URL + "two",))
            db.commit()
        assert (await files_of(catalogue, [2]))[0].urls == (URL + "two",)


@pytest.mark.parametrize(
    ("name", "content"),
    [("c.json", b"[]"), ("c.json", b"{"), ("c.json", b"\xff"), ("c.csv", b'1,"http://x'), ("c.csv", b"\xff,\xfe"),
     ("c.db", b"no database at all"), ("c.db", b""), ("missing.csv", None)],
)  # fmt: skip
async def test_a_catalogue_that_cannot_be_read_says_so_and_not_where_it_is(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CatalogueError) as caught:
        await found(name, tmp_path, 1)
    assert str(tmp_path) not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    "entry",
    [None, 7, [], {}, {"url": None}, {"url": "file:///etc/passwd"}, "ftp//x", {"url": URL, "size": -1}, {"url": URL, "size": "x"},
     {"url": URL, "checksum": "md9:00"}, {"url": URL, "name": "../../etc/passwd"}, {"url": URL, "mirrors": ["javascript:x"]},
     {"url": URL, "mirrors": 5}],
)  # fmt: skip
async def test_an_entry_that_makes_no_sense_is_named_and_hinders_no_other(tmp_path: Path, entry: object) -> None:
    (tmp_path / "c.json").write_text(json.dumps({"bad": entry, "good": URL}))
    assert (await found("c.json", tmp_path, "good"))[0].urls == (URL,)
    with pytest.raises(CatalogueError, match='"bad"'):
        await found("c.json", tmp_path, "bad")


# -- plug-ins ----------------------------------------------------------------------------------------


async def test_a_plain_function_is_asked_in_a_thread() -> None:
    threads = []

    def look_up(ids: Sequence[int | str]) -> Mapping[int | str, str]:
        threads.append(threading.current_thread())
        return {each: f"{URL}{each}" for each in ids if each != 3}

    catalogue = PluginCatalogue("mine", look_up)
    assert [file.urls for file in await files_of(catalogue, [1, "x"])] == [(URL + "1",), (URL + "x",)]
    assert threads != [threading.main_thread()]
    with pytest.raises(UnknownFiles):
        await files_of(catalogue, [3])


async def test_a_coroutine_function_is_awaited() -> None:
    async def look_up(ids: Sequence[int | str]) -> Mapping[int | str, Mapping[str, str]]:
        await asyncio.sleep(0)
        return {each: {"url": f"{URL}{each}", "name": "n"} for each in ids}

    (file,) = await files_of(PluginCatalogue("mine", look_up), [1])
    assert (file.urls, file.path) == ((URL + "1",), "n")


async def test_a_plug_in_that_fails_or_hangs_tells_nothing_of_itself() -> None:
    def fail(_: Sequence[int | str]) -> Mapping[int | str, str]:
        raise RuntimeError("password=hunter2")

    async def hang(_: Sequence[int | str]) -> Mapping[int | str, str]:
        await asyncio.Event().wait()
        return {}

    with pytest.raises(CatalogueError) as caught:
        await files_of(PluginCatalogue("mine", fail), [1])
    assert "hunter2" not in str(caught.value)
    with pytest.raises(CatalogueError) as late:
        await files_of(PluginCatalogue("mine", hang, patience_s=0.05), [1])
    assert late.value.retryable


# -- behind the service ------------------------------------------------------------------------------


def test_file_ids_become_a_job_whose_results_bear_them(daemons: Callable[..., Daemon], server: FaultyServer) -> None:
    for name in ("70000", "x%20y"):
        server.add(f"/files/{name.replace('%20', ' ')}", BODY + name.encode())
    service = daemons(ARGOSY_CATALOGUE=server.origin + "/files/{id}").start()
    job = initiate(service, file_ids=[70000, "x y"])
    assert job["total_files"] == 2
    done = ended(service, job["job_id"])
    assert done["status"] == "completed"
    assert [each["file_id"] for each in done["results"]] == [70000, "x y"]


def test_ids_that_nobody_knows_are_pointed_at_and_nothing_starts(
    daemons: Callable[..., Daemon], tmp_path: Path
) -> None:
    (tmp_path / "c.csv").write_text(f"1,{URL}1\n")
    service = daemons(ARGOSY_CATALOGUE=str(tmp_path / "c.csv")).start()
    refused = initiate(service, file_ids=[1, 2, "three"], status=422)
    assert refused["code"] == "unknown_file"
    assert [each["pointer"] for each in refused["errors"]] == ["/file_ids/1", "/file_ids/2"]
    assert service.request("GET", "/v1/tasks").json()["tasks"] == []


def test_ids_and_urls_go_together_and_an_id_named_twice_is_one(
    daemons: Callable[..., Daemon], server: FaultyServer
) -> None:
    server.add("/files/1", b"one")
    url = server.add("/two", b"two")
    service = daemons(ARGOSY_CATALOGUE=server.origin + "/files/{id}").start()
    done = ended(service, initiate(service, url, file_ids=[1, "1"])["job_id"])
    assert [each["file_id"] for each in done["results"]] == [1, url]


def test_a_private_address_in_a_catalogue_is_as_closed_as_any(
    daemons: Callable[..., Daemon], server: FaultyServer
) -> None:
    server.add("/files/1", b"one")
    service = daemons(ARGOSY_CATALOGUE=server.origin + "/files/{id}", ARGOSY_ALLOW_NETWORK="").start()
    done = ended(service, initiate(service, file_ids=[1])["job_id"])
    assert (done["status"], done["results"][0]["code"]) == ("failed", "address")
    assert server.requests == []


def test_a_service_with_a_catalogue_that_cannot_be_meant_does_not_start(daemons: Callable[..., Daemon]) -> None:
    daemon = daemons(ARGOSY_CATALOGUE="http://{id}.example/")
    with pytest.raises(AssertionError, match="catalogue"):
        daemon.start()
