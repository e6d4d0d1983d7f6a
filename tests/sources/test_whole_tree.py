"""A dataset appears as a whole or not at all, whatever happens on the way; one that is here is updated file by file."""

from __future__ import annotations

from pathlib import Path

import pytest

from argosy import Request, Runtime, TransferOptions
from argosy.core.types import Status, TaskId
from argosy.errors import ArgosyError, LocalError
from argosy.sources.lock import difference, read
from argosy.testing.faults import Status as Answer

from .test_openneuro import IMAGES, TOP, Api, api

__all__ = ["api"]
LOST = "sub-02/func/sub-02_task-nback_bold.nii.gz"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def hidden(folder: Path) -> list[Path]:
    return list(folder.glob(".ds000001.*.tree"))


def request(folder: Path, **options: object) -> Request:
    return Request(
        "openneuro:ds000001", directory=folder / "ds000001", max_retries=0,
        options=TransferOptions(file_retries=0, **options),  # type: ignore[arg-type]
    )  # fmt: skip


async def failed(runtime: Runtime, folder: Path) -> TaskId:
    (task,) = await runtime.add_many([request(folder)])
    with pytest.raises(ArgosyError):
        await task
    return task.id


async def test_nothing_appears_before_all_is_here(api: Api, tmp_path: Path) -> None:
    api.bucket.set_faults(f"/1.0.0/{LOST}", Answer(404))
    async with Runtime(tmp_path / "home") as runtime:
        task_id = await failed(runtime, tmp_path)
        assert not (tmp_path / "ds000001").exists()
        (place,) = hidden(tmp_path)
        assert tree(place).keys() == (TOP | IMAGES).keys() - {LOST}
        assert read(tmp_path / "ds000001.lock.json").missing
        asked = len(api.bucket.requests)
        api.bucket.set_faults(f"/1.0.0/{LOST}")
        await runtime.retry([task_id])
        task = await runtime.rest(task_id)
        assert task is not None
        assert task.status is Status.COMPLETED
    assert tree(tmp_path / "ds000001") == TOP | IMAGES
    assert hidden(tmp_path) == []
    assert read(tmp_path / "ds000001.lock.json").complete
    assert len(api.bucket.requests) == asked + 1


async def test_giving_it_up_removes_all_of_it_and_a_second_try_brings_all(api: Api, tmp_path: Path) -> None:
    api.bucket.set_faults(f"/1.0.0/{LOST}", Answer(503, retry_after=60, times=1))
    async with Runtime(tmp_path / "home") as runtime:
        wanted = request(tmp_path)
        (task,) = await runtime.add_many([Request(
            wanted.source, directory=wanted.directory, max_retries=3, options=TransferOptions(file_retries=3),
        )])  # fmt: skip
        async with runtime.subscribe(task_id=task.id) as events:
            while (progress := runtime.live_progress(task.id)) is None or progress.files_done < len(TOP | IMAGES) - 1:
                await events.within(0.05)
        await task.cancel()
    assert not (tmp_path / "ds000001").exists()
    assert hidden(tmp_path) == []
    async with Runtime(tmp_path / "home") as runtime:
        (again,) = await runtime.add_many([request(tmp_path)])
        assert (await again).status is Status.COMPLETED
    assert tree(tmp_path / "ds000001") == TOP | IMAGES


async def test_a_folder_that_somebody_made_meanwhile_is_not_touched(api: Api, tmp_path: Path) -> None:
    api.bucket.set_faults(f"/1.0.0/{LOST}", Answer(404))
    async with Runtime(tmp_path / "home") as runtime:
        task_id = await failed(runtime, tmp_path)
        theirs = tmp_path / "ds000001" / "mine.txt"
        theirs.parent.mkdir()
        theirs.write_text("mine")
        api.bucket.set_faults(f"/1.0.0/{LOST}")
        await runtime.retry([task_id])
        task = await runtime.rest(task_id)
        assert task is not None
        assert task.error is not None
        assert (task.error.code, task.error.exit_code) == ("exists", LocalError.exit_code)
        assert tree(tmp_path / "ds000001") == {"mine.txt": b"mine"}
        (tmp_path / "ds000001").rename(tmp_path / "moved")
        asked = len(api.bucket.requests)
        await runtime.retry([task_id])
        task = await runtime.rest(task_id)
        assert task is not None
        assert task.status is Status.COMPLETED
    assert len(api.bucket.requests) == asked
    assert tree(tmp_path / "ds000001") == TOP | IMAGES


async def test_what_was_taken_away_from_a_tree_that_is_here_is_brought_again(api: Api, tmp_path: Path) -> None:
    (tmp_path / "ds000001").mkdir()
    api.bucket.set_faults(f"/1.0.0/{LOST}", Answer(404))
    async with Runtime(tmp_path / "home") as runtime:
        task_id = await failed(runtime, tmp_path)
        (tmp_path / "ds000001/README").unlink()
        api.bucket.set_faults(f"/1.0.0/{LOST}")
        await runtime.retry([task_id])
        task = await runtime.rest(task_id)
        assert task is not None
        assert task.status is Status.COMPLETED
    assert tree(tmp_path / "ds000001") == TOP | IMAGES


async def test_a_newer_snapshot_is_brought_file_by_file(api: Api, tmp_path: Path) -> None:
    async with Runtime(tmp_path / "home") as runtime:
        (task,) = await runtime.add_many([request(tmp_path)])
        await task
        before = read(tmp_path / "ds000001.lock.json")
        newer = TOP | IMAGES | {"CHANGES": b"1.1.0 fixes", "README": b"read me again"}
        del newer[LOST]
        same = {path for path in newer if path in TOP | IMAGES and path != "README"}
        api.publish("1.1.0", newer)
        api.same = {("1.1.0", path): "1.0.0" for path in same}
        asked = len(api.bucket.requests)
        (task,) = await runtime.add_many([request(tmp_path, if_exists="overwrite")])
        await task
    assert len(api.bucket.requests) == asked + 2
    what = difference(before, read(tmp_path / "ds000001.lock.json"))
    assert (what.new, what.changed, what.gone) == (("CHANGES",), ("README",), (LOST,))
    assert tree(tmp_path / "ds000001") == newer | {LOST: IMAGES[LOST]}
    assert hidden(tmp_path) == []
