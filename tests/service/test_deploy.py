"""What ``deploy/`` offers is right: units systemd takes, rules and a board over metrics there are, a worker that runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from argosy.config import SETTINGS
from argosy.service.daemon import daemon
from argosy.telemetry.metrics import Metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "argosy-alerts.yml"
BOARD = DEPLOY / "grafana" / "argosy.json"
WORKER = DEPLOY / "cloudflare" / "cloudflare-worker.js"
UNITS = sorted((DEPLOY / "systemd").rglob("argosy.s*"))
METRIC = re.compile(r"\b(?:argosy|process)_[a-z_]+\b")


def has(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"there is no {program} here")


def known() -> set[str]:
    """The names of all series there can be."""
    names: set[str] = set()
    for family in Metrics().registry.collect():
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}.get(family.type, ("",))
        names |= {family.name + end for end in ends}
    return names


def labels_of(metric: str) -> set[str]:
    """The labels that series of the metric have."""
    metrics = Metrics()
    for each in vars(metrics).values():
        named = getattr(each, "_name", None)
        if named and metric.removesuffix("_total").removesuffix("_bucket") == named.removesuffix("_total"):
            return set(each._labelnames)
    return set()


# -- Prometheus and Grafana ------------------------------------------------------------------------------


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_an_alert_is_about_metrics_there_are_and_says_what_is_wrong(rule: dict[str, Any]) -> None:
    assert set(METRIC.findall(rule["expr"])) <= known()
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["labels"]["severity"] in {"critical", "warning"}


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(BOARD.read_text())["panels"]
    return found


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: str(panel["title"]))
def test_a_panel_shows_metrics_there_are_by_labels_they_have(panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        named = set(METRIC.findall(target["expr"]))
        assert named
        assert named <= known()
        grouped = {word for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for word in by.split(", ")}
        assert grouped - {"le"} <= {label for name in named for label in labels_of(name)}
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= grouped


def test_the_board_has_every_metric_of_ours() -> None:
    shown = {name for panel in panels() for target in panel["targets"] for name in METRIC.findall(target["expr"])}
    ours = {re.sub(r"_(bucket|count|sum)$", "_bucket", name) for name in known() if name.startswith("argosy_")}
    assert ours - shown == set()


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in panels():
        at = panel["gridPos"]
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not mine & cells
        assert max(x for x, _ in mine) < 24
        cells |= mine
    assert len({panel["id"] for panel in panels()}) == len(panels())


@has("promtool")
def test_prometheus_takes_the_rules() -> None:
    ran = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


# -- systemd ---------------------------------------------------------------------------------------------


def settings(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@has("systemd-analyze")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in (DEPLOY / "systemd").glob("argosy.*"):
        text = unit.read_text().replace("/usr/local/bin/argosy", sys.executable)
        (tmp_path / unit.name).write_text(text)
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    ran = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False)
    assert [line for line in (ran.stdout + ran.stderr).splitlines() if str(tmp_path) in line or "argosy" in line] == []


@has("systemd-analyze")
def test_the_service_is_shut_in() -> None:
    ran = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(DEPLOY / "systemd" / "argosy.service")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-200:] + ran.stderr


@pytest.mark.parametrize(
    "unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.parent.name
)
def test_a_unit_gives_the_service_the_time_it_needs(unit: Path) -> None:
    given = settings(unit)
    assert given["Type"] == ["notify"]
    assert int(given["TimeoutStopSec"][0]) > 2 * daemon.GRACE_S + 10
    assert given["KillMode"] == ["mixed"], "its children, such as wget, are its own to end"


def test_the_socket_is_where_the_service_would_listen() -> None:
    where = f"{SETTINGS['host'].default}:{SETTINGS['port'].default}"
    assert settings(DEPLOY / "systemd" / "argosy.socket")["ListenStream"] == [where]
    assert where in (DEPLOY / "nginx" / "argosy.conf").read_text()
    assert where in (DEPLOY / "prometheus" / "prometheus.yml").read_text()


# -- Cloudflare ------------------------------------------------------------------------------------------

HARNESS = """
import worker from %r;
const seen = [];
globalThis.fetch = (request, more) => {
  seen.push([new URL(request.url).pathname, more !== undefined]);
  if (!more || !request.url.includes("slow")) return Promise.resolve(new Response("from the origin"));
  return new Promise((_, reject) => more.signal.addEventListener("abort", () => reject(more.signal.reason)));
};
AbortSignal.timeout = (ms) => {
  const control = new AbortController();
  setTimeout(() => control.abort(new DOMException(String(ms), "TimeoutError")), ms / 1000);
  return control.signal;
};
const ask = async (path, headers = {}) => {
  const answer = await worker.fetch(new Request("https://downloads.example.org" + path, { headers }));
  return [answer.status, answer.headers.get("content-type"), await answer.text()];
};
const answers = {
  websocket: await ask("/ws/download/1?slow", { Upgrade: "websocket" }),
  stream: await ask("/v1/events"),
  file: await ask("/v1/results/1/0/a.bin"),
  plain: await ask("/v1/tasks"),
  initiate: await ask("/v1/download/initiate?slow"),
};
console.log(JSON.stringify({ answers, seen }));
"""


@has("node")
def test_the_worker_passes_live_traffic_through_and_answers_for_a_slow_origin(tmp_path: Path) -> None:
    shutil.copy(WORKER, tmp_path / "worker.mjs")
    (tmp_path / "run.mjs").write_text(HARNESS % "./worker.mjs")
    ran = subprocess.run(["node", str(tmp_path / "run.mjs")], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    limited = dict(said["seen"])
    assert limited == {
        "/ws/download/1": False, "/v1/events": False, "/v1/results/1/0/a.bin": False, "/v1/tasks": True,
        "/v1/download/initiate": True,
    }  # fmt: skip
    for name in ("websocket", "stream", "file", "plain"):
        assert said["answers"][name][2] == "from the origin"
    status, kind, body = said["answers"]["initiate"]
    assert (status, kind) == (504, "application/problem+json")
    assert json.loads(body).items() >= {"status": 504, "code": "gateway_timeout", "retryable": True}.items()
