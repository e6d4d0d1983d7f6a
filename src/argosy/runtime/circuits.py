"""What failures have told of hosts, and what has come since; the rules are those of :mod:`argosy.core.breaker`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from argosy.core.breaker import Circuit, Pace, failed, is_alive, is_old, is_open, is_trouble, left_alone_until
from argosy.core.types import Task, TaskId
from argosy.errors import Failure
from argosy.runtime.gauge import Gauge

log = logging.getLogger(__name__)


class Circuits:
    """Those of one process. Lives on the runtime loop."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._circuits: dict[str, Circuit] = {}

    def failed(self, task: Task, failure: Failure, now: float) -> None:
        """An attempt has failed; ``task`` is what it left."""
        if not task.host:
            return
        if is_alive(failure, progressed=task.received > task.mark):
            self.alive(task.host)
        elif is_trouble(failure):
            before = self._circuits.get(task.host, Circuit())
            after = self._circuits[task.host] = failed(before, task.id, now, self._pace)
            if after.pauses > before.pauses:
                told = {"host": task.host, "pause_s": after.pause_s, "code": failure.code}
                log.warning("host.left_alone", extra=told)

    def alive(self, host: str) -> None:
        """The host has served somebody."""
        circuit = self._circuits.pop(host, None)
        if circuit is not None and circuit.pauses:
            log.info("host.back", extra={"host": host})

    def listen(self, held: Iterable[Task], gauges: Mapping[TaskId, Gauge], now: float) -> bool:
        """Take bytes that flow for a sign of life, long before the file is whole; tell whether to listen again soon."""
        if not self._circuits:
            return False
        trying = [task for task in held if (circuit := self._circuits.get(task.host)) and _is_tried(circuit, now)]
        for task in trying:
            gauge = gauges.get(task.id)
            if gauge is not None and gauge.received > task.mark:
                self.alive(task.host)
        return any(task.host in self._circuits for task in trying)

    def failing(self, now: float) -> dict[str, float]:
        """Return the hosts that fail, and until when each is left alone; if that is over, it is being tried."""
        return {
            host: left_alone_until(circuit, now) or now
            for host, circuit in self._circuits.items()
            if is_open(circuit, now)
        }

    def forget(self, now: float) -> None:
        """Drop what is too old to mean anything."""
        self._circuits = {host: circuit for host, circuit in self._circuits.items() if not is_old(circuit, now)}


def _is_tried(circuit: Circuit, now: float) -> bool:
    return is_open(circuit, now) and left_alone_until(circuit, now) is None
