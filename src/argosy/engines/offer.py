"""Engines that are there when they are needed: ours that few need, and those that other packages bring."""

# ruff: noqa: PLC0415  # that is the point: what is not needed is not imported

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from argosy.engines.port import Engine
from argosy.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from argosy.engines.curl.engine import CurlEngine

GROUP: Final = "argosy.engines"
"""The entry points' group: the name is the engine's, the value a callable without arguments that makes one."""
PLAYLISTS: Final = (".m3u8", ".m3u")
VIDEOS: Final = ("video:", "video+")


def claimed(url: str) -> str | None:
    """Return the engine on offer that goes before the usual one for this URL, by its look."""
    if url[:6].lower() in VIDEOS or url[:3].lower() == "yt:":
        return "ytdlp"
    if url[:4].lower() == "hls:":
        return "hls"
    path = url.partition("?")[0].partition("#")[0].lower()
    return "hls" if path.endswith(PLAYLISTS) and path.startswith(("http://", "https://")) else None


def offer(curl: CurlEngine) -> dict[str, Callable[[], Engine]]:
    """Return how to make each; nothing of them is imported before that. ``curl`` is what brings small things to them."""
    from importlib.metadata import entry_points

    found: dict[str, Callable[[], Engine]] = {
        point.name: partial(_plugin, point) for point in entry_points(group=GROUP)
    }
    return found | {"hls": partial(_hls, curl), "wget": _wget, "ytdlp": partial(_ytdlp, curl)}


def _hls(curl: CurlEngine) -> Engine:
    from argosy.engines.hls.engine import HlsEngine

    return HlsEngine(curl)


def _wget() -> Engine:
    from argosy.engines.wget.engine import WgetEngine

    return WgetEngine()


def _ytdlp(curl: CurlEngine) -> Engine:
    from argosy.engines.hls.engine import HlsEngine
    from argosy.engines.ytdlp.engine import YtdlpEngine

    return YtdlpEngine(curl, HlsEngine(curl))


def _plugin(point: EntryPoint) -> Engine:
    """Return the engine of another package. Raises UsageError: a broken plug-in is no reason for all else to fail."""
    try:
        engine: Engine = point.load()()
    except Exception as error:
        raise UsageError(
            f"the engine {point.name} of {point.value} cannot be loaded: {error}",
            hint="update or uninstall the package that brings it", code="plugin",
        ) from error  # fmt: skip
    return engine
