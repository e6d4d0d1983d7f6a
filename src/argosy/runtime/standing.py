"""The limits a person has set, as they stand in the store, so that every process and every later start has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Final

from argosy.core.limits import Limits
from argosy.core.timetable import parse, parse_window
from argosy.errors import UsageError

SETTING: Final = "limits"


def checked(limits: Limits) -> Limits:
    """Return ``limits`` if they make sense. Raises UsageError naming the one that does not."""
    if limits.max_running < 1:
        raise UsageError("at least one download must be allowed to run", hint="pause_all stops everything")
    if limits.connections_per_host < 0:
        raise UsageError("connections per host cannot be negative", hint="0: as many as prove worth it")
    if limits.ageing_s < 0:
        raise UsageError("ageing cannot be negative", hint="0 turns it off")
    parse(limits.rate)
    for text in limits.host_rates.values():
        parse(text)
    if limits.window:
        parse_window(limits.window)
    return limits


def changed(limits: Limits, changes: Mapping[str, object]) -> Limits:
    """Return ``limits`` with some of them replaced, checked. Raises UsageError for a name there is not."""
    known = {field.name for field in fields(Limits)}
    unknown = changes.keys() - known
    if unknown:
        raise UsageError(
            f"there is no limit named {', '.join(sorted(unknown))}", hint=f"known: {', '.join(sorted(known))}"
        )
    return checked(replace(limits, **changes))  # type: ignore[arg-type]


def dump(limits: Limits) -> str:
    return json.dumps({**asdict(limits), "host_rates": dict(limits.host_rates)}, sort_keys=True)


def load(text: str | None, default: Limits) -> Limits:
    """Return the stored limits; what a later release has added and this one does not know is left aside."""
    if text is None:
        return default
    known = {field.name for field in fields(Limits)}
    stored = {name: value for name, value in json.loads(text).items() if name in known}
    return changed(default, stored)
