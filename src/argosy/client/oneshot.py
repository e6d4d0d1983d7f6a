"""One download through a service in one line, with or without a loop of one's own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from argosy.client.client import Client
from argosy.errors import UsageError


async def aget(
    url: str,
    directory: str | Path | None = None,
    *,
    server: str | None = None,
    token: str | None = None,
    **request: Any,  # noqa: ANN401 - as Client.add
) -> Path:
    """Return where the file is on the service's machine, once it is there, whole and verified.

    Takes what :meth:`argosy.Client.add` takes; ``server`` and ``token`` as :class:`argosy.Client`. If this process ends
    first, the service goes on. Raises the :class:`~argosy.errors.ArgosyError` that kept it from that.
    """
    async with Client(server, token) as client:
        handle = await client.add(url, directory=directory, **request)
        await handle
        return handle.path


def get(
    url: str,
    directory: str | Path | None = None,
    *,
    server: str | None = None,
    token: str | None = None,
    **request: Any,  # noqa: ANN401 - as Client.add
) -> Path:
    """Do the same and wait for it, from code without a running event loop (any thread will do)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(aget(url, directory, server=server, token=token, **request))
    raise UsageError("get cannot wait inside a running event loop", hint="write: await aget(…)")
