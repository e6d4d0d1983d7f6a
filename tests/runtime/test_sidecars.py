"""Lists of checksums beside the files, from a real server to the published file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from argosy import ArgosyError, Runtime, TransferOptions, Warned
from argosy.errors import IntegrityError, ServerRefused
from argosy.testing.faults import HtmlPage, RequireBasic, Stall, Status
from argosy.testing.poll import until
from argosy.testing.server import FaultyServer

BODY = bytes(range(256)) * 300
RIGHT = hashlib.sha256(BODY).hexdigest()
WRONG = hashlib.sha256(b"something else").hexdigest()
AUTO = TransferOptions(sidecar="auto")


async def warnings(runtime: Runtime) -> list[str]:
    return [event.event.code for event in await runtime.events() if isinstance(event.event, Warned)]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/d/data.bin.sha256", RIGHT),
        ("/d/data.bin.sha256sum", f"{RIGHT}  data.bin\n"),
        ("/d/SHA256SUMS", f"{WRONG}  other.bin\n{RIGHT}  data.bin\n"),
        ("/d/sha256sum.txt", f"{RIGHT} *data.bin\n"),
        ("/d/MD5SUMS", f"MD5 (data.bin) = {hashlib.md5(BODY).hexdigest()}\n"),
    ],
)
async def test_a_list_in_a_usual_place_is_found_and_heeded(
    server: FaultyServer, real: Any, path: str, text: str
) -> None:
    url = server.add("/d/data.bin", BODY)
    server.add(path, text.encode())
    async with real() as runtime:
        task = await runtime.add(url, options=AUTO)
        await task
        (file,) = await runtime.files(task.id)
        assert await warnings(runtime) == []
    assert file.verified_by in ("sha256", "md5")
    assert task.path.read_bytes() == BODY


@pytest.mark.parametrize("sidecar", ["auto", "named"])
async def test_what_a_list_says_otherwise_is_not_published(server: FaultyServer, real: Any, sidecar: str) -> None:
    url = server.add("/d/data.bin", BODY)
    lists = server.add("/d/SHA256SUMS", f"{WRONG}  data.bin\n".encode())
    async with real() as runtime:
        options = TransferOptions(sidecar="auto" if sidecar == "auto" else lists)
        task = await runtime.add(url, options=options)
        with pytest.raises(IntegrityError) as caught:
            await task
    assert caught.value.detail_code == "checksum"
    assert RIGHT in caught.value.message
    assert WRONG in caught.value.message
    assert real.names() == set()
    assert len(server.requests_to("/d/data.bin")) == 2


async def test_where_no_list_is_found_the_file_comes_with_a_warning(server: FaultyServer, real: Any) -> None:
    url = server.add("/d/data.bin", BODY)
    async with real() as runtime:
        task = await runtime.add(url, options=AUTO)
        await task
        (file,) = await runtime.files(task.id)
        assert await warnings(runtime) == ["no_checksum"]
    assert file.verified_by == "length"


async def test_a_page_or_a_refusal_where_a_list_might_be_is_no_list(server: FaultyServer, real: Any) -> None:
    url = server.add("/d/data.bin", BODY)
    server.add("/d/data.bin.sha256", b"x", faults=[HtmlPage()])
    server.add("/d/SHA256SUMS", b"x", faults=[RequireBasic("a", "b", refuse_with=403)])
    server.add("/d/sha256sum.txt", f"{RIGHT}  data.bin\n".encode())
    async with real() as runtime:
        task = await runtime.add(url, options=AUTO)
        await task
        (file,) = await runtime.files(task.id)
    assert file.verified_by == "sha256"


async def test_a_list_that_was_named_must_be_there(server: FaultyServer, real: Any) -> None:
    url = server.add("/d/data.bin", BODY)
    async with real() as runtime:
        task = await runtime.add(url, options=TransferOptions(sidecar=server.url("/sums") + "?token=canary"))
        with pytest.raises(ServerRefused, match=r"the list of checksums http://.*/sums\?token=\*\*\*: .*404"):
            await task
    assert server.requests_to("/d/data.bin") == []


async def test_a_list_that_was_named_must_name_the_file(server: FaultyServer, real: Any) -> None:
    url = server.add("/d/data.bin", BODY)
    lists = server.add("/sums", f"{RIGHT}  other.bin\n".encode())
    async with real() as runtime:
        task = await runtime.add(url, options=TransferOptions(sidecar=lists))
        with pytest.raises(ArgosyError, match=r"/sums has no checksum of data\.bin") as caught:
            await task
    assert caught.value.detail_code == "no_checksum"


async def test_a_busy_server_is_asked_again_instead_of_doing_without_the_list(server: FaultyServer, real: Any) -> None:
    url = server.add("/d/data.bin", BODY)
    server.add("/d/data.bin.sha256", RIGHT.encode(), faults=[Status(503, times=1)])
    async with real() as runtime:
        task = await runtime.add(url, options=AUTO)
        await until(lambda: len(server.requests) == 1)
        await until(_retrying(runtime, task.id))
        await runtime.start([task.id])
        await task
        (file,) = await runtime.files(task.id)
    assert file.verified_by == "sha256"


def _retrying(runtime: Runtime, task_id: str) -> Callable[[], Any]:
    async def look() -> bool:
        return (await runtime.task(task_id)).status == "retrying"

    return look


async def test_a_list_in_a_folder_is_read_once_for_all_its_files(server: FaultyServer, real: Any) -> None:
    bodies = {f"{i}.bin": BODY[i:] for i in range(30)}
    urls = [server.add(f"/d/{name}", body) for name, body in bodies.items()]
    lines = [f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in bodies.items()]
    server.add("/d/SHA256SUMS", "".join(lines).encode())
    async with real() as runtime:
        task = await runtime.add(urls, options=AUTO)
        await task
        files = await runtime.files(task.id)
    assert {file.verified_by for file in files} == {"sha256"}
    assert len(server.requests_to("/d/SHA256SUMS")) == 1


async def test_another_server_sees_no_credentials(server: FaultyServer, real: Any) -> None:
    url = server.add("/d/data.bin", BODY)
    with FaultyServer() as other:
        lists = other.add("/sums", f"{RIGHT}  data.bin\n".encode())
        options = TransferOptions(
            sidecar=lists, headers=(("X-Api-Key", "canary"),), user="me:canary", cookie="s=canary"
        )
        async with real() as runtime:
            await (await runtime.add(url, options=options))
        assert not any("canary" in str(record.request) for record in other.requests)
        assert all(record.user is None for record in other.requests)
    assert server.requests_to("/d/data.bin")[0].header("X-Api-Key") == "canary"


async def test_a_pause_does_not_wait_for_a_list_that_does_not_come(server: FaultyServer, real: Any) -> None:
    url = server.add("/d/data.bin", BODY)
    server.add("/d/data.bin.sha256", RIGHT.encode(), faults=[Stall()])
    async with real() as runtime:
        task = await runtime.add(url, options=AUTO)
        await until(lambda: server.requests)
        await task.pause()
        await until(_paused(runtime, task.id), 2)


def _paused(runtime: Runtime, task_id: str) -> Callable[[], Any]:
    async def look() -> bool:
        return (await runtime.task(task_id)).status == "paused"

    return look
