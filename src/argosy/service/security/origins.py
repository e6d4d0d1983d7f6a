"""Which web page makes a browser ask: the defence against requests forged across sites. Pure.

A browser tells the truth about the page (``Origin``, ``Sec-Fetch-Site``), and no other program has to say anything. Another
port of the same machine is another site: whatever serves ``http://localhost:3000`` is not us.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum


class Page(Enum):
    """Whose page it is that asks."""

    NONE = "none"
    """No page: another program, a link, or what somebody typed."""
    OWN = "own"
    ALLOWED = "allowed"
    """Of an origin that the setting ``allow_origin`` names."""
    FOREIGN = "foreign"


def page_of(
    origin: Sequence[str],
    *,
    site: str | None,
    mode: str | None,
    destination: str | None,
    reads: bool,
    own: Collection[str],
    allowed: Collection[str],
) -> Page:
    """Return whose page asks, by the values of ``Origin`` and of the ``Sec-Fetch-`` headers.

    ``reads``: the method is GET or HEAD, which change nothing; then to follow a link, as the whole page, is everybody's right.
    """
    if origin:
        if len(origin) == 1 and origin[0] in own:
            return Page.OWN
        return Page.ALLOWED if len(origin) == 1 and origin[0] in allowed else Page.FOREIGN
    if site is None or site == "none":
        return Page.NONE
    if site == "same-origin":
        return Page.OWN
    follows = reads and mode == "navigate" and destination == "document"
    return Page.NONE if follows else Page.FOREIGN
