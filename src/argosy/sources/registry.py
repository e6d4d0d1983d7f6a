"""Which source understands what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

from argosy.core.redact import redacted_url
from argosy.core.types import FileSpec, FileState, TaskSpec, TransferOptions
from argosy.errors import UsageError
from argosy.sources.http import UrlSource
from argosy.sources.port import Source, Web

OURS: Final[Mapping[str, tuple[str, str]]] = {
    "az": ("argosy.sources.bucket", "BucketSource"),
    "gs": ("argosy.sources.bucket", "BucketSource"),
    "hls": ("argosy.sources.hls", "HlsSource"),
    "hf": ("argosy.sources.huggingface", "HuggingFaceSource"),
    "openneuro": ("argosy.sources.openneuro", "OpenNeuroSource"),
    "s3": ("argosy.sources.bucket", "BucketSource"),
    "video": ("argosy.sources.video", "VideoSource"),
    "yt": ("argosy.sources.video", "VideoSource"),
}
"""By what comes before the colon: the module and the class, imported when somebody writes it."""
_PAGE: Final = re.compile(
    r"https?://(?:(?:(?:www|m|music)\.)?youtube\.com/(?:watch\?|shorts/|live/|playlist\?)|youtu\.be/[\w-]{11}\b|vimeo\.com/\d+(?:$|[/?#]))"
)
"""Pages that are known to be those of videos: nobody wants the page itself."""
_PLAYLIST: Final = re.compile(r"https?://[^?#]*\.m3u8?(?:$|[?#])", re.IGNORECASE)
_BEGINNINGS: Final = (
    "what can be fetched begins with https://, http://, ftp://, sftp://, hf:, s3: or the like; see docs/sources.md"
)
GROUP: Final = "argosy.sources"
"""The entry points' group of sources that other packages bring: the name is what comes before the colon, the value a
callable without arguments that makes one."""


class SourceRegistry:
    """Asked in order; the first that accepts has it. Those few need are made when somebody writes their prefix."""

    def __init__(self, sources: Sequence[Source] = ()) -> None:
        self._sources: tuple[Source, ...] = (*sources, UrlSource())
        self._made: dict[str, Source | None] = {}
        self._foreign: list[Source] = []
        """Those that other packages have brought."""

    def source_for(self, text: str) -> Source:
        """Return who understands ``text``. Raises UsageError if nobody does."""
        if (prefix := _looks_like(text)) is not None and (special := self._special(prefix)) is not None:
            return special
        for source in self._sources:
            if source.accepts(text):
                return source
        special = self._special(text.partition(":")[0].lower()) if ":" in text else None
        if special is not None and special.accepts(text):
            return special
        shown = redacted_url(text)[:200]
        hint = f"did you mean https://{shown}?" if "." in shown and "://" not in shown else _BEGINNINGS
        raise UsageError(f"nothing here can fetch {shown!r}", hint=hint, code="unknown_source")

    def kind_of(self, text: str) -> str:
        """Return the name of who understands ``text``. Raises UsageError."""
        return self.source_for(text).name

    def describe(self, text: str) -> FileSpec | None:
        """Return the one file ``text`` is, None if its source has to look. Raises UsageError."""
        return self.source_for(text).describe(text)

    def takes_name(self, text: str) -> bool:
        """Tell whether its source calls what it finds as it is told (``takes_name = True``)."""
        return getattr(self.source_for(text), "takes_name", False) is True

    def arrives_whole(self, text: str) -> bool:
        """Tell whether its files are to appear all at once (``arrives_whole = True``)."""
        return getattr(self.source_for(text), "arrives_whole", False) is True

    def lists_sizes(self, text: str) -> bool:
        """Tell whether its listing says how long each file is, so that another length is an error (``lists_sizes = True``)."""
        return getattr(self.source_for(text), "lists_sizes", False) is True

    def prepare(self, text: str, directory: str | None, options: TransferOptions) -> tuple[str | None, TransferOptions]:
        """Return where the files go and how they are fetched, by the customs of their source."""
        source = self.source_for(text)
        self._check(source, options)
        return source.prepare(text, directory, options)

    async def resolve(self, spec: TaskSpec, web: Web) -> Sequence[FileSpec]:
        source = self.source_for(spec.source)
        self._check(source, spec.options)
        return await source.resolve(spec, web)

    def _check(self, source: Source, options: TransferOptions) -> None:
        """A source of another package works for the machine's owner alone, unless it says ``guarded = True``: that it
        asks the network through its :class:`~argosy.sources.port.Web` and touches nothing else.
        """
        if options.public_only and source in self._foreign and getattr(source, "guarded", False) is not True:
            raise UsageError(
                f"the source {source.name} cannot be kept from private addresses",
                hint="it works for the owner of this machine only", code="unguarded_source",
            )  # fmt: skip

    async def finish(self, spec: TaskSpec, files: Sequence[FileState]) -> None:
        """Do what is left once every file is in its place. Files that nobody's source described need nothing."""
        if ":" in spec.source and not spec.files:
            await self.source_for(spec.source).finish(spec, files)

    async def fall_short(self, spec: TaskSpec, files: Sequence[FileState], place: str) -> None:
        """Write down what is of use where some of the files could not be brought."""
        if ":" in spec.source and not spec.files:
            await self.source_for(spec.source).fall_short(spec, files, place)

    async def settled(
        self, spec: TaskSpec, found: Sequence[FileSpec], states: Sequence[FileState]
    ) -> Sequence[FileState]:
        """Return the states of the files that were found; those that are here already as skipped."""
        return await self.source_for(spec.source).settled(spec, found, states)

    def place(self, spec: TaskSpec, published: Sequence[str]) -> str:
        """Return what a program opens to use it all."""
        return self.source_for(spec.source).place(spec, published)

    def _special(self, prefix: str) -> Source | None:
        """Return the source of texts with this prefix. Raises UsageError for a plug-in that is broken."""
        if prefix not in self._made:
            self._made[prefix] = made = _ours(prefix) or _plugin(prefix)
            if made is not None and prefix not in OURS:
                self._foreign.append(made)
        return self._made[prefix]


def _looks_like(text: str) -> str | None:
    """Return the prefix of whom a web address is for although nothing is written before it."""
    if _PLAYLIST.match(text):
        return "hls"
    return "video" if _PAGE.match(text) else None


def _ours(prefix: str) -> Source | None:
    if prefix not in OURS:
        return None
    module, name = OURS[prefix]
    source: Source = getattr(import_module(module), name)()
    return source


def _plugin(prefix: str) -> Source | None:
    from importlib.metadata import entry_points  # noqa: PLC0415 - takes a while, and few need it

    for point in entry_points(group=GROUP, name=prefix):
        try:
            source: Source = point.load()()
        except Exception as error:
            raise UsageError(
                f"the source {point.name} of {point.value} cannot be loaded: {error}",
                hint="update or uninstall the package that brings it", code="plugin",
            ) from error  # fmt: skip
        return source
    return None
