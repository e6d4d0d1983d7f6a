"""The engine: asks what is on a page, and gives each file to whom it is for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urldefrag

from argosy.core.types import FileState, TransferOptions
from argosy.engines.child import end_orphan
from argosy.engines.port import Desk, Engine
from argosy.engines.stop import unless_stopped
from argosy.engines.ytdlp import naming
from argosy.engines.ytdlp.dialogue import Dialogue, Message
from argosy.engines.ytdlp.failure import failure_of
from argosy.engines.ytdlp.link import Link, is_ours, page_of, parse
from argosy.engines.ytdlp.making import Making
from argosy.engines.ytdlp.order import PLAIN, check_installed, listing
from argosy.engines.ytdlp.veil import Veil
from argosy.errors import BadResponse, NetworkError

QUIET_S: Final = 180.0
"""So long a page may be looked at without a sign of life."""
LONGEST_S: Final = 3600.0
"""So long in all: channels have thousands of videos."""
LARGEST_LISTING: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """One file of a page: its URL as it is kept, and what it is to be called."""

    url: str
    path: str


class YtdlpEngine:
    """Videos of pages. Lives on the transfer loop. Plain files and playlists are fetched by the other two engines.

    It says nothing of being guarded: yt-dlp cannot be kept from private addresses.
    """

    name = "ytdlp"

    def __init__(self, plain: Engine, playlists: Engine) -> None:
        self._plain = plain
        self._playlists = playlists

    def accepts(self, url: str) -> bool:
        return is_ours(url)

    async def read(
        self, url: str, options: TransferOptions, limit: int, *,
        headers: tuple[tuple[str, str], ...] = (), body: bytes | None = None,  # noqa: ARG002 - the port's
    ) -> bytes:  # fmt: skip
        """Return the files of the page as JSON: a list of objects with ``url`` and ``path``."""
        found = await self._listed(listing(page_of(url), options, alone=False), options)
        data = json.dumps([{"url": file.url, "path": file.path} for file in found]).encode()
        if len(data) > min(limit, LARGEST_LISTING):
            raise BadResponse("the page has too many videos", code="too_large")
        return data

    async def fetch(self, state: FileState, options: TransferOptions, desk: Desk) -> FileState:
        desk.cancel.check()
        check_installed()
        if end_orphan(state.memo):
            desk.warn("orphan_ended", "a yt-dlp that an earlier run had left behind was ended")
        link = parse(state.urls[0])
        if link is not None:
            return await self._brought(link, state, options, desk)
        return await self._looked_up(state, options, desk)

    async def close(self) -> None:
        """Nothing outlives a fetch, and the other engines are somebody else's."""

    # -- fetching ------------------------------------------------------------------------------------

    async def _looked_up(self, state: FileState, options: TransferOptions, desk: Desk) -> FileState:
        """Bring the one video of a page that has only been named so far."""
        pinned = _pinned(state.memo)
        order = listing(
            page_of(state.urls[0]), replace(options, subtitles=(), thumbnail=False), alone=True, pinned=pinned
        )
        found = await unless_stopped(desk.cancel, self._listed(order, options))
        link = parse(found[0].url) if found else None
        if len(found) != 1 or link is None:
            raise failure_of({"kind": "many" if found else "none"})
        named = state.path is None or (state.part is None and state.path == found[0].path.rpartition(".")[0])
        state = state.having(path=found[0].path if named else state.path)
        return await self._brought(link, state, options, desk, json.dumps({"format": link.format}))

    async def _brought(
        self, link: Link, state: FileState, options: TransferOptions, desk: Desk, memo: str | None = None
    ) -> FileState:
        if link.how == "fetch":
            return await unless_stopped(desk.cancel, Making(link, state, options, desk).run())
        engine = self._plain if link.how == "file" else self._playlists
        veil = Veil(desk, state, memo if link.how == "file" else None)
        fetched = await engine.fetch(state.having(urls=(link.url,)), _options(link, options), veil)
        return veil.dressed(fetched).having(memo=None)

    # -- looking -------------------------------------------------------------------------------------

    async def _listed(self, order: dict[str, Any], options: TransferOptions) -> Sequence[Found]:
        """Return the files of the page. Raises why there are none."""
        found: dict[str, Found] = {}
        async with await Dialogue.begin(order, options.ca_file) as worker:
            try:
                async with asyncio.timeout(LONGEST_S):
                    while (message := await asyncio.wait_for(worker.next(), QUIET_S)) is not None:
                        for file in _files(message, order):
                            path = naming.unlike(file.path, found)
                            found[path] = Found(file.url, path)
            except TimeoutError:
                raise NetworkError("the video site takes too long to answer", code="timeout") from None
        return list(found.values())


