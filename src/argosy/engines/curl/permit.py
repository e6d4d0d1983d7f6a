"""Waiting for the permission to open one more connection to a host, without ever keeping one that nobody uses."""

from __future__ import annotations

import asyncio

from argosy.engines.port import CancelToken, HostGate


async def acquire(hosts: HostGate, host: str, cancel: CancelToken) -> None:
    """Return once a connection to ``host`` may be opened. Raises Cancelled if the token is set first."""
    waiting = asyncio.ensure_future(hosts.acquire(host))
    unsubscribe = cancel.subscribe(lambda: _give_up(waiting))
    try:
        await asyncio.wait({waiting})
    except asyncio.CancelledError:
        if not waiting.cancel():  # it was ours already
            hosts.release(host)
        raise
    finally:
        unsubscribe()
    if waiting.cancelled():
        cancel.check()
    waiting.result()


def _give_up(waiting: asyncio.Future[None]) -> None:
    waiting.cancel()
