"""A file as an answer: all of it or a range, read beside the loop a piece at a time, with headers that make it harmless.

What was downloaded may be a web page with scripts in it. It is handed out as a file to be saved, never to be shown
(``attachment``), of the type it says it is and no other (``nosniff``), and a browser that shows it nevertheless lets it do
nothing (``sandbox``).
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from email.utils import formatdate
from io import FileIO
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from argosy.core.names import safe_name
from argosy.errors import LocalError
from argosy.service.answering.problem import problem
from argosy.service.results.conditional import Portion, RangeRefused, Version, portion
from argosy.service.results.results import Opened, Results

PIECE_BYTES: Final = 256 * 1024
STALL_S: Final = 120.0
"""Who takes nothing for so long is given up."""
OPAQUE: Final = "application/octet-stream"
_HARMLESS: Final = re.compile(
    r"(?:audio|video|font)/[\w.+-]{1,80}|image/(?!svg)[\w.+-]{1,80}|text/(?:plain|csv|tab-separated-values)"
    r"|application/(?:json|pdf|zip|gzip|x-tar|x-hdf5?|vnd\.apache\.parquet)",
    re.ASCII,
)
_PLAIN: Final = re.compile(r"[^A-Za-z0-9!#$&+.^_`|~ ()\[\]{}@,=-]")


class FileAnswer(Response):
    """Closes the file, however it ends."""

    def __init__(self, results: Results, file: FileIO, wanted: Portion, headers: Mapping[str, str]) -> None:
        super().__init__(None, wanted.status, headers)
        self._results = results
        self._file = file
        self._wanted = wanted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] == "HEAD" or self._wanted.length == 0:
                await send({"type": "http.response.body"})
            else:
                await self._send_all(receive, send)
        finally:
            await asyncio.shield(self._results.run(self._file.close))

    async def _send_all(self, receive: Receive, send: Send) -> None:
        at, stop = self._wanted.start, self._wanted.stop
        leaving = asyncio.ensure_future(_left(receive))
        try:
            while at < stop and not leaving.done():
                piece = await self._results.run(_read, self._file, at, min(PIECE_BYTES, stop - at))
                at += len(piece)
                async with asyncio.timeout(STALL_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": at < stop})
        except TimeoutError:
            return  # the connection is closed because the answer is not whole
        finally:
            leaving.cancel()


def _read(file: FileIO, at: int, count: int) -> bytes:
    piece = os.pread(file.fileno(), count, at)
    if not piece:
        raise LocalError("the file became shorter while it was sent")
    return piece


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def answer(results: Results, opened: Opened, request: Request) -> Response:
    """Return the answer to a GET or HEAD. Raises PreconditionFailed."""
    version = opened.version
    try:
        wanted = portion(version, asked(request))
    except RangeRefused as error:
        opened.file.close()
        return problem(416, error.failure(), headers={"Content-Range": f"bytes */{version.size}"})
    except BaseException:
        opened.file.close()
        raise
    headers = {**HARMLESS, **_validators(version)}
    if wanted.status != 304:
        headers |= {
            "Content-Type": type_of(opened.content_type),
            "Content-Disposition": disposition(opened.name),
            "Content-Length": str(wanted.length),
        }
    if wanted.status == 206:
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{version.size}"
    return FileAnswer(results, opened.file, wanted, headers)


def asked(request: Request) -> dict[str, str]:
    """Return the headers; a range is for GET alone (RFC 9110 14.2)."""
    return {name: value for name, value in request.headers.items() if name != "range" or request.method == "GET"}


HARMLESS: Final = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-transform",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def _validators(version: Version) -> dict[str, str]:
    return {"ETag": version.etag, "Last-Modified": formatdate(version.modified, usegmt=True)}


def type_of(stated: str | None) -> str:
    """Return the type the server stated if nothing of that type can run in a browser, else that of mere bytes."""
    kind = (stated or "").partition(";")[0].strip().lower()
    return kind if _HARMLESS.fullmatch(kind) else OPAQUE


def disposition(name: str) -> str:
    """Return ``attachment`` with the name, once in plain letters and once as it is (RFC 6266, RFC 8187)."""
    name = safe_name(name)
    plain = _PLAIN.sub("_", name)
    return f'attachment; filename="{plain}"' + ("" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}")
