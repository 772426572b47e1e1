"""The child under a place in a long list or a large grid, without looking at all of them.

Reading one of Kivy's properties takes about as long as a whole step of the recogniser: 2,000 children
cost a millisecond. Boxes, grids and stacks keep their children in order along one axis at least.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["in_order"]


def in_order(children: Sequence[Any], x: float, y: float) -> Any:
    """Return the child at a place, found by bisection; None if the order does not lead to one."""
    for place, position, extent in ((y, "y", "height"), (x, "x", "width")):
        near = _bisect(children, place, position, extent)
        if near is None:
            continue
        # Along this axis the whole row is at the place: its members are neighbors.
        for numbers in (range(near, len(children)), range(near - 1, -1, -1)):
            for number in numbers:
                child = children[number]
                start = getattr(child, position)
                if not start <= place <= start + getattr(child, extent):
                    break
                if child.collide_point(x, y):
                    return child
    return None


def _bisect(children: Sequence[Any], place: float, position: str, extent: str) -> int | None:
    """Return the number of a child whose extent along an axis covers a place."""
    low, high = 0, len(children) - 1
    ascending = getattr(children[low], position) <= getattr(children[high], position)
    while low <= high:
        middle = (low + high) // 2
        child = children[middle]
        start = getattr(child, position)
        if start <= place <= start + getattr(child, extent):
            return middle
        if (start > place) is ascending:
            high = middle - 1
        else:
            low = middle + 1
    return None
