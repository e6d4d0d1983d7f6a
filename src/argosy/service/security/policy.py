"""What the settings say about who may ask from where. Read once: a setting that makes no sense stops the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from argosy.config import Config
from argosy.service.security.caller import Network, networks
from argosy.service.security.hosts import Authority, Hosts, address_of, authorities, parsed, web_origin


@dataclass(frozen=True, slots=True)
class Policy:
    """``public`` is the origin of ``public_url``, empty if there is none; ``origins`` are those that may read our answers."""

    hosts: Hosts
    public: str
    origins: frozenset[str]
    proxies: tuple[Network, ...]

    @classmethod
    def of(cls, settings: Config) -> Self:
        """Raises UsageError for a setting that makes no sense, ``*`` among them: everybody is not a list."""
        names = set(authorities(settings["allow_host"], "allow_host"))
        public = web_origin(settings["public_url"], "public_url") if settings["public_url"] else ""
        if public:
            called = parsed(public.partition("://")[2])
            assert called is not None
            names.add(Authority(called.host))
        bound = address_of(settings["host"] or "0.0.0.0")  # noqa: S104 - a comparison
        if bound is None and (named := parsed(settings["host"])) is not None:
            names.add(Authority(named.host))
        words = filter(None, (part.strip() for part in settings["allow_origin"].split(",")))
        return cls(
            Hosts(frozenset(names), everywhere=bound is not None and bound.is_unspecified),
            public,
            frozenset(web_origin(word, "allow_origin") for word in words),
            networks(settings["trusted_proxy"], "trusted_proxy"),
        )
