"""``argosy limits``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from argosy.cli import document
from argosy.cli.face import Face, current
from argosy.cli.kinds import HOST_RATE, Number
from argosy.cli.loop import on_store
from argosy.cli.options import verb
from argosy.core import timetable
from argosy.core.limits import Limits

if TYPE_CHECKING:
    from argosy.runtime.commands import Commands


@verb(asks=True)
@click.option("-j", "--jobs", type=Number(1, 1000), help="Tasks at once.")
@click.option(
    "--per-host",
    type=Number(0, 1000),
    help="Connections to one host, over all tasks; 0: 16, and up to 32 where each brings as much as the others.",
)
@click.option(
    "--rate", metavar="RATE|TIMETABLE", help="Bytes per second for all: 2M, off, or '22:00-07:00 unlimited, else 2M'."
)
@click.option(
    "--host",
    "hosts",
    type=HOST_RATE,
    multiple=True,
    help="A host's rate, such as example.org=1M; HOST=off takes it away (may be repeated).",
)
@click.option(
    "--window",
    metavar="WINDOW",
    help="When downloads may run: '22:00-07:00', 'Mon-Fri 22:00-07:00, Sat-Sun'; 'always'.",
)
@click.option("--hold-slot/--no-hold-slot", default=None, help="Whether a paused task keeps its place among --jobs.")
def limits(
    jobs: int | None, per_host: int | None, rate: str | None, hosts: tuple[tuple[str, str], ...], window: str | None,
    *, hold_slot: bool | None,
) -> int:  # fmt: skip
    """Show what may happen at once and how fast, or set it: for every process, at once, and for every later start."""
    face = current(click.get_current_context())
    changes: dict[str, Any] = {
        "max_running": jobs,
        "connections_per_host": per_host,
        "rate": rate,
        "window": "" if window in ("always", "off") else window,
        "hold_slot_while_paused": hold_slot,
    }
    changes = {name: value for name, value in changes.items() if value is not None}

    async def work(runtime: Commands) -> int:
        if hosts:
            changes["host_rates"] = _rates(await runtime.apply_limits(), hosts)
        _show(face, await runtime.apply_limits(**changes))
        return 0

    return on_store(work)


def _rates(now: Limits, hosts: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """Return the hosts' rates after the changes; ``off`` or nothing takes a host out."""
    changed = {**now.host_rates, **dict(hosts)}
    return {host: rate for host, rate in changed.items() if rate.lower() not in ("", "off", "unlimited", "none")}


def _per_host(now: Limits) -> str:
    more = "" if now.first_per_host == now.most_per_host else f", {now.most_per_host} where each is worth it"
    return f"{now.first_per_host} connections{more}"


def _show(face: Face, now: Limits) -> None:
    if face.json:
        face.say(document.document("limits/1", limits={**asdict(now), "host_rates": dict(now.host_rates)}))
        return
    rows = [
        ("tasks at once", str(now.max_running)),
        ("per host", _per_host(now)),
        ("rate", timetable.describe(timetable.parse(now.rate))),
        *((f"  {host}", timetable.describe(timetable.parse(rate))) for host, rate in sorted(now.host_rates.items())),
        ("window", timetable.describe_window(timetable.parse_window(now.window)) if now.window else "always open"),
        ("paused tasks", "keep their place" if now.hold_slot_while_paused else "make room for others"),
    ]
    width = max(len(label) for label, _ in rows) + 2
    for label, value in rows:
        face.say(f"{label:<{width}}{value}")
