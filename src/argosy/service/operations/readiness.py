"""Whether the service can do its work, and how loaded it is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from argosy.core.sizes import format_size
from argosy.errors import ArgosyError, StoreError
from argosy.service.operations.meters import Meters
from argosy.store.port import Store

LEAST_FREE_BYTES: Final = 64 * 1024 * 1024
"""With less room than this no download can be begun in earnest."""
WRITE_S: Final = 5.0
"""A store that takes longer to write one row cannot be worked with."""
SETTING: Final = "service.written_at"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a load balancer and an operator want to know; ``reasons`` is empty if the service is ready."""

    ready: bool
    reasons: tuple[str, ...]
    tasks: Mapping[str, int]
    """Stored tasks by status."""
    queue_depth: Mapping[str, int]
    """Waiting tasks by queue."""
    running: int
    slots: int
    worker_use: float
    """Share of the slots in use, 0 to 1."""
    speed_bps: int
    """How fast bytes come and are written, over all tasks."""
    disk_free_bytes: int | None
    store_write_ms: float | None
    """How long one row took to be durable, just now."""
    loop_lag_ms: float
    """How late the event loop was last."""
    live_connections: Mapping[str, int]


async def look(store: Store, meters: Meters) -> Readiness:
    """Return how things stand; the store is written to, so that it is known whether that works."""
    reasons: list[str] = []
    write_s = await _write(store, reasons)
    tasks, depth = await _counts(store, reasons)
    free = await meters.free_bytes()
    if free is not None and free < LEAST_FREE_BYTES:
        reasons.append(f"the disk that downloads go to is full: {format_size(free)} are left")
    load = meters.load()
    return Readiness(
        ready=not reasons, reasons=tuple(reasons), tasks=tasks, queue_depth=depth,
        running=load.running, slots=load.slots, worker_use=round(load.running / load.slots, 3) if load.slots else 0.0,
        speed_bps=round(load.speed_bps), disk_free_bytes=free,
        store_write_ms=None if write_s is None else round(write_s * 1000, 2),
        loop_lag_ms=round(meters.loop_lag_s * 1000, 2), live_connections=dict(meters.live),
    )  # fmt: skip


async def _write(store: Store, reasons: list[str]) -> float | None:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(WRITE_S):
            await store.set_setting(SETTING, str(round(time.time())))
    except TimeoutError:
        reasons.append(f"the store did not write within {WRITE_S:.0f} s")
    except ArgosyError as error:
        reasons.append(f"the store cannot be written: {error.detail_code}")
    else:
        return time.perf_counter() - began
    return None


async def _counts(store: Store, reasons: list[str]) -> tuple[dict[str, int], dict[str, int]]:
    try:
        tasks = {status.value: count for status, count in (await store.counts()).items()}
        return tasks, {queue.name.lower(): depth for queue, depth in (await store.depths()).items()}
    except StoreError as error:
        reasons.append(f"the store cannot be read: {error.detail_code}")
        return {}, {}
