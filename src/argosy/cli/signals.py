"""Ctrl-C and SIGTERM: the first asks for a clean stop, a second Ctrl-C does not wait for it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from argosy.cli.trouble import EXIT_INTERRUPTED, EXIT_TERMINATED

SHOW_CURSOR = "\x1b[?25h"
EXIT_OF = {signal.SIGINT: EXIT_INTERRUPTED, signal.SIGTERM: EXIT_TERMINATED}


class Stopping:
    """Set once somebody has asked this command to stop."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.exit_code = 0
        self._listeners: list[Callable[[], None]] = []

    def on_first(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` when the stop is asked for."""
        self._listeners.append(listener)

    def receive(self, number: signal.Signals) -> None:
        """Take note of a signal; a second Ctrl-C ends the process at once. What is on disk is safe at any moment."""
        if self.asked.is_set():
            if number == signal.SIGINT:
                leave_now()
            return
        self.exit_code = EXIT_OF[number]
        self.asked.set()
        for listener in self._listeners:
            listener()


def leave_now() -> None:
    """End the process without waiting for anything."""
    if sys.stderr.isatty():
        sys.stderr.write(SHOW_CURSOR)
    with suppress(OSError):
        sys.stderr.write(
            "\nstopped at once; the same command again goes on from the last thing that reached the disk\n"
        )
        sys.stderr.flush()
    os._exit(EXIT_INTERRUPTED)


@contextmanager
def listening() -> Iterator[Stopping]:
    """Within, the signals go to the :class:`Stopping` of the running loop."""
    stopping = Stopping()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    try:
        for number in numbers:
            loop.add_signal_handler(number, stopping.receive, number)
    except NotImplementedError:  # Windows' loops take no handlers
        for number in numbers:
            signal.signal(number, lambda got, _: loop.call_soon_threadsafe(stopping.receive, signal.Signals(got)))
        yield stopping
        return
    try:
        yield stopping
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
