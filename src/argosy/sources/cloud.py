"""Stores that a library lists and signs for: Google's, Azure's, and S3 with credentials that are fetched from somewhere.

Needs the ``s3`` extra.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from argosy.core.checksum import Checksum
from argosy.core.etag import checksum_of
from argosy.errors import ArgosyError, AuthError, NetworkError, ServerRefused, UsageError
from argosy.sources.listing import Object
from argosy.sources.place import LINK_LIFE, MOST_OBJECTS, Place, only_stands_for_a_folder, too_many

PAGE: Final = 1000


class CloudShelf:
    """The objects of one place, by obstore."""

    def __init__(self, place: Place, *, anonymous: bool) -> None:
        self._place = place
        self._store = _opened(place, anonymous=anonymous)

    async def objects(self) -> Sequence[Object]:
        """See :class:`argosy.sources.place.Shelf`."""
        prefix = self._place.prefix
        try:
            pages = self._store.list(prefix.rstrip("/") or None, chunk_size=PAGE)
            listed = [each async for page in pages for each in page]
            if not listed and prefix and not prefix.endswith("/"):
                import obstore  # noqa: PLC0415 - an extra

                listed = [await obstore.head_async(self._store, prefix)]
        except Exception as error:
            raise translated(error, self._place) from error
        if len(listed) > MOST_OBJECTS:
            raise too_many()
        found = [Object(str(each["path"]), int(each["size"]), each.get("e_tag")) for each in listed]
        return [each for each in found if not only_stands_for_a_folder(each.key, each.size)]

    async def urls(self, keys: Sequence[str]) -> Sequence[str]:
        import obstore  # noqa: PLC0415 - an extra

        signed: Any = await obstore.sign_async(self._store, "GET", list(keys), LINK_LIFE)
        return [str(url) for url in signed]

    def checksum(self, each: Object) -> Checksum | None:
        return checksum_of(each.etag) if self._place.scheme == "s3" else None


def _opened(place: Place, *, anonymous: bool) -> Any:  # noqa: ANN401 - one of the library's three stores
    try:
        from obstore.store import AzureStore, GCSStore, S3Store  # noqa: PLC0415 - an extra
    except ImportError:
        raise UsageError("buckets need obstore", hint="pip install 'argosy[s3]'", code="missing_extra") from None
    try:
        if place.scheme == "gs":
            return GCSStore(place.bucket, skip_signature=anonymous)
        if place.scheme == "az":
            return AzureStore(place.bucket, skip_signature=anonymous)
        known: dict[str, Any] = {"region": place.region, "skip_signature": anonymous}
        if place.endpoint is not None:
            known |= {"endpoint": place.endpoint, "virtual_hosted_style_request": False}
        clear = (place.endpoint or "").startswith("http://")
        return S3Store(place.bucket, **known, client_options={"allow_http": True} if clear else {})
    except Exception as error:
        raise translated(error, place) from error


def translated(error: Exception, place: Place) -> ArgosyError:
    """Return one of the library's errors as one of ours."""
    kind = type(error).__name__
    told = str(error).split("\n", 1)[0][:300]
    where = f"{place.scheme}://{place.bucket}"
    if kind in ("PermissionDeniedError", "UnauthenticatedError"):
        return AuthError(
            f"{where} is not open to us: {told}", hint="set the cloud's credentials in the environment", code="http_403"
        )
    if kind == "NotFoundError":
        return ServerRefused(f"{where} does not exist", hint="check the bucket's name and region", code="http_404")
    return NetworkError(f"{where} cannot be listed: {told}", code="listing")
