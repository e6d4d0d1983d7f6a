"""Engines that are there when they are needed: ours that few need, and those that other packages bring."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from argosy.engines.port import Engine
from argosy.errors import UsageError

GROUP: Final = "argosy.engines"
"""The entry points' group: the name is the engine's, the value a callable without arguments that makes one."""
OURS: Final[Mapping[str, tuple[str, str]]] = {
    "wget": ("argosy.engines.wget.engine", "WgetEngine"),
}


def offer() -> dict[str, Callable[[], Engine]]:
    """Return how to make each; nothing of them is imported before that."""
    found: dict[str, Callable[[], Engine]] = {
        point.name: partial(_plugin, point) for point in entry_points(group=GROUP)
    }
    return found | {name: partial(_ours, *place) for name, place in OURS.items()}


def _ours(module: str, name: str) -> Engine:
    engine: Engine = getattr(import_module(module), name)()
    return engine


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
