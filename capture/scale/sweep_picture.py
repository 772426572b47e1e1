"""Pictures of sweeps: SVG, or PNG from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.errors import ConfigError
from capture.gestures.kinds import KINDS
from capture.report.picture import to_png
from capture.report.svg import INK, document, element, text

if TYPE_CHECKING:
    from pathlib import Path

    from capture.gestures.kinds import Kind
    from capture.scale.sweep import Sweep

__all__ = ["draw", "encode"]

_LEFT, _TOP, _GAP = 74, 58, 40
_BARS = (640, 300)
_MAP = 300
_UNITS = {"ms": "ms", "dp": "dp", "s": "dp/s"}


def encode(swept: Sweep, path: Path) -> bytes:
    """Return the file of a picture of a sweep: SVG or PNG by its name (PNG needs the extra ``report``).

    Raises
    ------
    ConfigError
        When the name has neither suffix, or the sweep has more than two axes.
    """
    suffix = path.suffix.lower()
    if suffix not in {".svg", ".png"}:
        raise ConfigError(f"{path}: expected a name that ends in .svg or .png")
    svg = draw(swept)
    return svg.encode() if suffix == ".svg" else to_png(svg)


def draw(swept: Sweep) -> str:
    """Return a sweep as SVG.

    One axis: a bar for each value, in which the kinds have their shares. Two axes: a map for each
    kind, darker for more strokes; the ring is the present configuration.

    Raises
    ------
    ConfigError
        When there are more than two axes.
    """
    varied = [field for field, values in swept.axes.items() if len(values) > 1] or list(swept.axes)[:1]
    if len(varied) > 2:
        raise ConfigError(f"a picture has one or two axes; these vary: {', '.join(varied)}")
    return _bars(swept, varied[0]) if len(varied) == 1 else _maps(swept, varied[0], varied[1])


def _bars(swept: Sweep, field: str) -> str:
    width, height = _BARS
    step = width / max(1, len(swept.rows))
    total = max(1, swept.strokes)
    parts = []
    for place, row in enumerate(swept.rows):
        x, y = _LEFT + place * step, float(_TOP + height)
        for kind in KINDS:
            share = row[kind.name] / total
            y -= share * height
            parts.append(_bar(kind, row[kind.name], share, (x + 1, y, max(1.0, step - 2), share * height)))
        parts.append(_label(x + step / 2, _TOP + height + 16, row[field], place, len(swept.rows)))
    for percent in (0, 50, 100):
        y = _TOP + height * (1 - percent / 100)
        parts.append(text(_LEFT - 8, y + 4, f"{percent} %", text_anchor="end"))
    for place, kind in enumerate(KINDS):
        x = _LEFT + place * 118
        parts.append(element("rect", x=x, y=34, width=12, height=12, rx=2, fill=kind.color))
        parts.append(text(x + 17, 45, kind.label))
    parts.append(text(_LEFT + width / 2, _TOP + height + 38, _axis(field), text_anchor="middle"))
    return _document(parts, _LEFT + width + 24, _TOP + height + 54, swept)


def _maps(swept: Sweep, across: str, up: str) -> str:
    columns, rows = (sorted({row[field] for row in swept.rows}) for field in (across, up))
    cell = (_MAP / max(1, len(columns)), _MAP / max(1, len(rows)))
    parts = []
    for number, kind in enumerate(KINDS):
        left = _LEFT + (number % 3) * (_MAP + _GAP + 46)
        top = _TOP + (number // 3) * (_MAP + _GAP + 52)
        parts += _map(swept, kind, fields=(across, up), values=(columns, rows), corner=(left, top), cell=cell)
    return _document(parts, _LEFT + 3 * (_MAP + _GAP + 46), _TOP + 2 * (_MAP + _GAP + 52) + 8, swept)


def _map(
    swept: Sweep,
    kind: Kind,
    *,
    fields: tuple[str, str],
    values: tuple[list[float], list[float]],
    corner: tuple[float, float],
    cell: tuple[float, float],
) -> list[str]:
    (across, up), (columns, rows), (left, top) = fields, values, corner
    counts = [row[kind.name] for row in swept.rows]
    low, high = min(counts), max(counts)
    total = max(1, swept.strokes)
    title = f"{kind.label}: {low / total:.1%} to {high / total:.1%}"
    parts = [text(left, top - 8, title, fill=kind.color)]
    for row in swept.rows:
        x = left + columns.index(row[across]) * cell[0]
        y = top + _MAP - (rows.index(row[up]) + 1) * cell[1]
        count = row[kind.name]
        depth = 0.08 + 0.92 * (count - low) / (high - low) if high > low else 0.08
        look: dict[str, object] = {"fill_opacity": f"{depth:.2f}"}
        if all(row[field] == swept.base[field] for field in fields):
            look |= {"stroke": INK, "stroke_width": 2}
        parts.append(_bar(kind, count, count / total, (x + 0.5, y + 0.5, cell[0] - 1, cell[1] - 1), **look))
    parts += [
        _label(left + (place + 0.5) * cell[0], top + _MAP + 15, value, place, len(columns))
        for place, value in enumerate(columns)
    ]
    for place, value in enumerate(rows):
        if place % (len(rows) // 12 + 1) == 0:
            y = top + _MAP - (place + 0.5) * cell[1] + 4
            parts.append(text(left - 6, y, f"{value:g}", text_anchor="end"))
    words = f"{_axis(across)}, up: {_axis(up)}"
    parts.append(text(left + _MAP / 2, top + _MAP + 32, words, text_anchor="middle"))
    return parts


def _bar(
    kind: Kind, count: float, share: float, box: tuple[float, float, float, float], **look: object
) -> str:
    """Return a rectangle in the colour of a kind, with its number of strokes."""
    title = element("title", f"{kind.label}: {count:.0f} ({share:.1%})")
    x, y, width, height = box
    return element("rect", title, x=x, y=y, width=width, height=height, fill=kind.color, **look)


def _label(x: float, y: float, value: float, place: int, count: int) -> str:
    return text(x, y, f"{value:g}", text_anchor="middle") if place % (count // 14 + 1) == 0 else ""


def _axis(field: str) -> str:
    words, _, unit = field.removesuffix("_dp_s").rpartition("_")
    if field.endswith("_dp_s"):
        return f"{field.removesuffix('_dp_s').replace('_', ' ')} (dp/s)"
    return f"{words.replace('_', ' ')} ({unit})" if unit in _UNITS else field.replace("_", " ")


def _document(parts: list[str], width: float, height: float, swept: Sweep) -> str:
    title = f"{swept.strokes:,} strokes under {len(swept.rows):,} settings"
    heading = text(_LEFT, 22, title, fill=INK, font_size=15)
    return document([heading, *parts], width, height, title, font_size=12)
