"""Which engine fetches which URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from argosy.engines.port import Engine, is_guarded
from argosy.errors import UsageError

Make = Callable[[], Engine]


class Registry:
    """The engines of a runtime, asked in order; those on ``offer`` are made when they are first needed.

    One on offer fetches what names it, what ``claimed`` says is its, and the URLs that nobody else accepts.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        offer: Callable[[], Mapping[str, Make]] = dict,
        claimed: Callable[[str], str | None] = lambda _: None,
    ) -> None:
        self._engines = list(engines)
        self._look = offer
        self._claimed = claimed
        self._offer: dict[str, Make] | None = None

    def engine_for(self, url: str, name: str | None = None, *, public_only: bool = False) -> Engine:
        """Return the engine called ``name``, else the first that accepts the URL. Raises UsageError.

        ``public_only``: for a task that must reach public addresses only; an engine that does not heed that is refused.
        """
        engine = self._found(url, name)
        if public_only and not is_guarded(engine):
            raise UsageError(
                f"the engine {engine.name} cannot be kept from private addresses",
                hint="it works for the owner of this machine only", code="unguarded_engine",
            )  # fmt: skip
        return engine

    def _found(self, url: str, name: str | None) -> Engine:
        name = name or self._claimed(url)
        if name is not None:
            return self._named(name)
        for engine in self._engines:
            if engine.accepts(url):
                return engine
        for other in tuple(self._offered()):
            if (engine := self._taken(other)).accepts(url):
                return engine
        raise UsageError(
            f"nothing here can fetch {url.split(':', 1)[0]}: URLs", hint="http, https, ftp, ftps and sftp URLs can be fetched",
            code="unsupported_url",
        )  # fmt: skip

    def _named(self, name: str) -> Engine:
        for engine in self._engines:
            if engine.name == name:
                return engine
        if name in self._offered():
            return self._taken(name)
        known = ", ".join([*(engine.name for engine in self._engines), *self._offered()])
        raise UsageError(f"there is no engine called {name}", hint=f"known: {known}", code="unknown_engine")

    def _offered(self) -> dict[str, Make]:
        if self._offer is None:
            self._offer = dict(self._look())
        return self._offer

    def _taken(self, name: str) -> Engine:
        """Return the engine, which is no longer on offer but here."""
        engine = self._offered().pop(name)()
        self._engines.append(engine)
        return engine

    async def close(self) -> None:
        for engine in self._engines:
            await engine.close()
