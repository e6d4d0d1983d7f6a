"""``argosy doctor``: looks for what could go wrong on this machine. Each check is a function; none changes anything."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import click

from argosy import config
from argosy.about import VERSION
from argosy.cli import document
from argosy.cli.face import Face, current, speaks_unicode
from argosy.cli.options import verb
from argosy.core.names import terminal_safe
from argosy.core.redact import redacted_proxy, redacted_url
from argosy.core.sizes import format_size
from argosy.errors import ArgosyError
from argosy.value import dataclass

Verdict = Literal["good", "note", "bad"]
LOW_DISK_BYTES = 1024**3
WAL_FIXED = (3, 51, 3)
"""Before it, SQLite can corrupt a database in WAL mode when it resets the log."""
RELEASED = 1_763_000_000.0
"""Epoch seconds; a clock before this moment (November 2025) is wrong, and certificates seem not to be valid yet."""
NETWORK_DISKS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "lustre", "ceph", "afs"})
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
CA_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; ``hint`` says what to do if it is not good."""

    name: str
    verdict: Verdict
    text: str
    hint: str = ""


@verb()
def doctor() -> int:
    """Look for what could go wrong on this machine; exit 1 if something is wrong."""
    face = current(click.get_current_context())
    findings = [finding for check in CHECKS for finding in _safely(check)]
    healthy = all(finding.verdict != "bad" for finding in findings)
    if face.json:
        checks = [{"name": one.name, "verdict": one.verdict, "text": one.text, "hint": one.hint} for one in findings]
        face.say(document.document("doctor/1", healthy=healthy, checks=checks))
    else:
        for finding in findings:
            _print(face, finding)
        face.say("\n" + ("all is well" if healthy else "something is wrong: see above"))
    return 0 if healthy else 1


def _print(face: Face, finding: Finding) -> None:
    marks = (
        {"good": "✓", "note": "!", "bad": "✗"} if speaks_unicode("stdout") else {"good": "ok", "note": "!", "bad": "XX"}
    )
    colour = {"good": "green", "note": "yellow", "bad": "red"}[finding.verdict]
    mark = face.style(marks[finding.verdict], sys.stdout, fg=colour)
    face.say(f"{mark} {finding.name:<14}{terminal_safe(finding.text)}")
    if finding.hint:
        face.say(f"{'':<16}{face.style('try:', sys.stdout, fg='cyan')} {finding.hint}")


