"""The download cases: one big file, limited connections, one slow connection, many small files."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import payload, servers
from bench.case import Bench, Case, Entrant, folders
from bench.measure import Sample, run
from bench.tools import ARGOSY, ARIA2C, AXEL, CURL, WGET2, Order, Tool, argosy, environment

MB = 1_000_000


@dataclass(slots=True, frozen=True)
class Ground:
    """Where the entrants of one case play."""

    bench: Bench
    folder: Path
    wanted: list[Path]
    address: Callable[[], AbstractContextManager[str]]
    """Opens what serves the files for one attempt; yields what comes before the slash and the file's name."""
    authority: Path | None = None

    def entrant(self, tool: Tool, label: str, order: Order, *, once: bool = False) -> Entrant:
        return Entrant(label, tool.name, lambda: self._attempt(tool, order), self._shown(tool, order), once)

    def order(self, *, connections: int | None = None, together: bool = False) -> Order:
        size = self.wanted[0].stat().st_size
        return Order(
            urls=(),
            folder=self.folder / "out",
            scratch=self.folder / "scratch",
            connections=connections,
            chunk=-(-size // connections) if connections else None,
            parallel=self.bench.scale.parallel,
            together=together,
            authority=self.authority,
        )

    def _attempt(self, tool: Tool, order: Order) -> Sample:
        folder, scratch = payload.emptied(order.folder), payload.emptied(order.scratch)
        state = payload.emptied(self.bench.state / "home")
        with self.address() as base:
            argv = tool.command(self._addressed(order, base))
            sample = run(argv, scratch, environment(scratch, state), self.bench.scale.patience_s)
        problem = sample.problem or payload.difference(self.wanted, folder)
        payload.emptied(folder)
        return replace(sample, problem=problem)

    def _addressed(self, order: Order, base: str) -> Order:
        return replace(order, urls=tuple(f"{base}/{path.name}" for path in self.wanted))

    def _shown(self, tool: Tool, order: Order) -> str:
        payload.emptied(order.scratch)
        argv = tool.command(self._addressed(order, "URL"))
        start = len(argosy()) if tool is ARGOSY else 1
        return shlex.join([tool.name, *(word.replace(str(self.folder), "DIR") for word in argv[start:])])


@contextmanager
def big_file(bench: Bench, *, tls: bool) -> Iterator[Case]:
    scale, name = bench.scale, "https" if tls else "http"
    with folders(bench, name) as folder, _nginx(bench, folder) as nginx:
        file = payload.make_file(folder / "root" / "big.bin", scale.big)
        base = nginx.tls if tls else nginx.plain
        ground = Ground(bench, folder, [file], lambda: _always(base), nginx.authority if tls else None)
        peers = (
            ground.entrant(CURL, "curl", ground.order()),
            ground.entrant(ARIA2C, "aria2c -x1", ground.order(connections=1)),
            ground.entrant(ARIA2C, "aria2c -x16", ground.order(connections=16)),
            ground.entrant(WGET2, "wget2", ground.order()),
            ground.entrant(AXEL, "axel -n1", ground.order(connections=1)),
            ground.entrant(AXEL, "axel -n4", ground.order(connections=4)),
        )
        entrants = (ground.entrant(ARGOSY, "argosy", ground.order()), *peers)
        title = f"One file of {_mib(scale.big)} over {name.upper()}, nginx"
        yield Case(name, title, "MB", scale.big / MB, entrants, warm_up=scale.warm_up)


@contextmanager
def limited(bench: Bench) -> Iterator[Case]:
    scale = bench.scale
    with folders(bench, "limit") as folder, _nginx(bench, folder) as nginx:
        file = payload.make_file(folder / "root" / "limited.bin", scale.limited)
        ground = Ground(bench, folder, [file], lambda: _always(f"{nginx.plain}/limited"))
        title = f"{_mib(scale.limited)}, nginx `limit_rate {scale.limited_rate // 1024}k` (its first second is free)"
        yield Case("limit", title, "MB", scale.limited / MB, _spread(ground))


@contextmanager
def paced(bench: Bench) -> Iterator[Case]:
    scale = bench.scale
    ideal = scale.limited / scale.limited_rate / scale.connections
    with folders(bench, "paced") as folder:
        file = payload.make_file(folder / "paced.bin", scale.limited)
        ground = Ground(bench, folder, [file], lambda: servers.paced(file, scale.limited_rate))
        title = (
            f"{_mib(scale.limited)}, strictly {scale.limited_rate // 1024} KiB/s a connection"
            f" (ideal with {scale.connections}: {ideal:.2f} s)"
        )
        yield Case("paced", title, "MB", scale.limited / MB, _spread(ground))


@contextmanager
def one_slow(bench: Bench) -> Iterator[Case]:
    scale = bench.scale
    ideal = scale.slow / scale.slow_rate / scale.connections
    crawl = scale.slow_rate // scale.slow_factor
    with folders(bench, "slow") as folder:
        file = payload.make_file(folder / "slow.bin", scale.slow)
        ground = Ground(bench, folder, [file], lambda: servers.paced(file, scale.slow_rate, crawl, scale.slow_turn))
        title = (
            f"{_mib(scale.slow)}, {scale.slow_rate // 1024} KiB/s a connection, but {crawl // 1024} KiB/s on one of them"
            f" (ideal with {scale.connections}: {ideal:.2f} s)"
        )
        yield Case("slow", title, "MB", scale.slow / MB, _spread(ground))


def _spread(ground: Ground) -> tuple[Entrant, ...]:
    """Tools with sixteen connections; those that bring one, as references."""
    scale = ground.bench.scale
    many = ground.order(connections=scale.connections)
    rivals = (
        ground.entrant(ARGOSY, "argosy", ground.order()),
        ground.entrant(ARGOSY, f"argosy -x{scale.connections}", many),
        ground.entrant(ARIA2C, f"aria2c -x{scale.connections}", many),
    )
    bystanders = (
        ground.entrant(AXEL, f"axel -n{scale.connections}", many),
        ground.entrant(WGET2, "wget2 (its chunks in turn)", many, once=True),
        ground.entrant(CURL, "curl (one connection)", ground.order(), once=True),
    )
    return (*rivals, *(bystanders if scale.bystanders else ()))


@contextmanager
def small_files(bench: Bench) -> Iterator[Case]:
    scale = bench.scale
    with folders(bench, "small") as folder, _nginx(bench, folder) as nginx:
        files = payload.make_files(folder / "root" / "small", scale.small_files, scale.small)
        ground = Ground(bench, folder, files, lambda: _always(f"{nginx.plain}/small"))
        count = f"{scale.small_files:,}"
        entrants = (
            ground.entrant(ARGOSY, "argosy, one task", ground.order(together=True)),
            ground.entrant(ARGOSY, "argosy, a task each", ground.order()),
            ground.entrant(CURL, "curl -Z", ground.order()),
            ground.entrant(ARIA2C, f"aria2c -j{scale.parallel}", ground.order()),
            ground.entrant(WGET2, "wget2", ground.order()),
        )
        title = f"{count} files of {scale.small // 1024} KiB, {scale.parallel} at a time, nginx"
        yield Case("small", title, "files", scale.small_files, entrants, warm_up=scale.warm_up)


@contextmanager
def _nginx(bench: Bench, folder: Path) -> Iterator[servers.Nginx]:
    prefix = payload.emptied(folder / "nginx")
    root = payload.emptied(folder / "root")
    with servers.nginx(root, prefix, bench.scale.limited_rate) as running:
        yield running


@contextmanager
def _always(base: str) -> Iterator[str]:
    yield base


def _mib(size: int) -> str:
    return f"{size >> 30} GiB" if size % (1 << 30) == 0 else f"{size >> 20} MiB"
