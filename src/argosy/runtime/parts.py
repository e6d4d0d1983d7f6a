"""What a runtime is made of unless told otherwise; imported only then."""

from __future__ import annotations

from argosy import config
from argosy.runtime.ports import Engines, Sources, Warehouse
from argosy.store.port import Store


def database(home: config.Home) -> Store:
    from argosy.store.sqlite import SqliteStore  # noqa: PLC0415

    return SqliteStore(home.database)


def engines() -> Engines:
    from argosy.engines.curl.engine import CurlEngine  # noqa: PLC0415
    from argosy.engines.registry import Registry  # noqa: PLC0415

    return Registry([CurlEngine()])


def sources() -> Sources:
    from argosy.sources.registry import SourceRegistry  # noqa: PLC0415

    return SourceRegistry()


def warehouse() -> Warehouse:
    from argosy.runtime.warehouse import LocalWarehouse  # noqa: PLC0415

    return LocalWarehouse()
