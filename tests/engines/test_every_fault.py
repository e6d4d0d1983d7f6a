"""Each way of misbehaving, met at the start, on resuming and by several connections: the right bytes, or an error."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from argosy.errors import ArgosyError
from argosy.testing import faults
from argosy.testing.faults import Stall, first
from argosy.testing.server import Fault, FaultyServer

from .every_fault import BODY, CASES, MIB, Case
from .harness import OPTIONS, Attempt, Bench, is_paused

PATH = "/file.bin"
PATIENCE = replace(OPTIONS, stall_timeout_s=0.4, connect_timeout_s=1.0)


def test_no_way_of_misbehaving_is_left_out() -> None:
    known = {kind for kind in vars(faults).values() if isinstance(kind, type) and issubclass(kind, Fault)} - {Fault}
    assert {type(fault) for case in CASES.values() for fault in case.faults} == known


async def check(server: FaultyServer, bench: Bench, attempt: Attempt, case: Case) -> None:
    """One version whole, or an error; then a later attempt, at a server that has come to its senses, gets it whole."""
    versions = [body.read() for body in case.versions]
    if case.arrives is not None:
        assert (attempt.state is not None) is case.arrives, attempt.error
    if attempt.state is None:
        assert isinstance(attempt.error, ArgosyError)
        assert [path for path in bench.root.glob("*") if not path.name.startswith(".")] == []
        server.set_faults(PATH)
        attempt = await bench.resume(attempt)
    published = await bench.publish(attempt)
    assert any(published == version for version in versions), "wrong bytes were published"


@pytest.mark.parametrize("name", CASES)
async def test_at_the_start(name: str, server: FaultyServer, bench: Bench) -> None:
    case = CASES[name]
    bench.options = PATIENCE
    attempt = await bench.fetch(server.add(PATH, BODY, faults=case.faults))
    await check(server, bench, attempt, case)


@pytest.mark.parametrize("name", CASES)
async def test_on_resuming(name: str, server: FaultyServer, bench: Bench) -> None:
    case = CASES[name]
    bench.options = PATIENCE
    chance = random.Random(name)
    offset = chance.choice([chance.randrange(1, BODY.size), chance.randrange(1, MIB), 1, 800])
    url = server.add(PATH, BODY, faults=[Stall(offset)])
    first = await bench.fetch(url, stop_after=offset)
    assert is_paused(first)
    server.set_faults(PATH, *case.faults)
    attempt = await bench.resume(first)
    await check(server, bench, attempt, case)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.arrives is not False])
async def test_over_several_connections(name: str, server: FaultyServer, bench: Bench) -> None:
    case = CASES[name]
    bench.options = replace(PATIENCE, connections=4)
    hesitation = Stall(300_000, seconds=0.12, when=first(1))
    attempt = await bench.fetch(server.add(PATH, BODY, faults=[hesitation, *case.faults]))
    if name == "no fault":
        assert len(server.requests) > 2
    await check(server, bench, attempt, replace(case, arrives=None))
