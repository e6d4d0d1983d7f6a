"""A source: books of Project Gutenberg by their numbers, as a catalogue that speaks JSON knows them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from argosy.core.types import FileSpec, TaskSpec
from argosy.errors import BadResponse, UsageError
from argosy.sources.port import Plain, Web
from argosy.sources.selection import selected

CATALOGUE = "https://gutendex.com"
ENDINGS = {"application/epub+zip": "epub", "text/plain; charset=us-ascii": "txt", "text/html": "html"}


class BookSource(Plain):  # noqa: D101 - the module is the source
    name = "gutenberg"
    guarded = True  # it asks through ``web`` alone: it may also work for others than the machine's owner

    def accepts(self, text: str) -> bool:
        return text.lower().startswith("gutenberg:")

    def describe(self, text: str) -> FileSpec | None:
        if not text.partition(":")[2].isdecimal():
            raise UsageError(f"not a book: {text[:80]!r}", hint="write gutenberg:1342")
        return None  # the catalogue has to be asked

    async def resolve(self, spec: TaskSpec, web: Web) -> Sequence[FileSpec]:
        number = spec.source.partition(":")[2]
        base = os.environ.get("ARGOSY_GUTENDEX", CATALOGUE)
        data = await web.read(f"{base}/books/{number}", limit=1024 * 1024)
        try:
            formats = json.loads(data)["formats"].items()
        except (ValueError, KeyError, AttributeError) as error:
            raise BadResponse("the catalogue's answer makes no sense") from error
        keeps = selected(spec.include, spec.exclude)
        found = [FileSpec((url,), f"{number}.{ENDINGS[kind]}") for kind, url in formats if kind in ENDINGS]
        return [file for file in found if keeps(file.path or "")]
