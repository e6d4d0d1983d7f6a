"""Many small files: some requests under way all the time, each of which is given another URL as soon as it has ended.

What is the same for all files is done once: the handles are set up once, one watch looks at what takes its time, and a file
that came whole goes onto the tray without a task, a desk and a ledger of its own. Any other is brought as it would be alone, and goes on
with the request that was made for it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pycurl

from argosy.core.types import FileState, TransferOptions
from argosy.engines.curl.client import Client
from argosy.engines.curl.dash import PATIENCE_S, Dash, is_plain
from argosy.engines.curl.permit import acquire
from argosy.engines.port import Cancelled, Tray


class Bulk:
    """Brings the files of one tray. Made for one call of :meth:`run`."""

    def __init__(self, client: Client, tray: Tray, options: TransferOptions) -> None:
        self._client = client
        self._tray = tray
        self._options = options
        self._running: set[Dash] = set()

    async def run(self, width: int) -> None:
        """Return when the tray has no more files, or the token is set. Raises what the tray raises."""
        unsubscribe = self._tray.cancel.subscribe(self._look_at_all)
        try:
            async with asyncio.TaskGroup() as group:
                slots = {group.create_task(self._slot()) for _ in range(width)}
                while slots:
                    _, slots = await asyncio.wait(slots, timeout=PATIENCE_S)
                    self._watch()
        finally:
            unsubscribe()
            self._tray.report(0)

    async def _slot(self) -> None:
        """Bring one file after the other, all with one handle as long as they are small ones."""
        tray, curl = self._tray, None
        with suppress(Cancelled):
            while (state := tray.take()) is not None:
                if not is_plain(state) or tray.throttle.limited or not tray.is_plain(state):
                    await tray.otherwise(state)
                    continue
                dash = Dash(self._client, state, tray.hosts)
                if not tray.hosts.try_acquire(dash.host):
                    await acquire(tray.hosts, dash.host, tray.cancel)
                curl = self._ready(curl, dash)
                if await self._run(dash, curl) and tray.bring(state, dash.facts(), dash.body):
                    dash.close()
                    continue
                curl = None
                await self._otherwise(state, dash)
        if curl is not None:
            self._client.release(curl)

    def _ready(self, curl: pycurl.Curl | None, dash: Dash) -> pycurl.Curl:
        if curl is None:
            return self._client.handle(dash.request, self._options)
        self._client.turn(curl, dash.request, self._options)
        return curl

    async def _run(self, dash: Dash, curl: pycurl.Curl) -> bool:
        self._running.add(dash)
        try:
            return await dash.run(curl, self._options)
        finally:
            self._running.discard(dash)

    async def _otherwise(self, state: FileState, dash: Dash) -> None:
        try:
            self._tray.cancel.check()
            await self._tray.otherwise(state, dash)
        finally:
            dash.drop()  # who was to go on with the request may have had no need to

    def _look_at_all(self) -> None:
        for dash in tuple(self._running):
            dash.look()

    def _watch(self) -> None:
        """Have those looked at that take their time."""
        self._tray.report(len(self._running))
        late = asyncio.get_running_loop().time() - PATIENCE_S
        for dash in tuple(self._running):
            if dash.since < late:
                dash.look()
