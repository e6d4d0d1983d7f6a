"""A stream of hundreds of segments, beside yt-dlp's own downloader and ffmpeg."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench import payload, servers
from bench.case import Bench, Case, Entrant, folders
from bench.cases import MB
from bench.measure import Sample, run
from bench.tools import ARGOSY, Order, Tool, argosy, environment

NAME = "film.ts"
RATE = 25
"""Pictures a second."""
LOOP_S = 1
"""The film is this long, again and again: each time a segment."""


def _argosy(order: Order) -> list[str]:
    argv = [*argosy(), "get", "-q", "--no-remux", "-d", str(order.folder), "-o", NAME]
    return [*argv, *(["-x", str(order.connections)] if order.connections else []), *order.urls]


def _yt_dlp(order: Order) -> list[str]:
    argv = [
        _beside("yt-dlp"),
        "--ignore-config",
        "--no-cache-dir",
        "-q",
        "--downloader",
        "m3u8:native",
        "--fixup",
        "never",
    ]
    return [*argv, "-N", str(order.connections or 1), "-o", str(order.folder / NAME), *order.urls]


def _ffmpeg(order: Order) -> list[str]:
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-i", *order.urls]
    return [*argv, "-c", "copy", "-f", "mpegts", str(order.folder / NAME)]


def _beside(name: str) -> str:
    """The program of this interpreter's environment, else the one of that name."""
    found = Path(sys.executable).with_name(name)
    return str(found) if found.exists() else name


STREAMS = replace(ARGOSY, command=_argosy)
YT_DLP = Tool("yt-dlp", _yt_dlp, (_beside("yt-dlp"), "--version"))
FFMPEG = Tool("ffmpeg", _ffmpeg, ("ffmpeg", "-version"))
TOOLS = (YT_DLP, FFMPEG)


@dataclass(slots=True, frozen=True)
class Cinema:
    """Where the entrants play; ``film`` is what all segments are one after the other."""

    bench: Bench
    folder: Path
    url: str
    film: Path
    pictures: int

    def entrant(self, tool: Tool, label: str, connections: int | None, check: Callable[[Path], str | None]) -> Entrant:
        order = Order((self.url,), self.folder / "out", self.folder / "scratch", connections)
        return Entrant(label, tool.name, lambda: self._attempt(tool, order, check), self._shown(tool, order))

    def _attempt(self, tool: Tool, order: Order, check: Callable[[Path], str | None]) -> Sample:
        folder, scratch = payload.emptied(order.folder), payload.emptied(order.scratch)
        state = payload.emptied(self.bench.state / "home")
        sample = run(tool.command(order), scratch, environment(scratch, state), self.bench.scale.patience_s)
        problem = sample.problem or check(folder)
        payload.emptied(folder)
        return replace(sample, problem=problem)

    def _shown(self, tool: Tool, order: Order) -> str:
        argv = tool.command(replace(order, urls=("URL/index.m3u8",)))
        start = len(argosy()) if tool is STREAMS else 1
        return " ".join([tool.name, *(word.replace(str(self.folder), "DIR") for word in argv[start:])])

    def same_bytes(self, folder: Path) -> str | None:
        return payload.difference([self.film], folder)

    def same_pictures(self, folder: Path) -> str | None:
        """ffmpeg writes a container of its own: what can be told is that every picture is there."""
        if [path.name for path in folder.iterdir()] != [NAME]:
            return f"not {NAME} alone"
        found = _pictures(folder / NAME)
        return None if found == self.pictures else f"{found} pictures instead of {self.pictures}"


@contextmanager
def stream(bench: Bench) -> Iterator[Case]:
    scale = bench.scale
    with folders(bench, "hls") as folder:
        root, prefix = payload.emptied(folder / "root"), payload.emptied(folder / "nginx")
        film = _made(root, folder / "loop.mkv", scale.segments)
        size, count = film.stat().st_size, len(list(root.glob("*.ts")))
        with servers.nginx(root, prefix, scale.limited_rate) as nginx:
            cinema = Cinema(bench, folder, f"{nginx.plain}/index.m3u8", film, _pictures(film))
            entrants = (
                cinema.entrant(STREAMS, "argosy", None, cinema.same_bytes),
                cinema.entrant(STREAMS, "argosy -x1", 1, cinema.same_bytes),
                cinema.entrant(YT_DLP, "yt-dlp -N 1", 1, cinema.same_bytes),
                cinema.entrant(YT_DLP, "yt-dlp -N 8", 8, cinema.same_bytes),
                cinema.entrant(FFMPEG, "ffmpeg -c copy", None, cinema.same_pictures),
            )
            title = f"HLS of {count} segments, {size / MB:,.0f} MB in all, nginx"
            yield Case("hls", title, "MB", size / MB, entrants, warm_up=scale.warm_up)


def _made(root: Path, loop: Path, segments: int) -> Path:
    """Make the stream in ``root``, and beside that what all its segments are one after the other."""
    noise = f"nullsrc=s=640x360:r={RATE},geq=random(1)*255:128:128"
    _run(["-f", "lavfi", "-i", noise, "-t", str(LOOP_S), "-c:v", "mpeg2video", "-b:v", "8M", "-minrate", "8M", "-maxrate",
          "8M", "-bufsize", "2M", "-g", str(RATE), "-bf", "0", "-sc_threshold", "1000000000", str(loop)])  # fmt: skip
    _run(["-stream_loop", "-1", "-i", str(loop), "-t", str(segments), "-c", "copy", "-f", "hls", "-hls_time", "0.5",
          "-hls_list_size", "0", "-hls_segment_filename", str(root / "%05d.ts"), str(root / "index.m3u8")])  # fmt: skip
    made = sorted(root.glob("*.ts"))
    film = root.parent / NAME
    with film.open("wb") as whole:
        for path in made:
            whole.write(path.read_bytes())
    return film


def _pictures(path: Path) -> int:
    argv = ["ffprobe", "-v", "error", "-select_streams", "v", "-count_packets", "-show_entries", "stream=nb_read_packets",
            "-of", "csv=p=0", str(path)]  # fmt: skip
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    return int(told[0].strip(",")) if told else 0


def _run(words: list[str]) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", *words], check=True)
