"""Gesture tables in notebooks: as HTML, and as a picture."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from capture.gestures.kinds import Direction, GestureKind, Reason
from capture.report.picture import COLORS

if TYPE_CHECKING:
    from os import PathLike

    from capture.gestures.recognizer import Gesture, GestureTable

__all__ = ["Plot", "plot", "table_html"]

#: Rows of a table that a notebook shows: the first and the last so many.
_HEAD, _TAIL = 15, 5
#: Strokes that a plot draws; more are too many to see.
_DRAWN = 20_000
_WIDTH = 460.0


class Plot:
    """A picture that a notebook shows by itself.

    Attributes
    ----------
    svg : str
    """

    def __init__(self, svg: str) -> None:
        self.svg = svg

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture as SVG."""
        with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - takes every kind of path
            file.write(self.svg)


def table_html(table: GestureTable) -> str:
    """Return a table of gestures as HTML: how many of each kind, and its first and last rows."""
    count = len(table)
    rows = list(range(count))
    shown = rows if count <= _HEAD + _TAIL else rows[:_HEAD] + rows[-_TAIL:]
    start = int(table.time_down.min()) if count else 0
    head = "".join(
        f'<th style="text-align:{align}">{name}</th>'
        for name, align in (
            ("#", "right"),
            ("at (s)", "right"),
            ("gesture", "left"),
            ("ms", "right"),
            ("dp", "right"),
            ("dp/s", "right"),
            ("why not", "left"),
        )
    )
    body = []
    for row in shown:
        if row == count - _TAIL and len(shown) < count:
            body.append(f'<tr><td colspan="7" style="text-align:center">{count - len(shown)} more</td></tr>')
        body.append(_row(row, table[row], start))
    return (
        f"<div><p><b>{count} gestures</b> {escape(_summary(table))}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _row(row: int, gesture: Gesture, start: int) -> str:
    name = gesture.kind.name.lower().replace("_", " ")
    if gesture.direction is not Direction.NONE:
        name += f" {gesture.direction.name.lower().replace('_', ' ')}"
    reason = "" if gesture.reason is Reason.RECOGNIZED else gesture.reason.name.lower().replace("_", " ")
    numbers = (
        f"{(gesture.time_down - start) / 1e9:.3f}",
        f"{gesture.duration:.0f}",
        f"{gesture.distance:.1f}",
        f"{gesture.velocity:.0f}",
    )
    right = '<td style="text-align:right">'
    dot = f'<span style="color:{COLORS[gesture.kind]}" aria-hidden="true">&#9679;</span>'
    flag = " (rage)" if gesture.rage else ""
    return (
        f'<tr>{right}{row}</td>{right}{numbers[0]}</td><td style="text-align:left">{dot} {name}{flag}</td>'
        + "".join(f"{right}{number}</td>" for number in numbers[1:])
        + f'<td style="text-align:left">{reason}</td></tr>'
    )


def _summary(table: GestureTable) -> str:
    kinds = Counter(table.kind.tolist())
    return ", ".join(
        f"{kinds[int(kind)]} {kind.name.lower().replace('_', ' ')}" for kind in COLORS if kinds[int(kind)]
    )


def plot(table: GestureTable) -> Plot:
    """Draw the gestures of a table, each from its DOWN to its UP, in the colour of its kind.

    A table has no samples: `capture.report` draws whole trails of a log.
    """
    import numpy as np

    xs, ys = np.stack([table.x_down, table.x_up]), np.stack([table.y_down, table.y_up])
    good = np.flatnonzero(np.isfinite(xs).all(axis=0) & np.isfinite(ys).all(axis=0))
    drawn = good[:: max(1, -(-len(good) // _DRAWN))]
    left, top, scale, height = 0.0, 0.0, 1.0, 120.0
    if len(drawn):
        left, top = float(xs[:, drawn].min()), float(ys[:, drawn].min())
        width_px = max(float(np.ptp(xs[:, drawn])), 1.0)
        height_px = max(float(np.ptp(ys[:, drawn])), 1.0)
        scale = min(_WIDTH / width_px, 2 * _WIDTH / height_px)
        height = height_px * scale
    parts = [
        _line(
            int(table.kind[row]),
            [
                (float(v) - o) * scale + 12
                for v, o in zip(
                    (xs[0, row], ys[0, row], xs[1, row], ys[1, row]), (left, top) * 2, strict=True
                )
            ],
        )
        for row in drawn.tolist()
    ]
    return Plot(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH + 24:.0f} {height + 44:.0f}" '
        f'width="{_WIDTH + 24:.0f}" height="{height + 44:.0f}" role="img" font-family="sans-serif">'
        f"<title>{len(table)} gestures</title>"
        f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}'
        f'<text x="12" y="{height + 36:.0f}" font-size="12" fill="#566073">'
        f"{escape(_summary(table))}</text></svg>"
    )


def _line(kind: int, place: list[float]) -> str:
    color = COLORS[GestureKind(kind)]
    x0, y0, x1, y1 = place
    if kind in {GestureKind.TAP, GestureKind.LONG_PRESS}:
        ring = f'<circle cx="{x0:.1f}" cy="{y0:.1f}" r="6" fill="none" stroke="{color}"/>'
        return f'<circle cx="{x0:.1f}" cy="{y0:.1f}" r="3" fill="{color}"/>' + (
            ring if kind == GestureKind.LONG_PRESS else ""
        )
    dashes = ' stroke-dasharray="2 4"' if kind == GestureKind.NONE else ""
    end = "rect" if kind == GestureKind.DRAG else "circle"
    size = f'x="{x1 - 3:.1f}" y="{y1 - 3:.1f}" width="6" height="6"'
    if end == "circle":
        size = f'cx="{x1:.1f}" cy="{y1:.1f}" r="2.5"'
    return (
        f'<path d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}" stroke="{color}" fill="none" '
        f'stroke-width="1.5"{dashes}/>'
        f'<{end} {size} fill="{color}"/>'
    )
