"""`python -m bench`: reads the options, runs the cases, prints the report as it grows."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench import cases, dataset, hls, initiate, live, machine, report, store_cases
from bench.case import Bench, Opener
from bench.rounds import Result, take_turns
from bench.scale import FULL, QUICK, Scale
from bench.servers import find_nginx
from bench.targets import judge
from bench.tools import TOOLS, presence

CASES: dict[str, tuple[str, Opener]] = {
    "http": ("one big file over HTTP", partial(cases.big_file, tls=False)),
    "https": ("one big file over HTTPS", partial(cases.big_file, tls=True)),
    "limit": ("a server that limits each response (nginx)", cases.limited),
    "paced": ("a server that limits each connection, strictly", cases.paced),
    "slow": ("one slow connection among fast ones", cases.one_slow),
    "small": ("thousands of small files", cases.small_files),
    "dataset": ("a dataset of thousands of files from a bucket", dataset.dataset),
    "hls": ("a stream of hundreds of segments", hls.stream),
    "enqueue": ("a long list into the store", store_cases.enqueue),
    "start": ("a start with a full store", store_cases.start),
    "initiate": ("jobs begun under load", initiate.initiate),
    "live": ("many clients told of many downloads", live.told),
    "idle": ("many clients that only listen", live.idle),
}


def main() -> int:
    options = _options()
    if options.list:
        print("\n".join(f"{name:8} {what}" for name, (what, _) in CASES.items()))
        return 0
    if find_nginx() is None:
        print("nginx is needed, and not installed", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    scale = QUICK if options.quick else FULL
    scale = replace(scale, runs=options.runs or scale.runs)
    with ExitStack() as stack:
        bench = _prepare(scale, options.dir, options.state, stack)
        _run(bench, options.only or list(CASES), options.json, quick=options.quick)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Argosy and its peers, side by side.")
    parser.add_argument("--only", metavar="NAME", action="append", choices=CASES, help="this case (may be repeated)")
    parser.add_argument("--runs", metavar="N", type=_count, help=f"rounds ({FULL.runs}; quick {QUICK.runs})")
    parser.add_argument("--quick", action="store_true", help="small sizes, under a minute: a rehearsal")
    parser.add_argument("--dir", metavar="DIR", type=Path, help="where files are served from and saved to")
    parser.add_argument("--state", metavar="DIR", type=Path, default=machine.DISK, help="where Argosy's store is")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure there")
    parser.add_argument("--list", action="store_true", help="name the cases")
    return parser.parse_args()


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _prepare(scale: Scale, place: Path | None, state_place: Path, stack: ExitStack) -> Bench:
    data = _temporary(place or machine.data_place(3 * scale.big), stack)
    state = _temporary(state_place, stack)
    present = {tool.name: presence(tool, data) for tool in (*TOOLS, *hls.TOOLS)}
    return Bench(scale, data, state, present)


def _temporary(place: Path, stack: ExitStack) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="argosy-bench-", dir=place.resolve()))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _run(bench: Bench, names: list[str], to_json: Path | None, *, quick: bool) -> None:
    here = machine.describe(bench.data, bench.state)
    print(report.opening(here, bench.present, bench.scale.runs, quick=quick), flush=True)
    results: list[Result] = []
    for name in names:
        with CASES[name][1](bench) as case:
            results.append(take_turns(bench, case, bench.scale.runs, _tell))
        _tell("")
        print(report.section(results[-1]), flush=True)
    judged = judge(results)
    print(report.verdicts(judged), flush=True)
    if to_json:
        figures = report.raw(here, bench.present, bench.scale, results, judged, quick=quick)
        to_json.write_text(json.dumps(figures, indent=2) + "\n")


def _tell(text: str) -> None:
    """A passing line on a terminal; silence elsewhere, where only the report belongs."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
