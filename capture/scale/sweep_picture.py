"""Pictures of sweeps: SVG, or PNG made of it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from capture.errors import ConfigError
from capture.report.picture import COLORS, to_png
from capture.scale.sweep import KINDS

if TYPE_CHECKING:
    from pathlib import Path

    from capture.gestures.kinds import GestureKind
    from capture.scale.sweep import Sweep

__all__ = ["draw", "save"]

_INK, _MUTED = "#1c2330", "#566073"
_FONT = "system-ui, 'DejaVu Sans', Helvetica, Arial, sans-serif"
_LEFT, _TOP, _GAP = 74, 58, 40
_BARS = (640, 300)
_MAP = 300
_UNITS = {"ms": "ms", "dp": "dp", "s": "dp/s"}


def save(swept: Sweep, path: Path) -> None:
    """Write a picture of a sweep: ``.svg`` or ``.png`` by its name (PNG needs the extra ``report``).

    Raises
    ------
    ConfigError
        When the name says neither, or the sweep has more than two axes.
    """
    suffix = path.suffix.lower()
    if suffix not in {".svg", ".png"}:
        raise ConfigError(f"{path}: expected a name that ends in .svg or .png")
    svg = draw(swept)
    path.write_bytes(svg.encode() if suffix == ".svg" else to_png(svg))


def draw(swept: Sweep) -> str:
    """Return a sweep as SVG.

    One axis: a bar for each value, in which the kinds have their shares. Two axes: a map for each
    kind, darker where more strokes are of it; the ring is what the configuration has now.

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
            share = row[kind.name.lower()] / total
            y -= share * height
            name = f"{_words(kind)}: {row[kind.name.lower()]:.0f} ({share:.1%})"
            parts.append(
                f'<rect x="{x + 1:.1f}" y="{y:.1f}" width="{max(1.0, step - 2):.1f}" '
                f'height="{share * height:.1f}" fill="{COLORS[kind]}"><title>{name}</title></rect>'
            )
        parts.append(_label(x + step / 2, _TOP + height + 16, row[field], place, len(swept.rows)))
    for percent in (0, 50, 100):
        y = _TOP + height * (1 - percent / 100)
        parts.append(_text(_LEFT - 8, y + 4, f"{percent} %", "end"))
    for place, kind in enumerate(KINDS):
        x = _LEFT + place * 118
        parts.append(f'<rect x="{x}" y="34" width="12" height="12" rx="2" fill="{COLORS[kind]}"/>')
        parts.append(_text(x + 17, 45, _words(kind)))
    parts.append(_text(_LEFT + width / 2, _TOP + height + 38, _axis(field), "middle"))
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
    kind: GestureKind,
    *,
    fields: tuple[str, str],
    values: tuple[list[float], list[float]],
    corner: tuple[float, float],
    cell: tuple[float, float],
) -> list[str]:
    (across, up), (columns, rows), (left, top) = fields, values, corner
    name = kind.name.lower()
    counts = [row[name] for row in swept.rows]
    low, high = min(counts), max(counts)
    total = max(1, swept.strokes)
    parts = [
        _text(left, top - 8, f"{_words(kind)}: {low / total:.1%} to {high / total:.1%}", ink=COLORS[kind])
    ]
    for row in swept.rows:
        x = left + columns.index(row[across]) * cell[0]
        y = top + _MAP - (rows.index(row[up]) + 1) * cell[1]
        depth = 0.08 + 0.92 * (row[name] - low) / (high - low) if high > low else 0.08
        now = row[across] == swept.base[across] and row[up] == swept.base[up]
        ring = f' stroke="{_INK}" stroke-width="2"' if now else ""
        title = f"{_words(kind)}: {row[name]:.0f} ({row[name] / total:.1%})"
        parts.append(
            f'<rect x="{x + 0.5:.1f}" y="{y + 0.5:.1f}" width="{cell[0] - 1:.1f}" height="{cell[1] - 1:.1f}" '
            f'fill="{COLORS[kind]}" fill-opacity="{depth:.2f}"{ring}><title>{title}</title></rect>'
        )
    parts += [
        _label(left + (place + 0.5) * cell[0], top + _MAP + 15, value, place, len(columns))
        for place, value in enumerate(columns)
    ]
    for place, value in enumerate(rows):
        if place % (len(rows) // 12 + 1) == 0:
            parts.append(_text(left - 6, top + _MAP - (place + 0.5) * cell[1] + 4, f"{value:g}", "end"))
    parts.append(_text(left + _MAP / 2, top + _MAP + 32, f"{_axis(across)}, up: {_axis(up)}", "middle"))
    return parts


def _label(x: float, y: float, value: float, place: int, count: int) -> str:
    return _text(x, y, f"{value:g}", "middle") if place % (count // 14 + 1) == 0 else ""


def _text(x: float, y: float, words: str, anchor: str = "start", ink: str = _MUTED) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{ink}">{escape(words)}</text>'


def _words(kind: GestureKind) -> str:
    return kind.name.lower().replace("_", " ")


def _axis(field: str) -> str:
    words, _, unit = field.removesuffix("_dp_s").rpartition("_")
    if field.endswith("_dp_s"):
        return f"{field.removesuffix('_dp_s').replace('_', ' ')} (dp/s)"
    return f"{words.replace('_', ' ')} ({unit})" if unit in _UNITS else field.replace("_", " ")


def _document(parts: list[str], width: float, height: float, swept: Sweep) -> str:
    title = f"{swept.strokes:,} strokes under {len(swept.rows):,} settings"
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{_FONT}" font-size="12" role="img" '
        f'aria-label="{escape(title)}"><rect width="100%" height="100%" fill="#fff"/>'
        f'<text x="{_LEFT}" y="22" font-size="15" fill="{_INK}">{escape(title)}</text>'
        f"{''.join(parts)}</svg>\n"
    )
