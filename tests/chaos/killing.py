"""Kill `argosy get` again and again, at moments drawn from a seed, and see what is left each time.

Run it long by hand::

    python -m tests.chaos.killing --rounds 200 --seed 7

After every kill: each file under its final name has exactly the server's bytes, every task is still in the store. In
the end all files have come, no partial file is left, and what was fetched twice stays within the flush interval.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from argosy.testing.faults import IgnoreRanges, Throttle
from argosy.testing.server import Body, FaultyServer

RATE_BPS = 2_000_000
"""Of each connection; slow enough that a kill finds much unfinished."""
CONNECTIONS = 2
JOBS = 3
FLUSH_S = 0.5
"""The store gets a checkpoint of a busy task this often."""
LEEWAY_BYTES = 1024 * 1024
"""A kill also loses what the kernels hold of each connection, and the start of the filled block of each segment."""
STEP_TIMEOUT_S = 60.0

FILES = {
    "empty.bin": 0,
    "one.bin": 1,
    "small.bin": 10_000,
    "middle.bin": 3_000_000,
    "large.bin": 12_000_000,
    "larger.bin": 25_000_000,
    "unranged.bin": 1_500_000,
}


@dataclass(slots=True)
class Tally:
    """What a run came to, in bytes and kills."""

    kills: int = 0
    fetched: int = 0
    wanted: int = 0
    unranged_fetched: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def wasted(self) -> int:
        """Bytes fetched more than once, without those of the file that cannot be resumed."""
        return max(0, self.fetched - self.unranged_fetched - (self.wanted - FILES["unranged.bin"]))

    @property
    def allowed(self) -> int:
        """What the promise allows: one flush interval at full speed for each kill."""
        return self.kills * (int(RATE_BPS * CONNECTIONS * JOBS * FLUSH_S) + LEEWAY_BYTES)


class Arena:
    """A server with files, a folder to fetch them into, and the command that does."""

    def __init__(self, server: FaultyServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.target = folder / "files"
        self.home = folder / "home"
        self.bodies = {name: Body.generated(size, seed=index) for index, (name, size) in enumerate(FILES.items())}
        throttled = [Throttle(RATE_BPS)]
        urls = [
            server.add(f"/{name}", body, faults=[IgnoreRanges(), *throttled] if name.startswith("unr") else throttled)
            for name, body in self.bodies.items()
        ]
        self.list = folder / "list.txt"
        self.list.write_text("\n".join(urls))

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "argosy", "get", "-q", f"-x{CONNECTIONS}", f"-j{JOBS}"]
        return subprocess.Popen(
            [*command, "-d", str(self.target), "-i", str(self.list), *more],
            env=os.environ | {"ARGOSY_HOME": str(self.home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def ask(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "argosy", *arguments],
            env=os.environ | {"ARGOSY_HOME": str(self.home)},
            capture_output=True, check=True, timeout=STEP_TIMEOUT_S, text=True,
        )  # fmt: skip
        return done.stdout

    def wrong_files(self) -> list[str]:
        """Return the published files whose bytes are not the server's."""
        if not self.target.exists():
            return []
        published = [path for path in self.target.iterdir() if not path.name.startswith(".")]
        return [path.name for path in published if not self._is_right(path)]

    def _is_right(self, path: Path) -> bool:
        body = self.bodies.get(path.name)
        if body is None:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == body.hexdigest()

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.target.iterdir() if path.name not in self.bodies)

    def lost_tasks(self) -> list[str]:
        """Return the files of which the store knows no task; a file that was there already may have several."""
        known = {Path(task["source"]).name for task in json.loads(self.ask("ls", "--all", "--json"))["tasks"]}
        return sorted(self.bodies.keys() - known)


def run(rounds: int, seed: int, folder: Path) -> Tally:
    """Kill ``rounds`` times, then let it finish, and return what was found."""
    chance = random.Random(seed)
    tally = Tally(wanted=sum(FILES.values()))
    with FaultyServer(send_buffer_bytes=65536) as server:
        arena = Arena(server, folder)
        for number in range(rounds):
            running = arena.start()
            _kill_sometime(running, server, chance)
            tally.kills += 1
            tally.problems += [f"round {number}: {name} is wrong" for name in arena.wrong_files()]
            if running.returncode == 0:
                break
        _finish(arena, tally)
        tally.fetched = server.bytes_sent()
        tally.unranged_fetched = server.bytes_sent("/unranged.bin")
    return tally


def _kill_sometime(running: subprocess.Popen[bytes], server: FaultyServer, chance: random.Random) -> None:
    """Kill the process once the server has sent some more bytes, or when it ends by itself."""
    goal = server.bytes_sent() + chance.choice([0, 1, 50_000, chance.randrange(1, 6_000_000)])
    requests = len(server.requests) + chance.randrange(3)
    server.wait_until(
        lambda: running.poll() is not None or (server.bytes_sent() >= goal and len(server.requests) >= requests),
        STEP_TIMEOUT_S,
    )
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=STEP_TIMEOUT_S)


def _finish(arena: Arena, tally: Tally) -> None:
    last = arena.start()
    _, said = last.communicate(timeout=STEP_TIMEOUT_S * 2)
    if last.returncode != 0:
        tally.problems.append(f"the last run ended with {last.returncode}: {said.decode()}")
    missing = sorted(arena.bodies.keys() - {path.name for path in arena.target.iterdir()})
    tally.problems += [f"{name} is missing" for name in missing]
    tally.problems += [f"{name} is wrong" for name in arena.wrong_files()]
    tally.problems += [f"{name} was left behind" for name in arena.leftovers()]
    tally.problems += [f"the task of {name} is lost" for name in arena.lost_tasks()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tally = run(chosen.rounds, chosen.seed, Path(folder))
    print(
        f"seed {chosen.seed}: {tally.kills} kills, {tally.fetched:,} bytes sent for {tally.wanted:,} wanted, "
        f"{tally.wasted:,} fetched again (allowed {tally.allowed:,})"
    )
    for problem in tally.problems:
        print("PROBLEM", problem)
    return 1 if tally.problems or tally.wasted > tally.allowed else 0


if __name__ == "__main__":
    sys.exit(main())
