"""How each tool is told to do the work: its best reasonable flags, its user's own settings kept out."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ANSWER_WITHIN_S = 20.0
WITH_OBSTORE = (sys.executable, str(Path(__file__).with_name("with_obstore.py")))
SOURCE = Path(__file__).resolve().parent.parent / "src"


@dataclass(slots=True, frozen=True)
class Order:
    """What is wanted: these addresses, in this folder. `scratch` is empty, private to the attempt and not looked at."""

    urls: tuple[str, ...]
    folder: Path
    scratch: Path
    connections: int | None = None
    """Connections to one file; None leaves it to the tool."""
    parallel: int = 1
    """Files at a time."""
    chunk: int | None = None
    """Bytes in an even share of the file among the connections, for a tool that wants to be told."""
    together: bool = False
    """Argosy only: all addresses are one task, instead of one task each."""
    bucket: str | None = None
    """What is wanted is all of this bucket, at the one address."""
    authority: Path | None = None
    """The certificate authority to believe, for https."""

    @property
    def name(self) -> str:
        return self.urls[0].rsplit("/", 1)[1]

    def listing(self, line: str = "{url}") -> str:
        """A file in `scratch` with one line for each address."""
        path = self.scratch / "urls.txt"
        path.write_text("".join(line.format(url=url, name=url.rsplit("/", 1)[1]) + "\n" for url in self.urls))
        return str(path)


@dataclass(slots=True, frozen=True)
class Tool:
    name: str
    command: Callable[[Order], list[str]]
    asked: tuple[str, ...] = ()
    """What has it say its version, if not `NAME --version`."""


def _curl(order: Order) -> list[str]:
    argv = ["curl", "-q", "-sS", "-f", "--noproxy", "*"]
    if order.authority:
        argv += ["--cacert", str(order.authority)]
    if len(order.urls) == 1:
        return [*argv, "-o", str(order.folder / order.name), order.urls[0]]
    config = order.listing(f'url = "{{url}}"\noutput = "{order.folder}/{{name}}"')
    return [*argv, "-Z", "--parallel-max", str(order.parallel), "-K", config]


def _aria2c(order: Order) -> list[str]:
    argv = ["aria2c", "--no-conf", "-q", "--file-allocation=none", "--async-dns=false", "--no-netrc"]
    argv += ["-d", str(order.folder)]
    if order.authority:
        argv.append(f"--ca-certificate={order.authority}")
    if len(order.urls) > 1:
        return [*argv, f"-j{order.parallel}", "-i", order.listing()]
    n = order.connections or 1
    return [*argv, f"-x{n}", f"-s{n}", "-k1M", "-o", order.name, order.urls[0]]


def _wget2(order: Order) -> list[str]:
    argv = ["wget2", "--no-config", "-q", "--no-hsts", "--no-proxy", "--no-netrc"]
    if order.authority:
        argv += [f"--ca-certificate={order.authority}", "--no-ocsp", "--no-ocsp-stapling"]
    if len(order.urls) > 1:
        return [*argv, f"--max-threads={order.parallel}", "-P", str(order.folder), "-i", order.listing()]
    if order.connections and order.chunk:
        argv += [f"--max-threads={order.connections}", f"--chunk-size={order.chunk}"]
    return [*argv, "-O", str(order.folder / order.name), order.urls[0]]


def _axel(order: Order) -> list[str]:
    (order.scratch / ".axelrc").write_text("buffer_size = 131072\n")  # its default of 5 KiB would measure system calls
    argv = ["axel", "-q", "-N", "-n", str(order.connections or 1)]
    if order.authority:
        argv.append("-k")  # it rejects certificates for an address and for localhost; the cipher's cost is the same
    return [*argv, "-o", str(order.folder / order.name), order.urls[0]]


def _aws(order: Order) -> list[str]:
    (order.scratch / ".aws").mkdir(exist_ok=True)
    settings = f"[default]\ns3 =\n    max_concurrent_requests = {order.parallel}\n"
    (order.scratch / ".aws" / "config").write_text(settings)
    argv = ["aws", "--endpoint-url", order.urls[0], "--region", "us-east-1", "--no-sign-request"]
    return [*argv, "s3", "cp", "--recursive", "--only-show-errors", f"s3://{order.bucket}/", str(order.folder)]


def _rclone(order: Order) -> list[str]:
    argv = ["rclone", "copy", "-q", "--config", str(order.scratch / "none"), f"--transfers={order.parallel}"]
    argv += ["--fast-list", "--use-server-modtime", "--no-check-dest", "--s3-provider=Other", "--s3-list-version=2"]
    return [*argv, f"--s3-endpoint={order.urls[0]}", f":s3:{order.bucket}", str(order.folder)]


def _obstore(order: Order) -> list[str]:
    return [*WITH_OBSTORE, order.urls[0], str(order.bucket), str(order.folder), str(order.parallel)]


def _argosy(order: Order) -> list[str]:
    argv = [*argosy(), "get", "-q", "-d", str(order.folder)]
    if order.bucket:
        return [*argv, f"s3://{order.bucket}/?endpoint={order.urls[0]}"]
    if order.authority:
        argv += ["--cacert", str(order.authority)]
    if order.connections:
        argv += ["-x", str(order.connections)]
    if len(order.urls) == 1:
        return [*argv, "-o", order.name, order.urls[0]]
    return [*argv, "-j", str(order.parallel), *(["--together"] if order.together else []), "-i", order.listing()]


ARGOSY = Tool("argosy", _argosy)
CURL = Tool("curl", _curl)
ARIA2C = Tool("aria2c", _aria2c)
WGET2 = Tool("wget2", _wget2)
AXEL = Tool("axel", _axel)
AWS = Tool("aws", _aws)
RCLONE = Tool("rclone", _rclone)
OBSTORE = Tool("obstore", _obstore, (*WITH_OBSTORE, "--version"))
TOOLS = (ARGOSY, CURL, ARIA2C, WGET2, AXEL, AWS, RCLONE, OBSTORE)


def argosy() -> list[str]:
    """The `argosy` of this interpreter's environment, else the module."""
    beside = Path(sys.executable).with_name("argosy")
    return [str(beside)] if beside.exists() else [sys.executable, "-m", "argosy"]


def environment(scratch: Path, state: Path) -> dict[str, str]:
    """Everything a tool may see: no proxy, no locale surprises, nobody's dot files."""
    known = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return {
        **known,
        "HOME": str(scratch),
        "LC_ALL": "C.UTF-8",
        "ARGOSY_HOME": str(state),
        "PYTHONPATH": str(SOURCE),
    }


@dataclass(slots=True, frozen=True)
class Presence:
    """Whether a tool can be run here: its version, or why not."""

    version: str | None
    absence: str | None = None


def presence(tool: Tool, scratch: Path) -> Presence:
    argv = [*argosy(), "--version"] if tool is ARGOSY else [*(tool.asked or (tool.name, "--version"))]
    if shutil.which(argv[0]) is None:
        return Presence(None, "not installed")
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            timeout=ANSWER_WITHIN_S,
            env=environment(scratch, scratch),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Presence(None, str(error))
    said = (done.stdout or done.stderr).strip().splitlines() or ["it said nothing"]
    return Presence(said[0]) if done.returncode == 0 else Presence(None, said[-1])
