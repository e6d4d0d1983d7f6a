"""How much of each part of a file is there: what a picture of it is drawn from. Pure."""

from __future__ import annotations

from collections.abc import Sequence

Extent = tuple[int, int]


def cells(extents: Sequence[Extent], size: int, count: int) -> list[int]:
    """Return for each of ``count`` equal parts of the file how many percent of it are there; fewer if it has fewer bytes.

    100 is said of what is there to the last byte, 0 of what is not there at all. ``extents`` are sorted and apart.
    """
    count = min(count, size)
    if count <= 0:
        return []
    held = [0] * count
    for start, end in extents:
        first, last = start * count // size, (min(end, size) - 1) * count // size
        for cell in range(first, last + 1):
            low, high = _bounds(cell, size, count)
            held[cell] += max(0, min(end, high) - max(start, low))
    return [_percent(amount, *_bounds(cell, size, count)) for cell, amount in enumerate(held)]


def _bounds(cell: int, size: int, count: int) -> Extent:
    """Return the bytes of the cell: the first whose share is its number, up to the first of the next."""
    return -(-cell * size // count), -(-(cell + 1) * size // count)


def _percent(held: int, low: int, high: int) -> int:
    whole = high - low
    if held >= whole:
        return 100
    return 0 if held == 0 else min(99, max(1, round(100 * held / whole)))
