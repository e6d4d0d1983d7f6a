"""A recording that a service makes, finished early by whoever may."""

from __future__ import annotations

from argosy import Client
from argosy.core.types import Status
from argosy.errors import IllegalTransition, UnknownTask
from argosy.runtime.admission import Request
from argosy.testing.poll import until
from argosy.testing.server import FaultyServer

from .daemon import Daemon

LIVE = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.5,\n0.ts\n#EXTINF:0.5,\n1.ts\n"


async def test_a_live_recording_ends_when_the_service_is_told_so(service: Daemon, server: FaultyServer) -> None:
    for number in range(2):
        server.add(f"/s/{number}.ts", bytes([number]) * 5000)
    url = server.add("/s/show.m3u8", LIVE)
    async with Client(home=service.home) as client:
        (task,) = await client.add_many([Request(url)])
        await until(lambda: len(server.requests_to("/s/show.m3u8")) > 3)
        (outcome,) = await client.finish([task.id])
        assert outcome.error is None
        assert (await task).status is Status.COMPLETED
        assert (service.folder / "show.ts").read_bytes() == bytes(5000) + b"\1" * 5000
        (again,) = await client.finish([task.id])
        assert again.error is None
        assert not again.changed


async def test_what_is_no_recording_is_not_finished(service: Daemon, slow: str) -> None:
    async with Client(home=service.home) as client:
        (task,) = await client.add_many([Request(slow)])
        outcomes = await client.finish([task.id, "0" * 32])
        assert [type(outcome.error) for outcome in outcomes] == [IllegalTransition, UnknownTask]
        await client.cancel([task.id])
