"""What the README, the documents and ``help(argosy)`` show is run as it stands there, but for three things.

``https://example.org`` is a server of this machine, ``sha256:…`` and ``sha256:HEX`` are the file's real checksum, and the id
``3f2a`` is that of a task that is there.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import argosy
from argosy.testing.server import Body, FaultyServer

from .checkout import LONGEST_S, ROOT, Outside, documents, shown

BODY = Body.generated(size=2_000_000, seed=2)
SERVED = ("/data.tar.gz", "/big.iso", "/a.bin", "/b.bin", "/c.bin", "/d.bin")
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_HERE = ("pip install", "./run-tests")
"""What sets up a machine: run by ``test_first_command`` and by whoever runs these tests."""

HERE = f'argosy() {{ {shlex.quote(sys.executable)} -m argosy "$@"; }}\n'
LIST = """<metalink xmlns="urn:ietf:params:xml:ns:metalink"><file name="a"><url>http://127.0.0.1:9/a</url></file></metalink>"""
RUN = """
import argosy, ast, asyncio, inspect, sys
code = compile(sys.stdin.read(), "block", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
ended = eval(code, {"argosy": argosy})
if inspect.iscoroutine(ended):
    asyncio.run(ended)
"""


def blocks(path: Path, language: str) -> list[str]:
    return [block for name, block in FENCED.findall(path.read_text()) if name == language]


def in_the_docstring() -> list[str]:
    """Return the literal blocks of the package's docstring that are code."""
    found = re.findall(r"::\n\n((?: {4}.*\n|\n)+)", argosy.__doc__ or "")
    return [textwrap.dedent(block) for block in found if "argosy." in block]


PYTHON = [(shown(path), block) for path in documents() for block in blocks(path, "python")]
PYTHON += [("argosy.__doc__", block) for block in in_the_docstring()]
SOURCES = [
    line[2:] for block in blocks(ROOT / "README.md", "shell") for line in block.splitlines() if line.startswith("$ ")
]
NOBODY = "http://127.0.0.1:9"
"""A service where nobody listens."""
COMMANDS = [
    line[2:]
    for block in blocks(ROOT / "README.md", "console")
    for line in block.splitlines()
    if line.startswith("$ ") and not any(words in line for words in NOT_HERE)
]


def for_real(text: str, server: FaultyServer) -> str:
    for path in SERVED:
        server.add(path, BODY)
    text = text.replace("https://example.org", server.origin)
    return re.sub(r"sha256:(?:…|HEX)", f"sha256:{BODY.hexdigest()}", text)


def check_files(folder: Path) -> int:
    """Return how many files there are; each must be the served one."""
    there = [path for path in folder.rglob("*") if path.is_file() and path.name != "list.txt"]
    assert [path.name for path in there if path.read_bytes() != BODY.read(0, BODY.size)] == []
    return len(there)


@pytest.mark.parametrize(("where", "block"), PYTHON, ids=[f"{where}-{i}" for i, (where, _) in enumerate(PYTHON)])
def test_python_that_is_shown_runs(where: str, block: str, outside: Outside, server: FaultyServer) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", RUN], input=for_real(block, server), cwd=outside.folder, env=outside.environment,
        check=False, capture_output=True, text=True, timeout=LONGEST_S,
    )  # fmt: skip
    assert ran.returncode == 0, f"{where}:\n{block}\n{ran.stderr}"
    asked = {path for path in SERVED if path in block}
    assert check_files(outside.folder) == len(asked)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(shlex.split(command, comments=True)[:3]))
def test_a_command_that_is_shown_works(command: str, outside: Outside, server: FaultyServer) -> None:
    text = for_real(command, server)
    (outside.folder / "list.txt").write_text("\n".join(server.url(path) for path in SERVED))
    if "3f2a" in command:
        added = outside.run("-m", "argosy", "add", "--paused", server.url("/data.tar.gz"))
        text = text.replace("3f2a", added[:8])
    ran = subprocess.run(
        ["bash", "-euc", HERE + text], cwd=outside.folder, env=outside.environment, check=False,
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=LONGEST_S,
    )  # fmt: skip
    assert ran.returncode == 0, f"{command}\n{ran.stderr}"
    fetched = len(SERVED) if "list.txt" in command else command.count("https://")
    assert check_files(outside.folder) == fetched


@pytest.mark.parametrize("command", SOURCES, ids=lambda command: " ".join(shlex.split(command, comments=True)[1:3]))
def test_a_command_for_a_service_that_is_not_here_gets_as_far_as_asking_it(command: str, outside: Outside) -> None:
    """What the services answer is for ``tests/sources``; here it is the words that are understood, which else ends with 2."""
    services = ("HF_ENDPOINT", "AWS_ENDPOINT_URL", "ARGOSY_OPENNEURO_ENDPOINT")
    nobody = {
        **outside.environment,
        **dict.fromkeys(services, NOBODY),
        "ARGOSY_RETRIES": "0",
        "HF_HOME": str(outside.home),
    }
    (outside.folder / "list.metalink").write_text(LIST)
    ran = subprocess.run(
        ["bash", "-euc", HERE + command.replace("https://example.org", NOBODY)], cwd=outside.folder, env=nobody,
        check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=LONGEST_S,
    )  # fmt: skip
    assert ran.returncode == (0 if " add " in command else 3), f"{command}\n{ran.stderr}"
    assert " add " in command or "nobody listens there" in ran.stderr


def test_there_are_blocks_to_run() -> None:
    """Guards the tests above, which would be content with documents that show nothing."""
    assert sum(where == "README.md" for where, _ in PYTHON) >= 2
    assert sum(where == "argosy.__doc__" for where, _ in PYTHON) == 2
    assert len(COMMANDS) >= 5
    assert len(SOURCES) >= 6