def _safely(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield what the check finds; a check that breaks is a finding too."""
    try:
        yield from check()
    except (ArgosyError, OSError, ImportError) as error:
        yield Finding(check.__name__.strip("_"), "bad", str(error), getattr(error, "hint", ""))


# -- programs ------------------------------------------------------------------------------------------


def _versions() -> Iterator[Finding]:
    system = f"Python {platform.python_version()} on {platform.system()} {platform.release()}"
    yield Finding("argosy", "good", f"{VERSION}, {system}")


def _curl() -> Iterator[Finding]:
    import pycurl  # noqa: PLC0415 - that it cannot be imported is a finding

    facts = pycurl.version_info()
    has_http3 = bool(facts[4] & getattr(pycurl, "VERSION_HTTP3", 0))
    has_http2 = bool(facts[4] & pycurl.VERSION_HTTP2)
    speaks = [name for name in ("http", "https", "ftp", "ftps", "sftp") if name in facts[8]]
    versions = ", ".join(["HTTP/1.1"] + ["HTTP/2"] * has_http2 + ["HTTP/3"] * has_http3)
    missing = {"http", "https"} - set(speaks)
    text = f"{facts[1]} with {facts[5]}: {' '.join(speaks)}; {versions}"
    yield Finding("libcurl", "bad" if missing else "good", text, "reinstall pycurl with TLS" if missing else "")


def _sqlite() -> Iterator[Finding]:
    import apsw  # noqa: PLC0415 - as above

    good = tuple(int(part) for part in apsw.sqlite_lib_version().split(".")) >= WAL_FIXED
    hint = "" if good else "pip install --upgrade apsw: this SQLite can corrupt databases"
    yield Finding(
        "SQLite", "good" if good else "bad", f"{apsw.sqlite_lib_version()} (apsw {apsw.apsw_version()})", hint
    )


def _loop() -> Iterator[Finding]:
    if sys.platform == "win32":
        return
    try:
        import uvloop  # noqa: F401, PLC0415 - as above
    except ImportError:
        yield Finding("uvloop", "note", "not there; many small files are slower", "pip install uvloop")
    else:
        yield Finding("uvloop", "good", version("uvloop"))


def _video() -> Iterator[Finding]:
    """Look for what video pages need; who fetches none needs nothing."""
    from argosy.engines.ytdlp.order import check_installed  # noqa: PLC0415 - as above

    try:
        check_installed()
    except ArgosyError as error:
        missing = error.detail_code == "missing_extra"
        text = "yt-dlp is not there: no video sites" if missing else error.message
        yield Finding("video", "note" if missing else "bad", text, error.hint)
        return
    yield Finding("video", "good", f"yt-dlp {version('yt-dlp')}")
    yield _javascript()
    ffmpeg = shutil.which("ffmpeg")
    hint = "" if ffmpeg else "install ffmpeg: picture and sound that come apart cannot be joined"
    yield Finding("ffmpeg", "good" if ffmpeg else "note", ffmpeg or "not there", hint)


def _javascript() -> Finding:
    """Look for a runtime that yt-dlp uses, new enough. Bun and QuickJS would run a page's programs unconfined: they stay unused."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    told = []
    for name, oldest in (("deno", (2, 3)), ("node", (22,)), ("bun", None), ("qjs", None)):
        program = shutil.which(name, path=path)
        if program is None:
            continue
        if oldest is None:
            told.append(f"{name} (not used)")
            continue
        found = _version_of(program)
        if tuple(map(int, found.split("."))) >= oldest:
            return Finding("JavaScript", "good", f"{program} {found}")
        told.append(f"{name} {found} (too old)")
    return Finding(
        "JavaScript", "note", ", ".join(told) or "no runtime", "pip install deno: without it YouTube offers few formats"
    )


def _version_of(program: str) -> str:
    """Return what version a program says it is, ``0`` if it does not say."""
    import subprocess  # noqa: PLC0415 - one check needs it

    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=5, check=False).stdout  # noqa: S603 - found by its name
    except (OSError, subprocess.TimeoutExpired):
        return "0"
    match = re.search(r"\d+(?:\.\d+)*", said)
    return match[0] if match else "0"


# -- places --------------------------------------------------------------------------------------------


def _settings() -> Iterator[Finding]:
    loaded = config.load()
    file = loaded.home.config_file
    changed = sum(origin != "default" for origin in loaded.origins.values())
    yield Finding(
        "settings", "good", f"{file} ({'there' if file.exists() else 'not there, which is fine'}, {changed} set)"
    )
    if file.exists() and file.stat().st_mode & 0o022:
        yield Finding("settings", "note", f"others may write to {file}", f"chmod go-w {file}")


