"""What a runtime is made of unless told otherwise; imported only then."""

# ruff: noqa: PLC0415  # that is the point: who brings a store of their own needs no SQLite

from __future__ import annotations

from argosy import config
from argosy.runtime.ports import Engines, Sources, Warehouse
from argosy.store.port import Store


def database(home: config.Home) -> Store:
    from argosy.store.sqlite import SqliteStore

    return SqliteStore(home.database)


def engines() -> Engines:
    from argosy.engines.curl.engine import CurlEngine
    from argosy.engines.registry import Registry

    return Registry([CurlEngine()])


def sources() -> Sources:
    from argosy.sources.registry import SourceRegistry

    return SourceRegistry()


def warehouse() -> Warehouse:
    from argosy.runtime.warehouse import LocalWarehouse

    return LocalWarehouse()
