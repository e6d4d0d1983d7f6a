"""What the library promises, in the order in which one meets it."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest

from argosy import ArgosyError, Request, Runtime, Status, TaskHandle, TransferOptions
from argosy.errors import Interrupted, NetworkError, ServerRefused, UsageError
from argosy.testing.engine import Play
from argosy.testing.poll import until
from argosy.testing.scripted import Scripted

CONTENT = bytes(range(256)) * 4096
SLOW = Play(CONTENT, piece=16 * 1024, pause_s=0.005)


async def test_a_url_that_is_added_arrives_whole_under_its_own_name(scripted: Scripted, tmp_path: Path) -> None:
    async with scripted(Play(CONTENT)) as runtime:
        task = await runtime.add("http://example.org/data.bin")
        finished = await task
    assert finished.status is Status.COMPLETED
    assert task.path == tmp_path / "out" / "data.bin"
    assert task.path.read_bytes() == CONTENT


async def test_nothing_but_the_finished_file_is_left_in_the_folder(scripted: Scripted, tmp_path: Path) -> None:
    async with scripted(Play(CONTENT)) as runtime:
        await (await runtime.add("http://example.org/data.bin"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["data.bin"]


async def test_progress_is_told_while_it_runs_and_ends_with_all_of_it(scripted: Scripted) -> None:
    async with scripted(SLOW) as runtime:
        task = await runtime.add("http://example.org/data.bin")
        seen = [now.received async for now in task.progress()]
    assert seen == sorted(seen)
    assert len(set(seen)) > 3
    assert seen[-1] == len(CONTENT)


async def test_a_failure_is_raised_to_whoever_awaits_the_task(scripted: Scripted) -> None:
    gone = ServerRefused("404 Not Found", code="not_found")
    async with scripted(Play(fail_at=0, error=gone)) as runtime:
        task = await runtime.add("http://example.org/gone")
        with pytest.raises(ServerRefused, match="404") as caught:
            await task
    assert caught.value.detail_code == "not_found"
    assert caught.value.exit_code == 5


async def test_a_passing_failure_is_tried_again_from_where_it_was(scripted: Scripted) -> None:
    cut = Play(CONTENT, fail_at=128 * 1024, error=NetworkError("reset", code="reset"))

    async with scripted(lambda url, n: cut if n == 0 else Play(CONTENT)) as runtime:
        task = await runtime.add("http://example.org/data.bin")
        await until(lambda: len(scripted.engine.calls) == 1)
        await until(lambda: _status(runtime, task, Status.RETRYING, Status.COMPLETED))
        await runtime.start([task.id])
        await task
    assert scripted.engine.calls == [("http://example.org/data.bin", 0), ("http://example.org/data.bin", 128 * 1024)]
    assert task.path.read_bytes() == CONTENT


async def test_a_paused_task_goes_on_where_it_was(scripted: Scripted) -> None:
    hold = threading.Event()
    async with scripted(lambda url, n: Play(CONTENT, hold=hold)) as runtime:
        task = await runtime.add("http://example.org/data.bin")
        await until(lambda: _received(runtime, task))
        await task.pause()
        await until(lambda: _status(runtime, task, Status.PAUSED))
        with pytest.raises(Interrupted):
            await task
        hold.set()
        await task.resume()
        await task
    assert scripted.engine.calls[1][1] > 0
    assert task.path.read_bytes() == CONTENT


async def test_a_cancelled_task_leaves_nothing_behind(scripted: Scripted, tmp_path: Path) -> None:
    async with scripted(Play(CONTENT, hold=threading.Event())) as runtime:
        task = await runtime.add("http://example.org/data.bin")
        await until(lambda: _received(runtime, task))
        await task.cancel()
        with pytest.raises(Interrupted):
            await task
        await until(lambda: not list((tmp_path / "out").iterdir()))


async def test_a_removed_task_is_off_the_list(scripted: Scripted) -> None:
    async with scripted(Play(CONTENT, hold=threading.Event())) as runtime:
        task = await runtime.add("http://example.org/data.bin")
        await until(lambda: _received(runtime, task))
        await task.remove()
        with pytest.raises(Interrupted, match="removed"):
            await task
        assert await runtime.tasks() == []


async def test_the_same_request_twice_is_one_task(scripted: Scripted) -> None:
    async with scripted(Play(CONTENT, hold=threading.Event())) as runtime:
        first = await runtime.add("http://example.org/data.bin")
        second = await runtime.add("http://example.org/data.bin")
        assert second.id == first.id
        assert second.joined


async def test_what_is_complete_and_still_the_newest_is_not_fetched_again(scripted: Scripted) -> None:
    known = Play(CONTENT, facts={"etag": '"v1"', "last_modified": "Mon, 01 Jun 2026 10:00:00 GMT"})
    async with scripted(known) as runtime:
        first = await runtime.add("http://example.org/data.bin")
        await first
        second = await runtime.add("http://example.org/data.bin")
        finished = await second
    assert finished.status is Status.COMPLETED
    assert len(scripted.engine.calls) == 1
    assert second.path == first.path


async def test_what_has_changed_at_the_source_is_fetched_beside_the_old_one(scripted: Scripted) -> None:
    known = Play(CONTENT, facts={"etag": '"v1"', "last_modified": "Mon, 01 Jun 2026 10:00:00 GMT"})
    async with scripted(known) as runtime:
        await (await runtime.add("http://example.org/data.bin"))
        scripted.engine.current = False
        second = await runtime.add("http://example.org/data.bin")
        await second
    assert second.path.name == "data (1).bin"


async def test_several_urls_are_one_task_of_many_files(scripted: Scripted, tmp_path: Path) -> None:
    async with scripted(Play(CONTENT)) as runtime:
        task = await runtime.add([f"http://example.org/{i}.bin" for i in range(50)])
        finished = await task
    assert (finished.files_done, finished.files_total) == (50, 50)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{i}.bin" for i in range(50)}


async def test_one_bad_file_does_not_stop_the_others_and_is_named(scripted: Scripted, tmp_path: Path) -> None:
    gone = Play(fail_at=0, error=ServerRefused("404 Not Found", code="not_found"))
    async with scripted(lambda url, n: gone if url.endswith("/7.bin") else Play(CONTENT)) as runtime:
        task = await runtime.add([f"http://example.org/{i}.bin" for i in range(20)])
        with pytest.raises(ArgosyError, match=r"1 of 20 files failed: .*7\.bin: 404") as caught:
            await task
    assert caught.value.detail_code == "files_failed"
    assert len(list((tmp_path / "out").glob("*.bin"))) == 19


async def test_a_right_checksum_is_verified(scripted: Scripted) -> None:
    checksum = hashlib.sha256(CONTENT).hexdigest()
    async with scripted(Play(CONTENT)) as runtime:
        task = await runtime.add("http://example.org/data.bin", checksum=f"sha256:{checksum}")
        await task
        (file,) = await runtime.files(task.id)
    assert file.verified_by == "sha256"


async def test_a_wrong_checksum_is_tried_once_more_and_then_nothing_is_published(
    scripted: Scripted, tmp_path: Path
) -> None:
    async with scripted(Play(CONTENT)) as runtime:
        task = await runtime.add("http://example.org/data.bin", checksum="sha256:" + "0" * 64)
        with pytest.raises(ArgosyError) as caught:
            await task
    assert caught.value.detail_code == "checksum"
    assert hashlib.sha256(CONTENT).hexdigest() in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert scripted.engine.calls == [("http://example.org/data.bin", 0)] * 2
    assert list((tmp_path / "out").iterdir()) == []


async def test_a_later_runtime_goes_on_where_an_earlier_one_was_stopped(scripted: Scripted, tmp_path: Path) -> None:
    hold = threading.Event()
    async with scripted(Play(CONTENT, hold=hold)) as runtime:
        task = await runtime.add("http://example.org/data.bin")
        await until(lambda: _received(runtime, task))
    hold.set()
    async with scripted(Play(CONTENT)) as runtime:
        again = await runtime.add("http://example.org/data.bin")
        assert again.id == task.id
        await again
    assert scripted.engine.calls[0][1] > 0
    assert again.path.read_bytes() == CONTENT


async def test_a_damaged_file_is_found_and_repaired(scripted: Scripted) -> None:
    checksum = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
    async with scripted(Play(CONTENT)) as runtime:
        task = await runtime.add("http://example.org/data.bin", checksum=checksum)
        await task
        assert (await runtime.verify(task.id)).ok
        task.path.write_bytes(b"?" + CONTENT[1:])
        assert not (await runtime.verify(task.id)).ok
        assert (await runtime.verify(task.id, repair=True)).ok
    assert task.path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "source", ["", "example.org/x", "file:///etc/passwd", "http://", "gopher://x/y", "http://a b/"]
)
async def test_what_is_no_url_is_refused_with_a_hint(scripted: Scripted, source: str) -> None:
    async with scripted() as runtime:
        with pytest.raises(UsageError) as caught:
            await runtime.add(source)
    assert caught.value.message


async def test_limits_hold_for_every_later_runtime(scripted: Scripted) -> None:
    async with scripted(limits=None) as runtime:
        await runtime.apply_limits(max_running=7, rate="1M")
        with pytest.raises(UsageError):
            await runtime.apply_limits(rate="fast")
    async with scripted(limits=None) as runtime:
        assert runtime.limits().max_running == 7
        assert runtime.limits().rate == "1M"


async def test_a_task_can_say_why_it_waits(scripted: Scripted) -> None:
    async with scripted(Play(CONTENT, hold=threading.Event())) as runtime:
        await runtime.apply_limits(max_running=1)
        running = await runtime.add("http://example.org/1.bin")
        waiting = await runtime.add("http://example.org/2.bin")
        await until(lambda: _received(runtime, running))
        assert (await runtime.why(waiting.id)).code == "slot"
        assert (await runtime.why(running.id)).code == "running"


async def test_many_requests_keep_their_order(scripted: Scripted) -> None:
    async with scripted(work=False) as runtime:
        handles = await runtime.add_many([Request(f"http://example.org/{i}") for i in range(2500)])
        tasks = await runtime.tasks()
    assert [task.number for task in tasks] == list(range(1, 101))
    assert [handle.id for handle in handles[:100]] == [task.id for task in tasks]


async def test_options_reach_the_engine(scripted: Scripted) -> None:
    async with scripted(Play(CONTENT)) as runtime:
        await (await runtime.add("http://example.org/a", options=TransferOptions(if_exists="skip")))
        again = await runtime.add("http://example.org/a", options=TransferOptions(if_exists="skip"), max_retries=0)
        await again
        (file,) = await runtime.files(again.id)
    assert file.status == "skipped"


async def _received(runtime: Runtime, task: TaskHandle) -> bool:
    progress = runtime.live_progress(task.id)
    return progress is not None and progress.received > 0


async def _status(runtime: Runtime, task: TaskHandle, *statuses: Status) -> bool:
    return (await runtime.task(task.id)).status in statuses
