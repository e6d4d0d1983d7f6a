"""How many tasks run at once may be one process's own; the other limits stay those of all."""

from __future__ import annotations

from pathlib import Path

from argosy import Runtime


async def test_a_process_with_slots_of_its_own_obeys_the_stored_limits_otherwise(tmp_path: Path) -> None:
    async with Runtime(tmp_path, work=False) as runtime:
        await runtime.apply_limits(rate="2M", max_running=7)

    async with Runtime(tmp_path, max_running=2) as runtime:
        assert (runtime.limits().rate, runtime.limits().max_running) == ("2M", 2)
        assert (await runtime.apply_limits(rate="3M")).max_running == 2

    async with Runtime(tmp_path, work=False) as runtime:
        assert (runtime.limits().rate, runtime.limits().max_running) == ("3M", 7)
