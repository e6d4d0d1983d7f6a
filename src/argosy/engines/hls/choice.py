"""What of a stream is wanted: which variant, which sound, which subtitles, and which files they become.

A file of a stream that is more than its playlist is kept as ``hls:URL#what``: ``video``, ``audio=NAME`` (of a rendition,
may be repeated), ``subtitles=NAME``; ``name`` and ``label`` say what it is called.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urldefrag, urlencode

from argosy.core.types import TransferOptions
from argosy.engines.hls.playlist import Master, Rendition, Variant
from argosy.errors import BadResponse, UsageError

PREFIX: Final = "hls:"
EVERY: Final = "all"
"""As a language: all of them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one file is to hold; nothing of it said: what is usual."""

    video: bool = False
    audio: tuple[str, ...] = ()
    subtitles: str | None = None
    name: str | None = None
    """What the stream is called; the file is called after it."""
    label: str | None = None
    """What tells the file from the others of the stream, such as its language."""

    @property
    def usual(self) -> bool:
        return not (self.video or self.audio or self.subtitles)

    def url(self, address: str) -> str:
        """Return the URL of the file."""
        told = [("video", "1")] * self.video + [("audio", each) for each in self.audio]
        told += [(field, value) for field in ("subtitles", "name", "label") if (value := getattr(self, field))]
        return f"{PREFIX}{address}#{urlencode(told)}" if told else f"{PREFIX}{address}"


def parsed(url: str) -> tuple[str, Wish]:
    """Return the playlist's address and what of it is wanted."""
    if not url.lower().startswith(PREFIX):
        return urldefrag(url).url, Wish()
    address, fragment = urldefrag(url[len(PREFIX) :])
    told = parse_qsl(fragment, keep_blank_values=True)
    one = dict(told)
    audio = tuple(value for name, value in told if name == "audio")
    return address, Wish("video" in one, audio, one.get("subtitles"), one.get("name"), one.get("label"))


# -- variants ------------------------------------------------------------------------------------------


def ranked(master: Master, quality: str) -> list[Variant]:
    """Return the variants, the wanted one first and then those that come nearest to it.

    ``quality`` is ``best``, ``worst``, ``720p`` (the best of at most that height), or ``2M`` (the best of at most that
    many bits a second); where none is so small, the smallest. Raises BadResponse, UsageError.
    """
    if not master.variants:
        raise BadResponse("the playlist has no variant", code="playlist")
    rising = sorted(master.variants, key=lambda each: (each.height or 0, each.bandwidth))
    if quality == "best":
        return rising[::-1]
    if quality == "worst":
        return rising
    fitting = [each for each in rising if _fits(each, quality)]
    return fitting[::-1] + [each for each in rising if each not in fitting]


def _fits(variant: Variant, quality: str) -> bool:
    number = quality[:-1]
    if not number.replace(".", "", 1).isdigit() or quality[-1] not in "pkM":
        raise UsageError(f"not a quality: {quality!r}", hint="write best, worst, 720p, or bits a second such as 2M")
    if quality.endswith("p"):
        return variant.height is not None and variant.height <= float(number)
    return variant.bandwidth <= float(number) * {"k": 1e3, "M": 1e6}[quality[-1]]


# -- renditions ----------------------------------------------------------------------------------------


def sounds(master: Master, variant: Variant, languages: Sequence[str]) -> list[Rendition]:
    """Return the sound tracks that are wanted beside the picture: of the languages, else the default one. None if the
    variant has its sound with it.
    """
    if variant.audio is None:
        return []
    group = [each for each in master.renditions if each.kind == "AUDIO" and each.group == variant.audio]
    wanted = [each for each in group if _is_of(each, languages)]
    if not wanted:
        wanted = [each for each in group if each.default][:1] or group[:1]
    return [each for each in wanted if each.url is not None]


def subtitles(master: Master, variant: Variant, languages: Sequence[str]) -> list[Rendition]:
    """Return the subtitles of these languages."""
    return [
        each
        for each in master.renditions
        if each.kind == "SUBTITLES" and each.group == variant.subtitles and each.url and _is_of(each, languages)
    ]


def named(master: Master, variant: Variant, kind: str, name: str) -> Rendition:
    """Return the rendition of that name that goes with the variant. Raises BadResponse if there is none any more."""
    group = variant.audio if kind == "AUDIO" else variant.subtitles
    found = [each for each in master.renditions if each.kind == kind and each.name == name and each.url]
    for each in sorted(found, key=lambda each: each.group != group):
        return each
    raise BadResponse(f"the stream has no {kind.lower()} called {name!r} any more", code="playlist")


def _is_of(rendition: Rendition, languages: Sequence[str]) -> bool:
    told = (rendition.language or "").lower()
    return any(
        wanted in (EVERY, told) or told.startswith(f"{wanted}-") or rendition.name.lower() == wanted
        for wanted in map(str.lower, languages)
    )


# -- files ---------------------------------------------------------------------------------------------


def files(master: Master, options: TransferOptions, name: str | None, *, joins: bool) -> list[Wish]:
    """Return the files that the stream becomes. ``joins``: picture and sound can be put into one."""
    variant = ranked(master, options.quality)[0]
    audio = sounds(master, variant, options.languages)
    texts = subtitles(master, variant, options.subtitles)
    if not audio and not texts:
        return [Wish(name=name)]
    if joins or not audio:
        found = [Wish(video=True, audio=tuple(each.name for each in audio), name=name)]
    else:
        found = [Wish(video=True, name=name)]
        found += [Wish(audio=(each.name,), name=name, label=label) for each, label in _labelled(audio)]
    return found + [Wish(subtitles=each.name, name=name, label=label) for each, label in _labelled(texts)]


def _labelled(renditions: Sequence[Rendition]) -> Iterator[tuple[Rendition, str]]:
    """Yield each with its language, numbered where several have the same."""
    seen: dict[str, int] = {}
    for each in renditions:
        label = each.language or each.name or "und"
        seen[label] = seen.get(label, 0) + 1
        yield each, label if seen[label] == 1 else f"{label}-{seen[label]}"
