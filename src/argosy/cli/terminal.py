"""What the terminal can do; asked without importing anything that draws."""

from __future__ import annotations

import os
import sys


def draws_bars() -> bool:
    """Tell whether stderr is a terminal on which something can be drawn over."""
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
