from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from argosy.testing.server import FaultyServer

from .harness import THREADS, Bench


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Transfers run on uvloop."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as running:
        yield running


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench of which nothing is left after the test: no descriptor, no task, no thread; nothing went wrong unseen."""
    broken: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: broken.append(context))
    before = descriptors()
    bench = Bench(tmp_path / "downloads")
    yield bench
    await bench.close()
    assert {task for task in asyncio.all_tasks() if task is not asyncio.current_task()} == set()
    assert [thread for thread in threading.enumerate() if thread.name.startswith(THREADS)] == []
    assert broken == []
    deadline = time.monotonic() + 2
    while not descriptors() <= before and time.monotonic() < deadline:
        await asyncio.sleep(0.005)
    assert descriptors() <= before


def descriptors() -> Counter[str]:
    """How many files and sockets this process has open; the event loop's own may have other numbers each time."""
    return Counter(_kind(fd) for fd in Path("/proc/self/fd").iterdir())


def _kind(fd: Path) -> str:
    try:
        return str(fd.readlink()).partition(":")[0]
    except OSError:  # the listing's own
        return "/proc"
