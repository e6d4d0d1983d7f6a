"""S3 without anybody's library: pages of a listing, and links, both signed if there are credentials.

Keys go through as they are. ``a//b``, ``../x`` and ``.`` are objects like any other here; libraries that take keys for
paths cannot even list a bucket that has one.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from argosy.core.checksum import Checksum
from argosy.core.etag import checksum_of, md5_of
from argosy.core.retry import RetryAt, RetryPolicy, next_step
from argosy.errors import AuthError, BadResponse, ServerRefused, TransferError
from argosy.sources.listing import LARGEST_PAGE, Object, Page, page_of
from argosy.sources.place import LINK_LIFE, MOST_OBJECTS, Place, only_stands_for_a_folder, too_many
from argosy.sources.port import Web
from argosy.sources.signature import Credentials, kept, signed, written

PATIENCE: Final = RetryPolicy(max_retries=5, initial_s=0.5, cap_s=20.0)
"""With each page of a listing: a bucket that asks to slow down must not cost the pages before."""


class S3Shelf:
    """The objects of one place; without credentials they are asked for as anybody would."""

    def __init__(self, place: Place, web: Web, who: Credentials | None) -> None:
        self._place = place
        self._web = web
        self._who = who

    async def objects(self) -> Sequence[Object]:
        """See :class:`argosy.sources.place.Shelf`. Objects that come and go meanwhile are there once or not at all."""
        prefix = self._place.prefix
        found = await self._listed(f"{prefix.rstrip('/')}/" if prefix else "")
        if not found and prefix and not prefix.endswith("/"):
            one = (await self._page({"prefix": prefix, "max-keys": "1"})).objects
            found = [each for each in one if each.key == prefix]
        return [each for each in found if not only_stands_for_a_folder(each.key, each.size)]

    async def _listed(self, prefix: str) -> list[Object]:
        found: dict[str, Object] = {}
        more: str | None = None
        asked = set[str]()
        while True:
            page = await self._page({"prefix": prefix} | ({"continuation-token": more} if more else {}))
            found |= {each.key: each for each in page.objects if each.key.startswith(prefix)}
            if len(found) > MOST_OBJECTS:
                raise too_many()
            more = page.more
            if more is None:
                return list(found.values())
            if more in asked:
                raise BadResponse("the bucket's listing goes round in circles", code="listing")
            asked.add(more)

    async def _page(self, about: Mapping[str, str]) -> Page:
        """Return a page of the listing, asked for again while the bucket is busy."""
        attempt = 0
        while True:
            try:
                url = self._url("", {"list-type": "2", "encoding-type": "url", **about})
                return page_of(await self._web.read(url, limit=LARGEST_PAGE))
            except TransferError as error:
                step = next_step(PATIENCE, error.failure(), attempt, progressed=False, uniform=random.random())  # noqa: S311 - jitter, no secret
                if not isinstance(step, RetryAt):
                    raise _told(error, self._place) from error
                attempt = step.attempt
                await asyncio.sleep(step.delay_s)

    async def urls(self, keys: Sequence[str]) -> Sequence[str]:
        return [self._url(key, {}) for key in keys]

    def checksum(self, each: Object) -> Checksum | None:
        """Of a public object that was sent in one piece the ETag is the MD5; others' may be, which only a match can tell:
        where a key encrypts it is something else.
        """
        return (md5_of(each.etag) if self._who is None else None) or checksum_of(each.etag)

    def _url(self, key: str, query: Mapping[str, str]) -> str:
        base, path = address(self._place, key)
        if self._who is None:
            return f"{base}{kept(path)}" + (f"?{written(query)}" if query else "")
        at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        life = int(LINK_LIFE.total_seconds())
        return signed(base, path, query, self._who, region=self._place.region, at=at, seconds=life)


def _told(error: TransferError, place: Place) -> TransferError:
    """Return the error with the bucket's name in it."""
    where = f"s3://{place.bucket}"
    match error.detail_code:
        case "http_401" | "http_403":
            hint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or check them"
            return AuthError(f"{where} is not open to us: {error.message}", hint=hint, code=error.detail_code)
        case "http_301" | "http_400" | "http_404":
            hint = "check the bucket's name and region (?region=)"
            return ServerRefused(f"{where} is not there: {error.message}", hint=hint, code=error.detail_code)
    return error


def address(place: Place, key: str) -> tuple[str, str]:
    """Return the server and the path of an object; every part of the key is its own, also ``.`` and empty ones."""
    path = quote(key, safe="/~")
    if place.endpoint is not None:
        return place.endpoint, f"/{place.bucket}/{path}" if key else f"/{place.bucket}"
    if "." in place.bucket:  # no certificate covers such a name
        return f"https://s3.{place.region}.amazonaws.com", f"/{place.bucket}/{path}"
    return f"https://{place.bucket}.s3.{place.region}.amazonaws.com", f"/{path}"
