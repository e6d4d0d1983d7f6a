"""Lists of checksums that lie beside the files: ``data.bin.sha256``, ``SHA256SUMS`` and their like."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Final
from urllib.parse import urljoin, urlsplit

from argosy.core.checksum import Checksum, parse_sums
from argosy.core.names import from_url
from argosy.core.redact import redacted_url
from argosy.core.types import FileState, TransferOptions
from argosy.errors import ArgosyError, AuthError, BadResponse, IntegrityError, ServerRefused, UsageError
from argosy.runtime.ports import Reader

AUTO: Final = "auto"
LARGEST_BYTES: Final = 16 * 1024 * 1024
"""A list of checksums that is longer is not one."""
ENDINGS: Final = (".sha256", ".sha256sum", ".sha512", ".md5")
NAMES: Final = ("SHA256SUMS", "SHA256SUMS.txt", "sha256sum.txt", "SHA512SUMS", "MD5SUMS")
"""Where a list usually lies: beside the file under its name, and in its folder."""


class Sidecars:
    """The lists that one attempt has looked at. Lives on the transfer loop.

    A list in a folder is read once, however many of the task's files lie in that folder.
    """

    def __init__(self, options: TransferOptions) -> None:
        assert options.sidecar is not None
        self._wanted = options.sidecar
        self._options = options
        self._folders: dict[str, asyncio.Future[str | None]] = {}

    async def expected(self, state: FileState, reader: object) -> Checksum | None:
        """Return what a list says of the file; None if none of the usual ones does. Raises what kept a list that was
        named from being read, IntegrityError if it does not name the file.
        """
        if not isinstance(reader, Reader):
            raise UsageError("checksum lists cannot be read over this protocol", hint="give the checksum itself")
        name = from_url(state.urls[0]) or state.path or ""
        if self._wanted != AUTO:
            return await self._named(state, name, reader)
        for url, shared in _usual(state.urls[0]):
            text = await (self._of_folder(url, state, reader) if shared else self._text(url, state, reader))
            found = None if text is None else parse_sums(text, name, from_url(url) or "")
            if found is not None:
                return found
        return None

    async def _named(self, state: FileState, name: str, reader: Reader) -> Checksum:
        shown = redacted_url(self._wanted)
        try:
            text = await self._read(self._wanted, state, reader)
        except ArgosyError as error:
            error.message = f"the list of checksums {shown}: {error.message}"
            error.args = (error.message,)
            raise
        found = parse_sums(text, name, from_url(self._wanted) or "")
        if found is None:
            raise IntegrityError(
                f"{shown} has no checksum of {name}", hint="check the list's URL, or give the checksum itself",
                code="no_checksum",
            )  # fmt: skip
        return found

    async def _of_folder(self, url: str, state: FileState, reader: Reader) -> str | None:
        """Return the text of a list that many files share; whoever asks first reads it."""
        reading = self._folders.get(url)
        if reading is not None:
            return await asyncio.shield(reading)
        reading = self._folders[url] = asyncio.get_running_loop().create_future()
        try:
            text = await self._text(url, state, reader)
        except BaseException as error:
            del self._folders[url]  # who comes later asks again
            if isinstance(error, ArgosyError):
                reading.set_exception(error)
                reading.exception()  # perhaps nobody waits to see it
            else:
                reading.cancel()
            raise
        reading.set_result(text)
        return text

    async def _text(self, url: str, state: FileState, reader: Reader) -> str | None:
        """Return the text, None if there is none. A server that is only busy is another matter: it is asked again."""
        try:
            return await self._read(url, state, reader)
        except (ServerRefused, AuthError, BadResponse):
            return None

    async def _read(self, url: str, state: FileState, reader: Reader) -> str:
        options = self._options if _origin(url) == _origin(state.urls[0]) else _without_secrets(self._options)
        return (await reader.read(url, options, LARGEST_BYTES)).decode("utf-8", "replace")


def _usual(url: str) -> Iterator[tuple[str, bool]]:
    """Yield where a list usually lies, and whether it is one that other files of the folder share."""
    bare = urlsplit(url)._replace(query="", fragment="").geturl()
    for ending in ENDINGS:
        yield bare + ending, False
    for name in NAMES:
        yield urljoin(bare, name), True


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2]


def _without_secrets(options: TransferOptions) -> TransferOptions:
    """Return the options as another server may see them: what opens one door is not shown at the next."""
    return replace(options, headers=(), user=None, cookie=None, referer=None)
