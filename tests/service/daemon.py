"""The service, tested from outside: the real daemon in a process of its own, asked through real sockets."""

from __future__ import annotations

import http.client
import json
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.warm import environment, started

READY_S = 30.0
STOP_S = 30.0
LOOK_S = 0.01


@dataclass(frozen=True)
class Answer:
    """What came back: unpacks as ``status, headers, body``. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __iter__(self) -> Iterator[Any]:
        return iter((self.status, self.headers, self.body))

    def json(self) -> Any:
        return json.loads(self.body)


class ByPath(http.client.HTTPConnection):
    """HTTP through a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@dataclass
class Daemon:
    """``argosy serve`` with a home of its own, nothing of the person's environment, and its output kept.

    ``start`` returns once it has printed its address. ``restart`` starts it again on the same home and port.
    """

    home: Path
    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    """Variables of its environment. Files on this machine may be fetched unless this says otherwise."""
    url: str = ""
    process: subprocess.Popen[str] | None = None
    before: list[str] = field(default_factory=list)
    """Words before the command's own, such as a shell that prepares its descriptors."""
    cold: bool = False
    """Whether its process is begun from nothing, so that what the system shows of it is its own."""
    errors: list[str] = field(default_factory=list)
    """What it has written on stderr, line by line."""
    _words: tuple[str, ...] = ()
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        return environment({"HOME": str(self.home), "ARGOSY_HOME": str(self.home), "ARGOSY_ALLOW_NETWORK": "127.0.0.0/8",
                            "ARGOSY_DIRECTORY": str(self.folder), **self.extra})  # fmt: skip

    @property
    def token(self) -> str:
        return self.extra.get("ARGOSY_TOKEN") or (self.home / "token").read_text().strip()

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def socket(self) -> Path:
        """The Unix socket it says it has."""
        return Path(json.loads((self.home / "endpoint.json").read_text())["socket"])

    # -- its life ----------------------------------------------------------------------------------

    def start(self, *words: str, env: Mapping[str, str] | None = None, port: int = 0, **more: Any) -> Daemon:
        """It answers afterwards. ``more`` goes to Popen (``pass_fds``, ``preexec_fn``)."""
        self._words = words
        self.extra.update(env or {})
        process = self.launch("serve", "--port", str(port), *words, **more)
        self.process = process
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._read(process, lines.put)
        try:
            first = lines.get(timeout=READY_S)
        except queue.Empty:
            raise TimeoutError(f"it printed no address: {self.errors}") from None
        if not first:
            self.process.wait()
            raise AssertionError(f"it ended with {self.process.returncode}: {''.join(self.errors)}")
        self.url = first.strip()
        return self

    def launch(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        """A command of Argosy's in this home; the caller ends it."""
        if not self.before and not more:
            return started(
                words, folder=self.folder, environ=self.environment, stdin=subprocess.DEVNULL, cold=self.cold
            )
        return subprocess.Popen(
            [*self.before, sys.executable, "-m", "argosy", *words], cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more,
        )  # fmt: skip

    def _read(self, process: subprocess.Popen[str], say: Callable[[str], None]) -> None:
        """Read both pipes to their ends, so that the daemon never waits for us; an empty line says that it ended."""
        assert process.stdout is not None
        assert process.stderr is not None

        def out(stream: Any = process.stdout) -> None:
            with stream:
                for line in stream:
                    say(line)
            say("")

        def err(stream: Any = process.stderr) -> None:
            with stream:
                self.errors.extend(stream)

        self._threads = [threading.Thread(target=target, daemon=True) for target in (out, err)]
        for thread in self._threads:
            thread.start()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; return its exit code once it has ended. Nothing happens if it has already."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Return its exit code once it has ended."""
        assert self.process is not None
        code = self.process.wait(STOP_S)
        for thread in self._threads:
            thread.join(STOP_S)
        return code

    def kill9(self) -> None:
        """It is gone, without having been told."""
        self.stop(signal.SIGKILL)

    def restart(self, *, env: Mapping[str, str] | None = None) -> Daemon:
        """A new process on the same home, port and words; one that still runs is stopped first."""
        port = self.port
        self.stop()
        return self.start(*self._words, env=env, port=port)

    def clear_away(self) -> None:
        """Leave nothing running."""
        if self.process is not None and self.process.poll() is None:
            self.kill9()

    # -- asking it ---------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        path: str,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        token: str | None = "",
        local: bool = False,
        timeout: float = 20.0,
    ) -> Answer:
        """Ask one thing over a connection of its own, with the admin's token unless ``token`` says otherwise (None:
        without any). ``local``: through the Unix socket.
        """
        given = {} if token is None else {"Authorization": f"Bearer {token or self.token}"}
        if json is not None:
            body, given["Content-Type"] = _encoded(json), "application/json"
        given.update(headers or {})
        with closing(self.connect(local=local, timeout=timeout)) as connection:
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())

    def connect(self, *, local: bool = False, timeout: float = 20.0) -> http.client.HTTPConnection:
        """A connection that the caller closes."""
        if local:
            return ByPath(self.socket, timeout)
        return http.client.HTTPConnection(urlsplit(self.url).hostname or "", self.port, timeout=timeout)

    def add(self, source: str | list[str], **more: object) -> str:
        """Make a task; return its id."""
        answer = self.request("POST", "/v1/tasks", {"source": source, **more})
        assert answer.status in {200, 202}, answer.body
        task_id: str = answer.headers["location"].rpartition("/")[2]
        return task_id

    def task(self, task_id: str) -> Any:
        answer = self.request("GET", f"/v1/tasks/{task_id}")
        assert answer.status == 200, answer.body
        return answer.json()

    def until_status(self, task_id: str, *statuses: str, seconds: float = 30.0) -> Any:
        """Return the task once it has one of these statuses."""
        until(lambda: self.task(task_id)["status"] in statuses, seconds)
        return self.task(task_id)


def _encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Return once ``condition`` holds; TimeoutError if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen in time")
        time.sleep(LOOK_S)
