"""Object stores: ``s3://bucket/prefix``, and the same with ``gs://`` and ``az://``.

Something lists and signs; the bytes are fetched like any other. Public buckets need no credentials; for others they are
found as each cloud's own tools find them. ``?endpoint=`` names another server, ``?region=`` the bucket's region.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from argosy.core.types import FileSpec, FileState, TaskSpec, TransferOptions
from argosy.errors import ServerRefused, UsageError
from argosy.sources.keys import local_path, local_paths
from argosy.sources.lock import INSIDE
from argosy.sources.locked import Locked
from argosy.sources.place import Place, Shelf
from argosy.sources.port import Web
from argosy.sources.s3 import S3Shelf
from argosy.sources.selection import selected
from argosy.sources.signature import static_credentials

SCHEMES: Final = ("s3", "gs", "az")
REGION: Final = "us-east-1"
_BUCKET: Final = re.compile(r"[A-Za-z0-9][\w.-]{1,250}")


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


class BucketSource(Locked):
    """One object, or all below a prefix."""

    name = "bucket"
    lists_sizes = True

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

    def lock_place(self, spec: TaskSpec) -> Path:
        """Within: the folder may be any, and others' files may lie beside it."""
        return Path(spec.directory, INSIDE)

    async def finish(self, spec: TaskSpec, files: Sequence[FileState]) -> None:
        """Of one object nothing is written down."""
        if len(files) > 1 or self.lock_place(spec).exists():
            await super().finish(spec, files)

    async def resolve(self, spec: TaskSpec, web: Web) -> Sequence[FileSpec]:
        place = parse(spec.source)
        keeps = selected(spec.include, spec.exclude)
        shelf = shelf_of(place, web, public_only=spec.options.public_only)
        objects = await shelf.objects()
        start = _above(place.prefix, [each.key for each in objects])
        below = [each.key.removeprefix(start) for each in objects]
        wanted = [trio for trio in zip(objects, below, local_paths(below), strict=True) if keeps(trio[1])]
        if not wanted:
            raise ServerRefused(
                f"nothing is at {spec.source} that was asked for",
                hint="check bucket, prefix and patterns",
                code="nothing_selected",
            )
        urls = await shelf.urls([each.key for each, *_ in wanted])
        return [
            FileSpec((url,), path, each.size, shelf.checksum(each), etag=each.etag)
            for (each, _, path), url in zip(wanted, urls, strict=True)
        ]


def shelf_of(place: Place, web: Web, *, public_only: bool) -> Shelf:
    """Return who lists and signs there. Other clouds, and credentials that are fetched from somewhere, need the extra."""
    who = static_credentials(os.environ)
    anonymous = public_only or not has_credentials(place.scheme)
    if place.scheme == "s3" and (anonymous or who is not None):
        return S3Shelf(place, web, None if anonymous else who)
    from argosy.sources.cloud import CloudShelf  # noqa: PLC0415 - needs an extra

    return CloudShelf(place, anonymous=anonymous)


def _above(prefix: str, keys: Sequence[str]) -> str:
    """Return what the keys begin with that is not part of the files' paths."""
    if list(keys) == [prefix]:
        return prefix[: prefix.rfind("/") + 1]
    return f"{prefix.rstrip('/')}/" if prefix else ""


def has_credentials(scheme: str, environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether the environment has credentials; without, everything is asked for as anybody would."""
    environ = os.environ if environ is None else environ
    names = {
        "s3": ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        "gs": ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_KEY"),
        "az": ("AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_TOKEN"),
    }  # fmt: skip
    return any(environ.get(name) for name in names[scheme])