def _database() -> Iterator[Finding]:
    path = config.home().database
    folder = next(parent for parent in (path.parent, *path.parent.parents) if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("database", "bad", f"cannot write to {folder}", "choose another place with ARGOSY_HOME")
        return
    if not path.exists():
        yield Finding("database", "good", f"{path} (made when it is needed)")
        return
    yield _integrity(path)
    if path.stat().st_mode & 0o077:
        yield Finding("database", "note", f"others may read {path}, which can hold passwords", f"chmod 600 {path}")
    kind = _file_system(path)
    if kind in NETWORK_DISKS:
        yield Finding(
            "database", "bad", f"{path} is on {kind}, where locks cannot be trusted", "set ARGOSY_HOME to a local disk"
        )


def _integrity(path: Path) -> Finding:
    import apsw  # noqa: PLC0415 - as above

    try:
        with apsw.Connection(
            f"file:{path}?mode=ro", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        ) as connection:
            connection.set_busy_timeout(2000)
            answer = str(connection.execute("pragma quick_check(1)").fetchone()[0])  # type: ignore[index]
            tasks = connection.execute("select count(*) from tasks").fetchone()[0]  # type: ignore[index]
    except apsw.Error as error:
        return Finding("database", "bad", f"{path}: {error}", f"move {path} away; finished files are not touched")
    size = format_size(path.stat().st_size)
    if answer != "ok":
        return Finding(
            "database", "bad", f"{path} is damaged: {answer}", f"move {path} away; finished files are not touched"
        )
    return Finding("database", "good", f"{path}: whole, {tasks:,} tasks, {size}")


def _file_system(path: Path) -> str:
    """Return the kind of file system ``path`` is on, empty where nobody tells."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return ""
    under = [(len(mount[1]), mount[2]) for mount in mounts if path.is_relative_to(mount[1])]
    return max(under, default=(0, ""))[1]


def _downloads() -> Iterator[Finding]:
    folder = Path(config.load()["directory"] or ".").expanduser().absolute()
    if not folder.is_dir():
        yield Finding("downloads", "note", f"{folder} is not there yet (made when it is needed)")
        return
    free = shutil.disk_usage(folder).free
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("downloads", "bad", f"cannot write to {folder}", "go to another folder, or use -d DIR")
        return
    low = free < LOW_DISK_BYTES
    hint = "make room, or use -d DIR on another disk" if low else ""
    yield Finding("downloads", "note" if low else "good", f"{folder}: {format_size(free)} free", hint)


# -- the way out ---------------------------------------------------------------------------------------


def _proxies() -> Iterator[Finding]:
    found = [f"{name}={redacted_proxy(os.environ[name])}" for name in PROXY_VARIABLES if os.environ.get(name)]
    configured = config.load()["proxy"]
    if configured:
        found.insert(0, f"settings: {redacted_proxy(configured)}")
    yield Finding("proxy", "note" if found else "good", ", ".join(found) or "none")


def _certificates() -> Iterator[Finding]:
    own = config.load()["ca_file"] or os.environ.get("SSL_CERT_FILE") or os.environ.get("CURL_CA_BUNDLE")
    if own:
        readable = os.access(own, os.R_OK)
        yield Finding("certificates", "good" if readable else "bad", own, "" if readable else "it cannot be read")
        return
    system = next((path for path in CA_FILES if Path(path).exists()), None)
    hint = "" if system or sys.platform != "linux" else "install ca-certificates, or use --cacert FILE"
    yield Finding("certificates", "bad" if hint else "good", system or "the system's own", hint)


def _clock() -> Iterator[Finding]:
    now = time.time()
    wrong = now < RELEASED
    shown = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(now))
    yield Finding(
        "clock", "bad" if wrong else "good", shown, "set the clock: certificates seem not valid yet" if wrong else ""
    )


# -- the service -------------------------------------------------------------------------------------


def _daemon() -> Iterator[Finding]:
    from argosy.client import discovery  # noqa: PLC0415 - where none runs it may not even be installed

    home = config.home()
    here = discovery.running(home)
    if here is None:
        left = home.endpoint.exists()
        yield Finding("daemon", "note" if left else "good", "does not run" + (", but has left its address" if left else ""),
                      "nothing need be done: the next one replaces it" if left else "")  # fmt: skip
    else:
        where = " and ".join(filter(None, (here.url, here.socket)))
        hint = "" if discovery.same_release(here.version, VERSION) else "stop it and start it again: 'argosy serve'"
        yield Finding("daemon", "bad" if hint else "good", f"argosy {here.version}, pid {here.pid}, at {where}", hint)
    if home.token.exists():
        others = home.token.stat().st_mode & 0o077
        text = f"{home.token}, " + ("which others may read" if others else "for its owner's eyes")
        yield Finding("token", "bad" if others else "good", text, f"chmod 600 {home.token}" if others else "")


def _remote() -> Iterator[Finding]:
    from argosy.client import remotes  # noqa: PLC0415 - as above

    home = config.home()
    known = remotes.load(home)
    file = remotes.file_of(home)
    if os.environ.get("ARGOSY_URL"):
        yield Finding("service", "note", f"ARGOSY_URL names {redacted_url(os.environ['ARGOSY_URL'])}: it is asked")
    elif known.current is not None:
        yield Finding("service", "note", f"logged in to {known.current}: it is asked", "'argosy logout' ends that")
    if file.exists() and file.stat().st_mode & 0o077:
        yield Finding("service", "bad", f"others may read {file}, which holds tokens", f"chmod 600 {file}")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _versions, _curl, _sqlite, _loop, _video, _settings, _database, _downloads, _proxies, _certificates, _clock,
    _daemon, _remote,
)  # fmt: skip
