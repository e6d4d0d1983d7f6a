"""Small things kept by kind and name."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from argosy.store.port import EXPIRED_AT_ONCE, Record, Store
from argosy.testing.store_contract.sample import T0
from argosy.testing.store_contract.suite import StoreSuite


class RecordContract(StoreSuite):
    """Small things kept by kind and name."""

    async def test_a_record_is_kept_once_and_everybody_is_given_the_first(self, store: Store, rival: Store) -> None:
        first = Record("key", "näme\0\udcff", "värt\0\udcff", T0 + 9)
        assert await store.keep(first, T0) == first
        assert await rival.keep(replace(first, value="other", expires_at=None), T0 + 8) == first
        assert await rival.record(first.kind, first.name, T0 + 8) == first
        assert (await store.record("key", "other", T0), await store.record("other", first.name, T0)) == (None, None)

    async def test_of_many_who_keep_the_same_name_at_once_one_wins(self, store: Store, rival: Store) -> None:
        tries = [Record("key", "name", str(number)) for number in range(50)]
        answers = await asyncio.gather(*((store, rival)[number % 2].keep(one, T0) for number, one in enumerate(tries)))
        assert len(set(answers)) == 1
        assert answers[0] in tries
        assert await rival.record("key", "name", T0) == answers[0]

    async def test_an_expired_record_is_as_if_it_were_not_there(self, store: Store, rival: Store) -> None:
        old = Record("key", "a", "1", T0 + 5)
        await store.put(old)
        assert [await rival.record("key", "a", T0 + past) for past in (4.9, 5)] == [old, None]
        assert [list(await rival.records("key", T0 + past)) for past in (4.9, 5)] == [[old], []]
        fresh = replace(old, value="2", expires_at=None)
        assert await store.keep(fresh, T0 + 5) == fresh
        assert await rival.record("key", "a", T0 + 99) == fresh

    async def test_keeping_removes_expired_records_a_bounded_number_at_a_time(self, store: Store) -> None:
        many = [Record("old", f"{number:03}", "", T0) for number in range(EXPIRED_AT_ONCE + 5)]
        lasting = Record("old", "x", "", T0 + 1)
        await store.put(*many, lasting)
        await store.keep(Record("key", "a", ""), T0)
        assert len(await store.records("old", T0 - 1)) == 5 + 1
        await store.keep(Record("key", "a", ""), T0)
        assert await store.records("old", T0 - 1) == [lasting]

    async def test_records_are_put_and_dropped_together(self, store: Store, rival: Store) -> None:
        a, b, c = (Record("kind", name, "1") for name in "abc")
        await store.put(a, b, c)
        await store.put(replace(b, value="2"), c, drop=[("kind", "a"), ("kind", "c"), ("kind", "none")])
        assert list(await rival.records("kind", T0)) == [replace(b, value="2"), c]

    async def test_records_are_paged_by_name_within_their_kind(self, store: Store) -> None:
        names = ["", "a", "a/1", "a0", "ä", "\uffff", "\U00010000"]
        await store.put(*(Record("kind", name, "") for name in reversed(names)), Record("kin", "b", ""))
        assert [one.name for one in await store.records("kind", T0)] == names[1:]
        assert [one.name for one in await store.records("kind", T0, after="a/", limit=3)] == ["a/1", "a0", "ä"]

    async def test_dropping_tells_whether_there_was_something_to_drop(self, store: Store, rival: Store) -> None:
        await store.put(Record("kind", "a", "", T0))
        assert [await rival.drop("kind", "a"), await store.drop("kind", "a")] == [True, False]
        assert await store.record("kind", "a", T0 - 1) is None
