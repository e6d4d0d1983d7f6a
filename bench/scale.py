"""How much work each case is. Sizes in bytes, rates in bytes a second."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(slots=True, frozen=True)
class Scale:
    runs: int
    big: int
    """The file of the `http` and `https` cases."""
    limited: int
    """The file of the `limit` and `paced` cases …"""
    limited_rate: int
    """… and what one connection gets there."""
    slow: int
    """The file of the `slow` case …"""
    slow_rate: int
    """… what a fast connection gets there; the slow one gets a fiftieth."""
    small_files: int
    enqueued: int
    stored: int
    bystanders: bool
    """Where sixteen connections are the point, also run the tools no target compares with: they are slow there."""
    warm_up: bool
    """Whether a case at full speed lets everybody try once before it counts."""
    watch_s: float
    """How long after its first request the memory of a started queue is watched."""
    patience_s: float
    live_tasks: int
    """Downloads that trickle …"""
    live_clients: int
    """… while so many clients are told of them …"""
    live_s: float
    """… for so long."""
    live_idle: int
    """Clients that are connected while nothing happens."""

    segments: int
    """Of the stream of the `hls` case, about a megabyte each."""

    small: int = 10 * 1024
    connections: int = 16
    parallel: int = 16
    slow_factor: int = 50
    slow_turn: int = 3
    """The third connection is the slow one: every tool has opened one by then and is spreading the file."""


FULL = Scale(
    runs=5,
    big=1024 * MIB,
    limited=64 * MIB,
    limited_rate=2 * MIB,
    slow=64 * MIB,
    slow_rate=2 * MIB,
    small_files=5_000,
    enqueued=100_000,
    stored=1_000_000,
    bystanders=True,
    warm_up=True,
    watch_s=5.0,
    patience_s=300.0,
    live_tasks=200,
    live_clients=200,
    live_s=20.0,
    live_idle=1_000,
    segments=500,
)
QUICK = Scale(
    runs=2,
    big=256 * MIB,
    limited=16 * MIB,
    limited_rate=MIB // 2,
    slow=16 * MIB,
    slow_rate=8 * MIB,
    small_files=1_000,
    enqueued=5_000,
    stored=30_000,
    bystanders=False,
    warm_up=False,
    watch_s=1.0,
    patience_s=60.0,
    live_tasks=200,
    live_clients=200,
    live_s=4.0,
    live_idle=1_000,
    segments=100,
)
