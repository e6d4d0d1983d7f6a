"""The checkout as the tests of this folder see it: which files belong to it, and programs run outside of it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "argosy"
MODULES = sorted(path for path in SOURCE.rglob("*.py"))
EXAMPLES = sorted(path for path in (ROOT / "examples").rglob("*.py"))
LONGEST_S = 60.0


def files() -> list[Path]:
    """Return every file that belongs to the repository: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [path for name in sorted(listed.stdout.split("\0")) if name and (path := ROOT / name).is_file()]


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")])


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Outside:
    """Somewhere else than the checkout: a folder to work in, and a home that is nobody's."""

    folder: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        return {**kept, "PATH": path, "PYTHONPATH": str(ROOT / "src"), "HOME": str(self.home), "LC_ALL": "C.UTF-8",
                "ARGOSY_HOME": str(self.home / "argosy"), "NO_COLOR": "1"}  # fmt: skip

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start a Python program."""
        return subprocess.Popen(
            [sys.executable, *map(str, words)], cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str | Path, code: int = 0) -> str:
        """Run a Python program and return its stdout; AssertionError unless it exits with ``code``."""
        process = self.start(*words)
        try:
            out, err = process.communicate(timeout=LONGEST_S)
        finally:
            process.kill()
        assert process.returncode == code, f"exit {process.returncode}\n{out}\n{err}"
        return out
