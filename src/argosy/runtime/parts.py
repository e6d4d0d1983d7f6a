"""What a runtime is made of unless told otherwise; imported only then."""

# ruff: noqa: PLC0415  # that is the point: who brings a store of their own needs no SQLite

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from argosy import config
from argosy.runtime.ports import Engines, Sources, Warehouse
from argosy.store.port import Store

if TYPE_CHECKING:
    from argosy.core.addresses import Addresses


def database(home: config.Home) -> Store:
    from argosy.store.sqlite import SqliteStore

    return SqliteStore(home.database)


def allowed(networks: str) -> Addresses | None:
    """Return the addresses that the setting opens besides the public ones. Raises UsageError."""
    if not networks:
        return None
    from argosy.core.addresses import parse

    return parse(networks)


def engines(allowed: Addresses | None, proxy: str | None) -> Engines:
    from argosy.engines.curl.engine import CurlEngine
    from argosy.engines.offer import claimed, offer
    from argosy.engines.registry import Registry

    curl = CurlEngine(allowed, proxy)
    return Registry([curl], partial(offer, curl), claimed)


def sources() -> Sources:
    from argosy.sources.registry import SourceRegistry

    return SourceRegistry()


def warehouse() -> Warehouse:
    from argosy.runtime.warehouse import LocalWarehouse

    return LocalWarehouse()
