"""Object stores: ``s3://bucket/prefix``, and the same with ``gs://`` and ``az://``. Needs the ``s3`` extra.

The library lists and signs; the bytes are fetched like any other. Public buckets need no credentials; for others they are
found as each cloud's own tools find them. ``?endpoint=`` names another server, ``?region=`` the bucket's region.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

from argosy.core.checksum import Checksum
from argosy.core.types import FileSpec, TaskSpec, TransferOptions
from argosy.errors import ArgosyError, AuthError, NetworkError, ServerRefused, UsageError
from argosy.sources.port import Plain, Web
from argosy.sources.selection import selected

SCHEMES: Final = ("s3", "gs", "az")
MOST_FILES: Final = 1_000_000
PAGE: Final = 1000
LINK_LIFE: Final = timedelta(hours=12)
"""Of signed links; one that has expired is renewed by itself."""
REGION: Final = "us-east-1"
_MD5: Final = re.compile(r"[0-9a-f]{32}")
_BUCKET: Final = re.compile(r"[A-Za-z0-9][\w.-]{1,250}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the objects are."""

    scheme: str
    bucket: str
    prefix: str
    endpoint: str | None = None
    region: str = REGION


def parse(text: str, environ: Mapping[str, str] | None = None) -> Place:
    """Return what ``s3://bucket/prefix?endpoint=…&region=…`` names. Raises UsageError."""
    environ = os.environ if environ is None else environ
    parts = urlsplit(text)
    told = parse_qs(parts.query)
    unknown = told.keys() - {"endpoint", "region"}
    if not _BUCKET.fullmatch(parts.netloc) or unknown or parts.fragment:
        raise UsageError(
            f"not a bucket: {text[:200]!r}", hint=f"write {parts.scheme}://bucket/prefix, with ?endpoint=URL if need be"
        )
    endpoint = told.get("endpoint", [environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""])[0]
    region = told.get("region", [environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or REGION])[0]
    return Place(parts.scheme.lower(), parts.netloc, parts.path.lstrip("/"), endpoint.rstrip("/") or None, region)


class BucketSource(Plain):
    """One object, or all below a prefix."""

    name = "bucket"

    def accepts(self, text: str) -> bool:
        return text.partition("://")[0].lower() in SCHEMES

    def describe(self, text: str) -> FileSpec | None:
        parse(text)
        return None

    def prepare(self, text: str, directory: str | None, options: TransferOptions) -> tuple[str | None, TransferOptions]:
        """Without a folder: one that is called as the prefix, or as the bucket."""
        if options.public_only and parse(text).endpoint is not None:
            raise UsageError("an endpoint of one's own is for the machine's owner", code="endpoint")
        place = parse(text)
        return directory or local_path(place.prefix.rstrip("/").rpartition("/")[2] or place.bucket), options

    async def resolve(self, spec: TaskSpec, web: Web) -> Sequence[FileSpec]:  # noqa: ARG002 - the library asks
        place = parse(spec.source)
        keeps = selected(spec.include, spec.exclude)
        shelf = Shelf(place, anonymous=spec.options.public_only or not has_credentials(place.scheme))
        objects = await shelf.objects()
        names = local_paths([each.below for each in objects])
        wanted = [(each, name) for each, name in zip(objects, names, strict=True) if keeps(each.below)]
        if not wanted:
            raise ServerRefused(
                f"nothing is at {spec.source} that was asked for",
                hint="check bucket, prefix and patterns",
                code="nothing_selected",
            )
        urls = await shelf.urls([each.key for each, _ in wanted])
        return [
            FileSpec((url,), name, each.size, shelf.checksum(each))
            for (each, name), url in zip(wanted, urls, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Object:
    """One object; ``below`` is its key without the prefix's folder."""

    key: str
    below: str
    size: int
    etag: str | None


class Shelf:
    """The objects of one place."""

    def __init__(self, place: Place, *, anonymous: bool) -> None:
        self._place = place
        self._anonymous = anonymous
        self._store = _opened(place, anonymous=anonymous)

    async def objects(self) -> list[Object]:
        """Return the objects below the prefix, or the one that it is. Keys that only stand for folders are left out."""
        prefix = self._place.prefix
        try:
            pages = self._store.list(prefix.rstrip("/") or None, chunk_size=PAGE)
            listed = [each async for page in pages for each in page]
            if not listed and prefix and not prefix.endswith("/"):
                import obstore  # noqa: PLC0415 - an extra

                listed = [await obstore.head_async(self._store, prefix)]
        except Exception as error:
            raise translated(error, self._place) from error
        if len(listed) > MOST_FILES:
            raise UsageError(f"more than {MOST_FILES:,} objects", hint="name a longer prefix")
        above = (
            prefix.rstrip("/").rpartition("/")[0] if listed and str(listed[0]["path"]) == prefix else prefix.rstrip("/")
        )
        start = f"{above}/" if above else ""
        return [
            Object(str(each["path"]), str(each["path"]).removeprefix(start), int(each["size"]), each.get("e_tag"))
            for each in listed
            if each["size"] or not str(each["path"]).endswith("/")
        ]

    async def urls(self, keys: Sequence[str]) -> list[str]:
        """Return where each is fetched from: signed for a while if need be."""
        if self._anonymous and self._place.scheme == "s3":
            return [public_url(self._place, key) for key in keys]
        import obstore  # noqa: PLC0415 - an extra

        signed: Any = await obstore.sign_async(self._store, "GET", list(keys), LINK_LIFE)
        return [str(url) for url in signed]

    def checksum(self, each: Object) -> Checksum | None:
        """Return the MD5 that an ETag is: of a public object sent in one piece; others' may be anything."""
        etag = (each.etag or "").strip('"').lower()
        plain = self._anonymous and self._place.scheme == "s3" and _MD5.fullmatch(etag)
        return Checksum("md5", etag) if plain else None


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


def public_url(place: Place, key: str) -> str:
    """Return where a public object is. Every part of the key is its own, also ``.`` and empty ones."""
    path = quote(key, safe="/~-_.!*'()")
    if place.endpoint is not None:
        return f"{place.endpoint}/{place.bucket}/{path}"
    if "." in place.bucket:  # no certificate covers such a name
        return f"https://s3.{place.region}.amazonaws.com/{place.bucket}/{path}"
    return f"https://{place.bucket}.s3.{place.region}.amazonaws.com/{path}"


def has_credentials(scheme: str, environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether the environment has credentials; without, everything is asked for as anybody would."""
    environ = os.environ if environ is None else environ
    names = {
        "s3": ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        "gs": ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_KEY"),
        "az": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_TOKEN"),
    }  # fmt: skip
    return any(environ.get(name) for name in names[scheme])


def local_paths(keys: Sequence[str]) -> list[str]:
    """Return a path for each key, no two the same, and none a folder of another: an object may be called as a folder is."""
    paths = [local_path(key) for key in keys]
    folders = {
        "/".join(parts[:depth]) for path in paths for parts in [path.split("/")] for depth in range(1, len(parts))
    }
    return [f"{path}%" if path in folders else path for path in paths]


def local_path(key: str) -> str:
    """Return the key as a path that stays where it belongs, and from which the key can be told again."""
    return "/".join(_local_part(part) for part in key.split("/"))


def _local_part(part: str) -> str:
    if not part.strip("."):
        return part.replace(".", "%2E") or "%"
    return "".join(f"%{ord(letter):02X}" if letter in '%\\:*?"<>|' or ord(letter) < 32 else letter for letter in part)


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
