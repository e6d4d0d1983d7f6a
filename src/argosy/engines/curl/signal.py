"""How an answer that cannot be used says so within the engine; neither ever leaves it."""

from __future__ import annotations

from argosy.errors import ArgosyError


class Changed(ArgosyError):
    """What is held and what comes are not the same file."""


class Unusable(ArgosyError):
    """An answer that cannot be used, though the file may be fine: from now on its origin is asked in another way."""
