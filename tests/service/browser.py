"""A real browser, told what to do over its DevTools protocol."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("chromium")
READY_S = 30.0
ANSWER_S = 30.0


class Browser:
    """One window. ``events`` is all that the browser has told by itself so far."""

    def __init__(self, channel: ClientConnection) -> None:
        self._channel = channel
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)  # a window that is looked at

    def call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        session = {} if self._session is None else {"sessionId": self._session}
        self._channel.send(json.dumps({"id": self._number, "method": method, "params": parameters, **session}))
        while True:
            told = json.loads(self._channel.recv(ANSWER_S))
            if told.get("id") == self._number:
                assert "error" not in told, told
                return told["result"]
            self.events.append(told)

    def run(self, script: str) -> Any:
        """Return what the script gives, once that is there."""
        told = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def until(self, script: str) -> None:
        """Return once the script gives something true."""
        deadline = time.monotonic() + ANSWER_S
        while not self.run(script):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{script}: {self.run('document.body.innerText')}")
            time.sleep(0.02)

    def told(self, *methods: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event["method"] in methods]


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser that knows nothing, and asks nobody of its own accord."""
    assert PROGRAM is not None
    process = subprocess.Popen(
        [PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run",
         "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with connect(_address(process, folder / "DevToolsActivePort"), max_size=None) as channel:
            yield Browser(channel)
            channel.send(json.dumps({"id": 0, "method": "Browser.close"}))
        process.wait(READY_S)
    finally:
        process.kill()
        process.wait()


def _address(process: subprocess.Popen[bytes], file: Path) -> str:
    deadline = time.monotonic() + READY_S
    while not (file.exists() and file.read_text().count("\n")):
        if time.monotonic() > deadline or process.poll() is not None:
            raise TimeoutError("the browser does not start")
        time.sleep(0.02)
    port, path = file.read_text().split("\n")[:2]
    return f"ws://127.0.0.1:{port}{path}"
