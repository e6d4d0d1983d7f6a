"""The file that the log is kept in."""

from __future__ import annotations

import io
import logging
import os
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

LARGEST_BYTES: Final = 5 * 1024 * 1024
KEPT: Final = 3
"""Files beside the one that is written to."""


class LogFile(RotatingFileHandler):
    """A file for its owner's eyes, made with its folder when there is something to write.

    Several processes write to it: each line goes out in one piece, and who finds that another has begun a new file
    goes on in that one. A log that cannot be written hinders nobody.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(file, maxBytes=LARGEST_BYTES, backupCount=KEPT, encoding="utf-8", delay=True)

    def _open(self) -> io.TextIOWrapper:
        folder = Path(self.baseFilename).parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return open(self.baseFilename, "a", encoding="utf-8", opener=_private)

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - logging's name
        if self.stream is not None and self._was_moved(self.stream):
            self.stream.close()
            self.stream = self._open()
        return bool(super().shouldRollover(record))

    def _was_moved(self, stream: io.TextIOWrapper) -> bool:
        try:
            return not os.path.samestat(Path(self.baseFilename).stat(), os.fstat(stream.fileno()))
        except OSError:
            return True

    def rotate(self, source: str, dest: str) -> None:
        with suppress(FileNotFoundError):  # another process was first
            super().rotate(source, dest)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Let it go."""


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
