"""The samples as Markdown for people and as JSON for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from statistics import median
from typing import Any

from bench.machine import Machine
from bench.rounds import Result, Row
from bench.scale import Scale
from bench.targets import Figure, Verdict, cpu_s, middle, peak_mib, rivals, round_ratios, seconds
from bench.tools import Presence


def opening(machine: Machine, present: dict[str, Presence], runs: int, *, quick: bool) -> str:
    lines = [
        "# Argosy side by side",
        "",
        f"{machine.cpu}, {machine.processors} processors, {machine.memory_gib} GiB, Linux {machine.kernel}.",
        f"Load before the start {machine.load}. Python {machine.python}, nginx {machine.nginx}.",
        f"Files in {machine.data}, Argosy's store in {machine.state}. Medians of {runs} interleaved rounds.",
        *(["", "**Quick: sizes are small and the figures a rehearsal, not a result.**"] if quick else []),
        "",
        *(f"- {name}: {_version(it)}" for name, it in present.items()),
    ]
    return "\n".join(lines) + "\n"


def _version(presence: Presence) -> str:
    if presence.version is None:
        return f"**not available** ({presence.absence})"
    return presence.version.partition(" (")[0]


def section(result: Result) -> str:
    """One case: a table, a line of ratios against the best, and the commands."""
    ours = next((row for row in result.rows if row.tool == "argosy" and row.samples), None)
    lines = [
        f"\n## {result.name}: {result.title}\n",
        f"| | seconds (min–max) | {result.unit}/s | CPU s | peak MiB | ÷ Argosy: time | ÷ Argosy: CPU |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(_line(result, row, ours) for row in result.rows),
        *_against_best(result),
        "",
        *(f"- `{row.command}`" for row in result.rows),
    ]
    return "\n".join(lines)


def _line(result: Result, row: Row, ours: Row | None) -> str:
    label = f"**{row.label}**" if row.tool == "argosy" else row.label
    if not row.samples:
        return f"| {label} | — {(row.problem or 'not run').replace('|', '/')} | | | | | |"
    times = [sample.seconds for sample in row.samples]
    spread = f" ({min(times):.2f}–{max(times):.2f})" if len(times) > 1 else ""
    ratios = [_ratio(ours, row, figure) for figure in (seconds, cpu_s)]
    return (
        f"| {label} | {median(times):.3f}{spread} | {_pace(result, median(times))}"
        f" | {middle(row, cpu_s):.2f} | {middle(row, peak_mib):.0f} | {ratios[0]} | {ratios[1]} |"
    )


def _pace(result: Result, time: float) -> str:
    return "—" if result.amount is None else f"{result.amount / time:,.0f}"


def _ratio(ours: Row | None, row: Row, figure: Figure) -> str:
    if ours is None:
        return "—"
    return f"*{median(round_ratios(ours, row, figure)):.2f}*"


def _against_best(result: Result) -> Iterator[str]:
    others = rivals(result)
    if not others:
        return
    best = others[0]
    for ours in result.rows:
        if ours.tool == "argosy" and ours.samples:
            ratio = median(round_ratios(ours, best, seconds))
            yield f"\n{ours.label} runs at *{ratio:.2f}×* the speed of the best peer, {best.label}."


def verdicts(judged: list[Verdict]) -> str:
    rows = (f"| {verdict.target} | {verdict.outcome} | {verdict.measured} |" for verdict in judged)
    return "\n".join(["\n## Targets\n", "| target | verdict | measured |", "|---|---|---|", *rows])


def raw(
    machine: Machine,
    present: dict[str, Presence],
    scale: Scale,
    results: list[Result],
    judged: list[Verdict],
    *,
    quick: bool,
) -> dict[str, Any]:
    """Everything known, in plain values: seconds, MiB, and a problem where there are no samples."""
    return {
        "quick": quick,
        "machine": asdict(machine),
        "tools": {name: asdict(it) for name, it in present.items()},
        "scale": asdict(scale),
        "results": [asdict(result) for result in results],
        "verdicts": [asdict(verdict) for verdict in judged],
    }
