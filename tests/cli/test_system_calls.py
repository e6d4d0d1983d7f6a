"""The command under a tracer that kills it before one system call, or lets one fail: nothing wrong, nothing lost, nothing twice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from argosy.testing.server import Body, FaultyServer

from .command import LONGEST_S, Argosy, Ran

FILES = {"large.bin": Body.generated(3_000_000, seed=1), "small.bin": Body.generated(1000, seed=2)}
"""One that is written while it comes, and one that is kept in memory until it is whole."""
TRACER = ["strace", "-f", "--seccomp-bpf", "-o", os.devnull]
KILLED = (-9, 137)

pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None
    or subprocess.run([*TRACER, "true"], capture_output=True, check=False).returncode != 0,
    reason="strace is not here, or may not trace",
)


def urls(server: FaultyServer) -> list[str]:
    return [server.add(f"/{name}", body) for name, body in FILES.items()]


def traced(argosy: Argosy, inject: str, *words: str) -> Ran:
    """Run the command with something done to the system calls that ``inject`` names; ``when`` counts for each thread."""
    ran = subprocess.run(
        [*TRACER, "-e", f"trace={inject.partition(':')[0]}", "-e", f"inject={inject}", sys.executable, "-m", "argosy", *words], cwd=argosy.folder,
        env=argosy.environment, capture_output=True, text=True, check=False, timeout=LONGEST_S,
    )  # fmt: skip
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def assert_nothing_is_wrong(argosy: Argosy) -> None:
    """Whatever has its final name has the server's bytes."""
    for path in argosy.folder.glob("[!.]*"):
        assert path.read_bytes() == FILES[path.name].read()


def assert_all_is_well_after_another_run(argosy: Argosy, links: list[str]) -> None:
    again = argosy("get", *links)
    assert again.code == 0, again.err
    assert {path.name for path in argosy.folder.iterdir()} == set(FILES)
    assert_nothing_is_wrong(argosy)
    tasks = argosy("ls", "--all", "--json").document["tasks"]
    assert {(task["source"], task["status"]) for task in tasks} == {(link, "completed") for link in links}


@pytest.mark.parametrize(
    ("call", "when"),
    [
        ("pwritev2", 1), ("pwritev2", 6), ("ftruncate", 1), ("ftruncate", 5), ("utimensat", 2), ("linkat", 1),
        ("linkat", 2), ("unlinkat", 1), ("unlinkat", 2), ("fsync", 1), ("fsync", 2), ("fdatasync", 1), ("fdatasync", 5),
        ("fdatasync", 8), ("pwrite64", 7), ("pwrite64", 100), ("link", 1),
    ],
)  # fmt: skip
def test_killed_before_any_call_the_next_run_finishes_each_file_exactly_once(
    argosy: Argosy, server: FaultyServer, call: str, when: int
) -> None:
    links = urls(server)
    killed = traced(argosy, f"{call}:signal=KILL:when={when}", "get", *links)
    if when == 1:
        assert killed.code in KILLED, "that call is no longer made"
    else:  # which of several threads makes the others is chance
        assert killed.code in (*KILLED, 0)
    assert_nothing_is_wrong(argosy)
    assert_all_is_well_after_another_run(argosy, links)


@pytest.mark.parametrize(
    ("inject", "code", "said"),
    [
        ("pwritev2:error=EIO:when=2", 6, "the disk failed"),
        ("pwritev2:error=ENOSPC:when=2", 6, "no space"),
        ("pwritev2:error=EDQUOT:when=2", 6, "quota"),
        ("pwritev2:error=EFBIG:when=2", 6, "ulimit"),
        ("pwritev2:error=EROFS:when=2", 6, "read-only"),
        ("pwritev2:error=EINTR:when=2", 0, ""),
        ("ftruncate:error=EIO:when=1", 8, "doctor"),
        ("fdatasync:error=EIO:when=3", 8, "doctor"),
        ("fsync:error=EIO:when=1", 8, "doctor"),
        ("linkat:error=EIO:when=1", 6, "the disk failed"),
        ("linkat:error=EPERM", 0, ""),
        ("utimensat:error=EPERM", 0, ""),
        ("pwrite64:error=ENOSPC:when=30", 6, "queue database"),
    ],
)
def test_a_call_that_fails_is_told_and_the_next_run_finishes(
    argosy: Argosy, server: FaultyServer, inject: str, code: int, said: str
) -> None:
    links = urls(server)
    ran = traced(argosy, inject, "get", *links)
    assert ran.code == code, ran.err
    assert said in ran.err
    assert "Traceback" not in ran.err
    if code == 0:
        assert {path.name for path in argosy.folder.iterdir()} == set(FILES)
    assert_nothing_is_wrong(argosy)
    assert_all_is_well_after_another_run(argosy, links)
