"""What a client would like (RFC 7240): ``Prefer: wait=30``. Pure."""

from __future__ import annotations

import re
from typing import Final

LONGEST_S: Final = 60
"""Nobody is made to wait longer; many proxies would give up."""
_WAIT: Final = re.compile(r"wait[ \t]*=[ \t]*\"?([0-9]{1,9})\"?[ \t]*(?:;.*)?", re.IGNORECASE)


def wait_s(prefer: str | None) -> int | None:
    """Return for how many seconds the client would wait; None if it says nothing of that, or nothing that can be meant."""
    for each in (prefer or "")[:1000].split(","):
        match = _WAIT.fullmatch(each.strip(" \t"))
        if match is not None:
            return min(LONGEST_S, int(match[1]))
    return None
