"""``argosy get -o -``: a file goes to standard output once it is whole and verified, and stays nowhere.

Not while it comes: what a program has read cannot be taken back when the checksum turns out to be wrong, or the file to have
changed. So until then it lies in a folder of its own, from where the same command again goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from argosy import config
from argosy.cli.report import Words, paths
from argosy.errors import UsageError

if TYPE_CHECKING:
    from argosy.core.types import FileState, Task
    from argosy.runtime.handle import TaskHandle
    from argosy.runtime.manager import Runtime

ASIDE: Final = ".argosy-stdout-"
COPIED_BYTES: Final = 1024 * 1024


def aside(urls: Sequence[str], given: dict[str, Any]) -> None:
    """Have the file put where it waits to be poured out: below ``--dir``, or with our own files."""
    if len(urls) != 1 or given["input_file"] is not None:
        raise UsageError("only one file can go to standard output", hint="give one URL with -o -")
    base = Path(given["directory"]) if given["directory"] else config.home().state
    own = hashlib.blake2b(urls[0].encode(errors="surrogatepass"), digest_size=8).hexdigest()
    given["output"], given["directory"] = None, str(base / f"{ASIDE}{own}")


class Unnamed(Words):
    """Tells everything but where the file is: it will not be there."""

    def finished(self, task: Task, files: Sequence[FileState]) -> None:
        """Standard output is for its bytes."""


async def pour(runtime: Runtime, handle: TaskHandle) -> None:
    """Write the one file to standard output, and forget it, whether or not whoever reads that wants all of it."""
    task = await handle.task()
    files = await runtime.files(handle.id)
    try:
        found = paths(task, files)
        if len(found) != 1:
            raise UsageError(
                f"{len(found)} files cannot go to standard output", hint="leave -o - out; or choose one with --include"
            )
        await asyncio.to_thread(_copy, found[0])
    finally:
        await runtime.remove([handle.id])
        folder = Path(task.spec.directory)
        if folder.name.startswith(ASIDE):  # else a source has put it somewhere of its own, which is not ours to remove
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _copy(path: str) -> None:
    with Path(path).open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer, COPIED_BYTES)
    sys.stdout.buffer.flush()
