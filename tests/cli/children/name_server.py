"""In a network and a mount of its own: a name server of some kind, a file server, and the command that needs both.

usage: name_server.py (prompt|slow|unknown|broken|silent|silent, interrupted) FOLDER

Prints one JSON object: exit code, what was said, and how long it took.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

from argosy.testing.server import FaultyServer

SETTINGS = {"resolv.conf": "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n", "nsswitch.conf": "hosts: dns\n"}
SLOW_S = 0.5
HEADER, QUESTION = 12, 4
A, IN = 1, 1
CODES = {"broken": 2, "unknown": 3}
"""SERVFAIL and NXDOMAIN (RFC 1035 4.1.1)."""


def be_alone(folder: Path) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name, text in SETTINGS.items():
        (folder / name).write_text(text)
        subprocess.run(["mount", "--bind", str(folder / name), f"/etc/{name}"], check=True)


def answer(asked: bytes, kind: str) -> bytes:
    """Return the answer to a query for one name: this machine, for an IPv4 address."""
    end = asked.index(b"\0", HEADER) + 1 + QUESTION
    (wanted,) = struct.unpack("!H", asked[end - QUESTION : end - QUESTION // 2])
    code = CODES.get(kind, 0)
    found = wanted == A and not code
    record = b"\xc0\x0c" + struct.pack("!HHIH", A, IN, 60, 4) + socket.inet_aton("127.0.0.1") if found else b""
    return asked[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, int(found), 0, 0) + asked[HEADER:end] + record


def serve(names: socket.socket, kind: str, heard: threading.Event) -> None:
    while True:
        asked, who = names.recvfrom(512)
        heard.set()
        if kind.startswith("silent"):
            continue
        if kind == "slow":
            time.sleep(SLOW_S)
        names.sendto(answer(asked, kind), who)


def main(kind: str, folder: Path) -> None:
    be_alone(folder)
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("127.0.0.1", 53))
    heard = threading.Event()
    threading.Thread(target=serve, args=(names, kind, heard), daemon=True).start()
    with FaultyServer() as server:
        url = server.add("/a.bin", b"here").replace("127.0.0.1", "files.example")
        words = ["get", url, "--retries", "0", "--connect-timeout", "2s", "--proxy", "none"]
        began = time.monotonic()
        command = subprocess.Popen(
            [sys.executable, "-m", "argosy", *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "ARGOSY_HOME": str(folder / "home")}, text=True,
        )  # fmt: skip
        if kind == "silent, interrupted":
            heard.wait(20)
            command.send_signal(signal.SIGINT)
        out, err = command.communicate(timeout=40)
    print(json.dumps({"code": command.returncode, "out": out, "err": err, "seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
