"""Forks ``python -m argosy``: it is asked on its standard input, and ends with it. Each process has a nurse, which tells whoever
asked the process's id, and its exit code once it has one.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import time
from typing import Any

from argosy.cli.verbs import MODULES

IMPORTED = (
    "argosy.cli.app", "argosy.cli.foreground", "argosy.client.client", "argosy.client.discovery",
    "argosy.engines.curl.engine", "argosy.runtime.ensure", "argosy.runtime.pool", "argosy.service.app",
    "argosy.service.daemon.daemon", "argosy.sources.registry", "argosy.store.sqlite.store",
)  # fmt: skip
MOST_BYTES = 1 << 20


def orders(channel: socket.socket) -> dict[str, Any]:
    """Return, in the process that is to follow it, an order. The nursery itself ends here when nobody can ask any more."""
    while True:
        message, fds, _, _ = socket.recv_fds(channel, MOST_BYTES, 4)
        if not message:
            sys.exit()
        if os.fork() == 0:
            channel.close()
            break
        for fd in fds:
            os.close(fd)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    news = socket.socket(fileno=fds.pop())
    pid = os.fork()
    if pid:
        nurse(pid, fds, news)
    news.close()
    for place, fd in enumerate(fds):
        os.dup2(fd, place)
        os.close(fd)
    order: dict[str, Any] = json.loads(message)
    return order


def nurse(pid: int, fds: list[int], news: socket.socket) -> None:
    """Watch over one process. Its pipes are nobody's but its own."""
    for fd in (0, 1, 2, *fds):
        os.close(fd)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    news.sendall(b"%d" % pid)
    _, status = os.waitpid(pid, 0)
    try:
        news.sendall(b"%d" % os.waitstatus_to_exitcode(status))
    finally:
        os._exit(0)


for name in (*IMPORTED, *sorted(f"argosy.cli.{module}" for module in MODULES.values())):
    importlib.import_module(name)
gc.collect()
gc.freeze()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nurses are waited for by nobody
order = orders(socket.socket(fileno=os.dup(0)))
os.chdir(order["folder"])
os.environ.clear()
os.environ.update(order["environ"])
time.tzset()
sys.argv[1:] = order["words"]
sys.path[0] = order["folder"]
runpy.run_module("argosy", run_name="__main__", alter_sys=True)
