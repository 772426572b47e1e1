"""Pictures of one stroke or one screen, for papers and bug reports: SVG, and PNG made from it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from capture.errors import CaptureError
from capture.gestures.kinds import Direction, GestureKind, Reason
from capture.optional import require
from capture.report.text import shorten, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.report.recording import Recording

__all__ = ["COLORS", "PictureError", "screen_svg", "stroke_svg", "to_png"]

#: Colour of each kind, as in the page.
COLORS = {
    GestureKind.TAP: "#0072b2",
    GestureKind.LONG_PRESS: "#b87700",
    GestureKind.DRAG: "#00805c",
    GestureKind.FLING: "#c44d00",
    GestureKind.NONE: "#687386",
}
_INK, _MUTED, _LINE = "#1c2330", "#566073", "#d9dee7"
_FONT = "system-ui, 'DejaVu Sans', Helvetica, Arial, sans-serif"
_CAPTION = 58.0  # px below the drawing
_SIDE = 640.0  # px of the longer side of the drawing


class PictureError(CaptureError, ValueError):
    """A picture that cannot be made: there is no such stroke, or no library for PNG."""


def stroke_svg(recording: Recording, stroke: int) -> str:
    """Return a stroke as SVG: its trail, with the touch slop and the drag distance around its DOWN.

    Parameters
    ----------
    recording : Recording
        Of a log: batches have no trails.
    stroke : int
        Row of the recording.

    Raises
    ------
    PictureError
        When there is no such stroke, or it has no place.
    """
    if not 0 <= stroke < len(recording):
        raise PictureError(f"stroke {stroke}: there are {len(recording)}")
    _, xs, ys = _samples(recording, stroke)
    if not len(xs):
        raise PictureError(f"stroke {stroke}: it has no place that could be drawn")
    slop = recording.gestures.touch_slop_dp * recording.density
    reach = recording.gestures.drag_distance_dp * recording.density
    margin = max(reach * 1.15, 1.0)
    pad = 0.05 * max(float(np.ptp(xs)), float(np.ptp(ys)))
    left, right = float(xs.min()) - pad, float(xs.max()) + pad
    top, bottom = float(ys.min()) - pad, float(ys.max()) + pad
    left, right = min(left, xs[0] - margin), max(right, xs[0] + margin)
    top, bottom = min(top, ys[0] - margin), max(bottom, ys[0] + margin)
    frame = _Frame(left, top, right - left, bottom - top)
    parts = [
        _ring(frame, xs[0], ys[0], slop, "touch slop"),
        _ring(frame, xs[0], ys[0], reach, "drag distance"),
        _trail(frame, recording, stroke, width=3.0),
        *_dots(frame, xs, ys),
    ]
    return frame.document(parts, _stroke_title(recording, stroke), _stroke_caption(recording, stroke))


def screen_svg(recording: Recording, stage: int = 0) -> str:
    """Return all strokes of a screen in one orientation as SVG.

    Parameters
    ----------
    recording : Recording
    stage : int
        Number in `Recording.stages`.

    Raises
    ------
    PictureError
        When there is no such screen.
    """
    if not 0 <= stage < len(recording.stages):
        raise PictureError(f"screen {stage}: there are {len(recording.stages)}")
    it = recording.stages[stage]
    frame = _Frame(0.0, 0.0, it.width, it.height)
    rows = np.flatnonzero(recording.columns["stage"] == stage).tolist()
    parts = [_image(frame, it.image)] if it.image else []
    parts += [_trail(frame, recording, row, width=2.0) for row in rows]
    title = shorten(shown(it.title), 60) or "Screen"
    if it.landscape:
        title += " (landscape)"
    return frame.document(parts, title, _legend(recording, rows))


def to_png(svg: str, *, zoom: int = 2) -> bytes:
    """Return a picture as PNG.

    Parameters
    ----------
    svg : str
    zoom : int
        Pixels for each unit of the SVG.

    Raises
    ------
    PictureError
        When resvg is not installed (extra ``report``).
    """
    resvg_py = require("resvg_py", "PNG, unlike SVG,", PictureError)
    return bytes(
        resvg_py.svg_to_bytes(svg_string=svg, zoom=zoom, background="#ffffff", font_family="DejaVu Sans")
    )


class _Frame:
    """From px of the screen to units of the picture."""

    def __init__(self, left: float, top: float, width: float, height: float) -> None:
        self._left, self._top = left, top
        self.scale = _SIDE / max(width, height, 1e-6)
        self.width, self.height = max(width * self.scale, 1.0), max(height * self.scale, 1.0)

    def x(self, px: float) -> float:
        return (float(px) - self._left) * self.scale + self._inset

    def y(self, px: float) -> float:
        return (float(px) - self._top) * self.scale

    @property
    def _inset(self) -> float:
        """Room at the sides where a narrow drawing stands above a wide caption."""
        return max(0.0, (540.0 - self.width) / 2)

    def document(self, parts: Iterable[str], title: str, caption: list[str]) -> str:
        width, height = self.width + 2 * self._inset, self.height + _CAPTION + 18 * len(caption)
        lines = [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + 32:.0f}" '
                f'height="{height + 16:.0f}" '
                f'viewBox="-16 -16 {width + 32:.1f} {height + 16:.1f}" role="img" font-family="{_FONT}">'
            ),
            f"<title>{escape(title)}</title>",
            f'<rect x="-16" y="-16" width="{width + 32:.1f}" height="{height + 16:.1f}" fill="#fff"/>',
            (
                f'<rect x="{self._inset:.1f}" y="0" width="{self.width:.1f}" height="{self.height:.1f}" '
                f'rx="12" fill="#fbfcfe" stroke="{_LINE}"/>'
            ),
            (
                f'<clipPath id="frame"><rect x="{self._inset:.1f}" width="{self.width:.1f}" '
                f'height="{self.height:.1f}" rx="12"/></clipPath>'
            ),
            '<g clip-path="url(#frame)" fill="none" stroke-linecap="round" stroke-linejoin="round">',
            *parts,
            "</g>",
            (
                f'<text x="0" y="{self.height + 26:.1f}" font-size="16" font-weight="600" fill="{_INK}">'
                f"{escape(title)}</text>"
            ),
        ]
        for number, line in enumerate(caption):
            lines.append(
                f'<text x="0" y="{self.height + 46 + 18 * number:.1f}" font-size="12.5" fill="{_MUTED}">'
                f"{escape(line)}</text>"
            )
        return "\n".join([*lines, "</svg>", ""])


def _samples(recording: Recording, stroke: int) -> tuple[Any, Any, Any]:
    if recording.trail is None:
        raise PictureError("batches have no trails to draw: take the touch log")
    return recording.trail.of(stroke)


def _ring(frame: _Frame, x: float, y: float, radius: float, name: str) -> str:
    size = radius * frame.scale
    if size <= 0:
        return ""
    return (
        f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="{size:.1f}" stroke="{_MUTED}" '
        f'stroke-dasharray="4 4"/><text x="{frame.x(x):.1f}" y="{frame.y(y) - size - 4:.1f}" '
        f'text-anchor="middle" font-size="11" fill="{_MUTED}">{name}</text>'
    )


def _trail(frame: _Frame, recording: Recording, stroke: int, *, width: float) -> str:
    _, xs, ys = _samples(recording, stroke)
    if not len(xs):
        return ""
    kind = GestureKind(int(recording.columns["kind"][stroke]))
    color = COLORS[kind]
    points = [(frame.x(x), frame.y(y)) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)]
    parts = [f'<g stroke="{color}" fill="{color}" stroke-width="{width}">']
    if kind not in {GestureKind.TAP, GestureKind.LONG_PRESS} and len(points) > 1:
        dashes = ' stroke-dasharray="2 6"' if kind is GestureKind.NONE else ""
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        parts.append(f'<path d="M{path}" fill="none"{dashes}/>')
    parts += [_mark(kind, points), _badges(recording, stroke, points[0]), "</g>"]
    return "".join(parts)


def _mark(kind: GestureKind, points: list[tuple[float, float]]) -> str:
    """Return the shape of a kind: a disc, a ring, a square, an arrow head, a cross."""
    (x0, y0), (x, y) = points[0], points[-1]
    if kind is GestureKind.TAP:
        return f'<circle cx="{x0:.1f}" cy="{y0:.1f}" r="6" stroke="none"/>'
    if kind is GestureKind.LONG_PRESS:
        return (
            f'<circle cx="{x0:.1f}" cy="{y0:.1f}" r="3.5" stroke="none"/>'
            f'<circle cx="{x0:.1f}" cy="{y0:.1f}" r="9" fill="none"/>'
        )
    if kind is GestureKind.DRAG:
        return f'<rect x="{x - 5:.1f}" y="{y - 5:.1f}" width="10" height="10" stroke="none"/>'
    if kind is GestureKind.FLING:
        back = points[max(0, len(points) - 4)]
        angle = math.degrees(math.atan2(y - back[1], x - back[0]))
        return (
            f'<path d="M11 0L-6 -7L-6 7Z" stroke="none" '
            f'transform="translate({x:.1f} {y:.1f}) rotate({angle:.1f})"/>'
        )
    return f'<path d="M{x - 6:.1f} {y - 6:.1f}l12 12m0 -12l-12 12" fill="none" stroke-width="2"/>'


def _badges(recording: Recording, stroke: int, place: tuple[float, float]) -> str:
    x, y = place
    badges = ""
    if recording.columns["dead"][stroke]:
        badges += f'<path d="M{x - 9:.1f} {y + 9:.1f}l18 -18" stroke="#8e2f74" stroke-width="2"/>'
    if recording.columns["rage"][stroke]:
        badges += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="14" fill="none" stroke="#c1121f" stroke-width="2"/>'
    return badges


def _dots(frame: _Frame, xs: Any, ys: Any) -> list[str]:
    """Return a dot for each sample, so that the eye sees speed."""
    return [
        f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="1.6" fill="{_INK}" fill-opacity="0.55"/>'
        for x, y in zip(xs.tolist(), ys.tolist(), strict=True)
    ]


def _image(frame: _Frame, uri: str) -> str:
    return (
        f'<image href={quoteattr(uri)} x="{frame.x(0):.1f}" y="0" width="{frame.width:.1f}" '
        f'height="{frame.height:.1f}" preserveAspectRatio="none" opacity="0.75"/>'
    )


def _stroke_title(recording: Recording, stroke: int) -> str:
    columns = recording.columns
    kind = GestureKind(int(columns["kind"][stroke]))
    if kind is GestureKind.NONE:
        name = f"not recognised: {Reason(int(columns['reason'][stroke])).name.lower().replace('_', ' ')}"
    else:
        way = Direction(int(columns["direction"][stroke]))
        name = kind.name.lower().replace("_", " ")
        name += f" {way.name.lower().replace('_', ' ')}" if way is not Direction.NONE else ""
    return f"Stroke {stroke}: {name}"


def _stroke_caption(recording: Recording, stroke: int) -> list[str]:
    columns = recording.columns
    lines = [
        (
            f"{float(columns['duration'][stroke]):.6g} ms · {float(columns['distance'][stroke]):.6g} dp · "
            f"{float(columns['velocity'][stroke]):.6g} dp/s · {int(columns['sample_count'][stroke])} samples"
        )
    ]
    target = recording.targets[int(columns["target"][stroke])]
    if target.id or target.path != "[root]>":
        lines.append(shorten(shown(target.path), 70))
    return lines


def _legend(recording: Recording, rows: list[int]) -> list[str]:
    kinds = recording.columns["kind"][rows]
    counts = [(kind, int((kinds == int(kind)).sum())) for kind in COLORS]
    named = [
        f"{count} {'not recognised' if kind is GestureKind.NONE else kind.name.lower().replace('_', ' ')}"
        for kind, count in counts
        if count
    ]
    marks = [
        f"{count} {mark}"
        for mark in ("dead", "rage")
        if (count := int(np.count_nonzero(recording.columns[mark][rows])))
    ]
    lines = [
        f"{len(rows)} strokes: {'; '.join([', '.join(named), *marks])}" if named else "no stroke",
        "disc tap · ring long press · square drag · arrow fling · cross not recognised",
    ]
    if marks:
        lines.append("slash through a tap: dead · wide ring around a tap: rage")
    return lines
