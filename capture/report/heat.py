"""Heat maps: where fingers came down on a screen, over many devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from capture.report.svg import document, element, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CELL_PX", "HeatMap", "heat_maps"]

#: Width of a cell (px); the view ``places`` has the same.
CELL_PX = 48
_HOT = "#d1242f"
_MARGIN = 40
#: Opacity of the least and of the most touched cell.
_FAINT, _STRONG = 0.15, 0.85


class HeatMap(msgspec.Struct, frozen=True):
    """The heat map of one screen at one size.

    Attributes
    ----------
    screen : str
        Its title; empty if none is known.
    width, height : int
        px; the touched area, if no file has the size.
    strokes : int
        Gestures in it.
    svg : str
    """

    screen: str
    width: int
    height: int
    strokes: int
    svg: str


def heat_maps(
    cells: Iterable[tuple[str, int, int, int, int, int]], images: Mapping[str, str] | None = None
) -> list[HeatMap]:
    """Return a heat map for each screen and size.

    Parameters
    ----------
    cells : iterable of tuple
        Screen, width and height (px; 0 for unknown), column and row of a cell, gestures in it.
    images : mapping of str to str, optional
        Screen -> data URI of a screenshot, which is the background.
    """
    screens: dict[tuple[str, int, int], dict[tuple[int, int], int]] = {}
    for screen, width, height, column, row, strokes in cells:
        screens.setdefault((screen, width, height), {})[column, row] = strokes
    return [
        _heat_map(screen, width, height, counts, (images or {}).get(screen))
        for (screen, width, height), counts in screens.items()
    ]


def _heat_map(
    screen: str, width: int, height: int, counts: dict[tuple[int, int], int], image: str | None
) -> HeatMap:
    width = width or (max(column for column, _ in counts) + 1) * CELL_PX
    height = height or (max(row for _, row in counts) + 1) * CELL_PX
    most, strokes = max(counts.values()), sum(counts.values())
    title = f"{screen or 'unknown screen'}, {width} x {height} px: {strokes} gestures"
    parts = [element("rect", width=width, height=height, fill="none", stroke="#d9dee7", stroke_width=2)]
    if image is not None:
        parts.append(element("image", href=image, width=width, height=height, opacity="0.6"))
    for (column, row), count in sorted(counts.items()):
        opacity = _FAINT + (_STRONG - _FAINT) * count / most
        box = {"x": column * CELL_PX, "y": row * CELL_PX, "width": CELL_PX, "height": CELL_PX}
        label = element("title", str(count))
        parts.append(element("rect", label, **box, fill=_HOT, fill_opacity=f"{opacity:.2f}"))
    parts.append(text(0, -12, title, font_size=24))
    svg = document(parts, width + 2 * _MARGIN, height + 2 * _MARGIN, title, margin=_MARGIN)
    return HeatMap(screen, width, height, strokes, svg)
