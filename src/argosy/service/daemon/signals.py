"""What a signal means to the service: SIGTERM and Ctrl-C stop it, the second time at once; SIGHUP has it look again."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

STOPPING = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """``asked`` is set by the first signal; a second one ends the process without waiting. The disk is right at any moment."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    def receive(self, number: signal.Signals) -> None:
        if self.asked.is_set():
            os._exit(128 + number)
        log.info("service.stop_asked", extra={"signal": number.name})
        self.asked.set()


@contextmanager
def heeded(reload: Callable[[], None]) -> Iterator[Stop]:
    """Within, signals do as the result says, and SIGHUP calls ``reload``."""
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.add_signal_handler(number, stop.receive, number)
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        yield stop
    finally:
        for number in (*STOPPING, signal.SIGHUP):
            loop.remove_signal_handler(number)
