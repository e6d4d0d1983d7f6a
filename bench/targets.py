"""What Argosy must reach, and whether these samples say so. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.measure import Sample
from bench.rounds import ABSENT, Result, Row

Figure = Callable[[Sample], float]
Compared = tuple[str, list[float]]
"""What was compared, and its value in each round."""
Compare = Callable[[Result, Row], Compared | None]
"""None if there is nothing to compare with."""


def seconds(sample: Sample) -> float:
    return sample.seconds


def cpu_s(sample: Sample) -> float:
    return sample.cpu_s


def peak_mib(sample: Sample) -> float:
    return sample.peak_mib


def middle(row: Row, figure: Figure) -> float:
    return median(figure(sample) for sample in row.samples)


def rivals(result: Result) -> list[Row]:
    """Peers with figures, the fastest first."""
    rows = [row for row in result.rows if row.tool != "argosy" and row.samples and not row.reference]
    return sorted(rows, key=lambda row: middle(row, seconds))


def round_ratios(ours: Row, theirs: Row, figure: Figure) -> list[float]:
    """Theirs over ours, round by round: a busy minute touches both sides of a ratio alike."""
    return [figure(b) / max(figure(a), 1e-9) for a, b in zip(ours.samples, theirs.samples, strict=False)]


@dataclass(slots=True, frozen=True)
class Verdict:
    target: str
    outcome: str
    """met | missed | cannot tell | not measured"""
    measured: str


@dataclass(slots=True, frozen=True)
class Target:
    """A sentence of the contract with the figures that decide it."""

    case: str
    entrant: str
    """How Argosy's row in that case begins."""
    text: str
    values: Compare
    reached: Callable[[float], bool]
    unit: str

    def judge(self, results: dict[str, Result]) -> Verdict:
        result = results.get(self.case)
        if result is None:
            return Verdict(self.text, "not measured", f"case `{self.case}` not run")
        ours = result.row(self.entrant)
        if ours is None:
            return self._without_figures(result)
        compared = self.values(result, ours)
        if compared is None or not compared[1]:
            return Verdict(self.text, "not measured", "nobody to compare with")
        return self._weigh(*compared)

    def _without_figures(self, result: Result) -> Verdict:
        """A tool that is not there was not measured; one that failed has missed."""
        row = next(row for row in result.rows if row.label.startswith(self.entrant))
        outcome = "not measured" if row.problem == ABSENT else "missed"
        return Verdict(self.text, outcome, f"argosy: {row.problem}")

    def _weigh(self, what: str, values: list[float]) -> Verdict:
        """The median decides, unless fewer than two thirds of the rounds agree with it."""
        value = median(values)
        agree = sum(self.reached(each) == self.reached(value) for each in values)
        outcome = "met" if self.reached(value) else "missed"
        if 3 * agree < 2 * len(values):
            outcome = "cannot tell"
        spread = f"{_digits(min(values))}–{_digits(max(values))}"
        return Verdict(self.text, outcome, f"{what} **{_digits(value)}{self.unit}** (rounds {spread})")


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def against_best(result: Result, ours: Row) -> Compared | None:
    others = rivals(result)
    return (f"{others[0].label} / argosy", round_ratios(ours, others[0], seconds)) if others else None


def against(label: str, figure: Figure = seconds) -> Compare:
    """Theirs over ours."""

    def values(result: Result, ours: Row) -> Compared | None:
        other = result.row(label)
        return (f"{other.label} / argosy", round_ratios(ours, other, figure)) if other else None

    return values


def over(label: str, figure: Figure) -> Compare:
    """Ours over theirs."""

    def values(result: Result, ours: Row) -> Compared | None:
        other = result.row(label)
        return (f"argosy / {other.label}", round_ratios(other, ours, figure)) if other else None

    return values


def own(what: str, figure: Figure) -> Compare:
    return lambda _, ours: (what, [figure(sample) for sample in ours.samples])


def rate(result: Result, ours: Row) -> Compared | None:
    """Argosy's own pace in the unit of the case."""
    if result.amount is None:
        return None
    return f"{result.unit} a second", [result.amount / sample.seconds for sample in ours.samples]


def at_least(bound: float) -> Callable[[float], bool]:
    return lambda value: value >= bound


def at_most(bound: float) -> Callable[[float], bool]:
    return lambda value: value <= bound


def below(bound: float) -> Callable[[float], bool]:
    return lambda value: value < bound


def above(bound: float) -> Callable[[float], bool]:
    return lambda value: value > bound


TARGETS = (
    Target("http", "argosy", "1 GiB HTTP: as fast as the fastest peer", against_best, at_least(1.0), "×"),
    Target("http", "argosy", "1 GiB HTTP: CPU at most 1.2× curl's", over("curl", cpu_s), at_most(1.2), "×"),
    Target("http", "argosy", "1 GiB HTTP: memory under 80 MiB", own("peak", peak_mib), below(80), " MiB"),
    Target("https", "argosy", "1 GiB HTTPS: as fast as the fastest peer", against_best, at_least(1.0), "×"),
    Target("https", "argosy", "1 GiB HTTPS: CPU at most 1.2× curl's", over("curl", cpu_s), at_most(1.2), "×"),
    Target("https", "argosy", "1 GiB HTTPS: memory under 80 MiB", own("peak", peak_mib), below(80), " MiB"),
    Target("limit", "argosy", "Limit a connection, nginx: at least aria2c -x16", against("aria2c"), at_least(1.0), "×"),
    Target(
        "paced", "argosy", "Limit a connection, strict: at least aria2c -x16", against("aria2c"), at_least(1.0), "×"
    ),
    Target("slow", "argosy", "One slow connection: at least 1.2× aria2c -x16", against("aria2c"), at_least(1.2), "×"),
    Target(
        "small", "argosy, one", "Small files, one task: faster than aria2c -j16", against("aria2c"), above(1.0), "×"
    ),
    Target("small", "argosy, a task", "Small files, a task each: at least 1,500 tasks/s", rate, at_least(1500), "/s"),
    Target("hls", "argosy", "500 segments: as fast as the fastest peer", against_best, at_least(1.0), "×"),
    Target("enqueue", "argosy", "100,000 tasks enqueued in under 10 s (10,000/s)", rate, above(10_000), "/s"),
    Target(
        "start", "argosy", "1,000,000 in the store: first byte within 3 s", own("after", seconds), at_most(3.0), " s"
    ),
    Target("start", "argosy", "1,000,000 in the store: under 400 MiB", own("peak", peak_mib), below(400), " MiB"),
    Target(
        "initiate",
        "argosy",
        "500 jobs/s, 200 downloads: begun within 20 ms (p99)",
        own("p99", seconds),
        below(0.02),
        " s",
    ),
    Target(
        "live", "argosy", "200 clients, 200 downloads: told within 150 ms (p99)", own("p99", seconds), below(0.15), " s"
    ),
    Target("idle", "argosy", "1,000 idle WebSockets: under 100 MiB", own("growth", peak_mib), below(100), " MiB"),
)


def judge(results: list[Result]) -> list[Verdict]:
    by_name = {result.name: result for result in results}
    return [target.judge(by_name) for target in TARGETS]
