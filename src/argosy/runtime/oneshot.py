"""One download in one line, with or without a loop of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from argosy.core.types import Progress
from argosy.errors import UsageError
from argosy.runtime.manager import Runtime


async def aget(
    url: str,
    directory: str | Path | None = None,
    *,
    home: str | Path | None = None,
    **request: Any,  # noqa: ANN401 - as Runtime.add
) -> Path:
    """Return the path of the file once it is there, whole and verified.

    Takes what :meth:`Runtime.add` takes. The same call again goes on where an earlier one stopped, whatever stopped it,
    and returns at once if the server still has what is here. Raises the :class:`ArgosyError` that kept it from that.
    """
    async with Runtime(home, session=True) as runtime:
        handle = await runtime.add(url, directory=directory or Path.cwd(), **request)
        await handle
        return handle.path


def get(url: str, directory: str | Path | None = None, *, home: str | Path | None = None, **request: Any) -> Path:  # noqa: ANN401 - as Runtime.add
    """Do the same and wait for it, from code without a running event loop (any thread will do)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(aget(url, directory, home=home, **request))
    raise UsageError("argosy.get cannot wait inside a running event loop", hint="write: await argosy.aget(…)")


async def ensure(
    source: str,
    directory: str | Path | None = None,
    *,
    home: str | Path | None = None,
    progress: Callable[[Progress], object] | None = None,
    **request: Any,  # noqa: ANN401 - as Request
) -> Path:
    """Return the path of ``source`` (a model, a dataset, a file), complete: at once if it is here already.

    ``await argosy.ensure("hf:org/name")`` gives what ``from_pretrained`` takes; so does the name of a model in the
    catalogue. ``progress`` is called with the counters (``received``, ``total``, ``percent``) as they change. Takes what
    :meth:`Runtime.ensure` takes.
    """
    async with Runtime(home, session=True) as runtime:
        return await runtime.ensure(source, directory=directory, progress=progress, **request)