def _files(message: Message, order: dict[str, Any]) -> list[Found]:
    """Return what one line of the worker's tells of. Raises BadResponse for a lone video that is none."""
    if "later" in message:
        told = message["later"]
        return [Found("video:" + str(told["page"]), naming.path_of(str(told["title"]), str(told["id"]), ""))]
    told = message.get("video")
    if told is None:
        return []
    title, video = str(told["title"]), str(told["id"])
    try:
        found = [
            Found(
                _link(told, order, told["page"], told).text(),
                naming.path_of(title, video, naming.ending_of(told["ext"])),
            )
        ]
    except BadResponse:
        if order["alone"] or told["page"] == order["url"]:
            raise
        return [
            Found("video:" + str(told["page"]), naming.path_of(title, video, ""))
        ]  # says why, when its turn has come
    for track in told["subtitles"]:
        language = str(track["language"])
        link = _link(told, order, told["page"], track, subtitle=language)
        found.append(Found(link.text(), _beside(found[0].path, language, track["ext"])))
    if told["thumbnail"] is not None and told["thumbnail"]["how"] == "file":
        link = _link(told, order, told["page"], told["thumbnail"])
        found.append(Found(link.text(), _beside(found[0].path, "", told["thumbnail"]["ext"])))
    return found


def _link(told: Message, order: dict[str, Any], page: str, where: Message, *, subtitle: str = "") -> Link:
    if where["how"] == "fetch":
        plain, fragment = urldefrag(page)
        return Link("fetch", plain, told["id"], told["format"], told["item"], subtitle, fragment=fragment)
    own = _origin(where["url"]) == _origin(order["url"])
    headers = tuple((str(name), str(value)) for name, value in where["headers"].items() if _is_line(f"{name}{value}"))
    return Link(
        where["how"], urldefrag(where["url"]).url, told["id"], "" if subtitle else told["format"], 0, subtitle, own, headers,
        where["cookie"] if _is_line(where["cookie"]) else "",
    )  # fmt: skip


def _beside(path: str, language: str, ending: str) -> str:
    """Return the name of what goes with a video, as players look for it."""
    stem = path.rpartition(".")[0]
    return f"{stem}.{language}.{naming.ending_of(ending)}" if language else f"{stem}.{naming.ending_of(ending)}"


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3]).lower()


def _is_line(text: str) -> bool:
    return text.isprintable()


def _options(link: Link, options: TransferOptions) -> TransferOptions:
    """Return how another engine is to fetch it: with what the site wants, and the person's own only where that is for."""
    told = {name.lower(): value for name, value in link.headers}
    own = link.own and link.how == "file"
    headers = tuple((name, value) for name, value in options.headers if own or name.lower() in PLAIN)
    given = {name.lower() for name, _ in headers} | {"user-agent", "referer"}
    return replace(
        options,
        headers=headers + tuple((name, value) for name, value in link.headers if name.lower() not in given),
        user_agent=options.user_agent or told.get("user-agent"),
        referer=options.referer or told.get("referer"),
        cookie=link.cookie or (options.cookie if own else None),
        cookie_file=None if link.cookie else options.cookie_file,
        user=None,
    )  # fmt: skip


def _pinned(memo: str | None) -> str:
    """Return the format that an earlier attempt had chosen."""
    try:
        return str(json.loads(memo or "{}").get("format") or "")
    except (ValueError, AttributeError):
        return ""
