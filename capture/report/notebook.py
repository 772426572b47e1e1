"""Gesture tables in notebooks: as HTML, and as a picture."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from capture.gestures.kinds import KINDS, Reason, kind_of
from capture.gestures.recognizer import Plot
from capture.report.svg import document, stroke, text
from capture.report.text import moved, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.gestures.recognizer import Gesture, GestureTable

__all__ = ["Plot", "plot", "table_html"]

#: Rows of a table that a notebook shows: the first and the last so many.
_HEAD, _TAIL = 15, 5
_COLUMNS = ("#", "at (s)", "gesture", "ms", "dp", "dp/s", "why not")
#: Those that are no numbers.
_TEXTS = frozenset({"gesture", "why not"})
#: Strokes that a plot draws; more are too many to see.
_DRAWN = 20_000
_WIDTH, _MARGIN = 460.0, 12.0


def table_html(table: GestureTable) -> str:
    """Return a table of gestures as HTML: how many of each kind, and its first and last rows."""
    count = len(table)
    rows = list(range(count))
    shown = rows if count <= _HEAD + _TAIL else rows[:_HEAD] + rows[-_TAIL:]
    start = int(table.time_down.min()) if count else 0
    body = []
    for row in shown:
        if row == count - _TAIL and len(shown) < count:
            body.append(f'<tr><td colspan="7" style="text-align:center">{count - len(shown)} more</td></tr>')
        body.append(_row(row, table[row], start))
    return (
        f"<div><p><b>{count} gestures</b> {escape(_summary(table))}</p>"
        f"<table><thead><tr>{_cells('th', _COLUMNS)}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _row(row: int, gesture: Gesture, start: int) -> str:
    dot = f'<span style="color:{kind_of(gesture.kind).color}" aria-hidden="true">&#9679;</span>'
    flag = " (rage)" if gesture.rage else ""
    cells = (
        f"{row}",
        f"{(gesture.time_down - start) / 1e9:.3f}",
        f"{dot} {moved(gesture.kind, gesture.direction)}{flag}",
        f"{gesture.duration:.0f}",
        f"{gesture.distance:.1f}",
        f"{gesture.velocity:.0f}",
        "" if gesture.reason is Reason.RECOGNIZED else words(gesture.reason),
    )
    return f"<tr>{_cells('td', cells)}</tr>"


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(
        f'<{tag} style="text-align:{"left" if name in _TEXTS else "right"}">{text}</{tag}>'
        for name, text in zip(_COLUMNS, texts, strict=True)
    )


def _summary(table: GestureTable) -> str:
    kinds = Counter(table.kind.tolist())
    return ", ".join(f"{kinds[row.kind]} {row.label}" for row in KINDS if kinds[row.kind])


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
        across, down = max(float(np.ptp(xs[:, drawn])), 1.0), max(float(np.ptp(ys[:, drawn])), 1.0)
        scale = min(_WIDTH / across, 2 * _WIDTH / down)
        height = down * scale
    places = (np.stack([xs[:, drawn] - left, ys[:, drawn] - top], axis=-1) * scale + _MARGIN).swapaxes(0, 1)
    parts = [
        stroke(kind_of(kind), [(x0, y0), (x1, y1)], width=1.5, size=0.6)
        for kind, ((x0, y0), (x1, y1)) in zip(table.kind[drawn].tolist(), places.tolist(), strict=True)
    ]
    parts.append(text(_MARGIN, height + 36, _summary(table), font_size=12))
    return Plot(document(parts, _WIDTH + 2 * _MARGIN, height + 44, f"{len(table)} gestures"))
