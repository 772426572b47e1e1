"""Pictures of one stroke or one screen, and heat maps of many devices: SVG, and PNG made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from capture.errors import CaptureError
from capture.gestures.kinds import KINDS, kind_of
from capture.optional import require
from capture.report.svg import INK, LINE, MUTED, document, element, stroke as draw_stroke, text
from capture.report.text import shorten, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from capture.report.recording import Recording

__all__ = ["HeatMap", "PictureError", "heat_maps", "screen_svg", "stroke_svg", "to_png"]

_CAPTION = 58.0  # px below the drawing
_SIDE = 640.0  # px of the longer side of the drawing
#: Width of a cell (px); the view ``places`` has the same.
CELL_PX = 48
_HOT = "#d1242f"
_MARGIN = 40
#: Opacity of the least and of the most touched cell.
_FAINT, _STRONG = 0.15, 0.85


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
        raise PictureError(f"stroke {stroke}: it has no positions to draw")
    slop = recording.gestures.touch_slop_dp * recording.density
    reach = recording.gestures.drag_distance_dp * recording.density
    margin = max(reach * 1.15, 1.0)
    pad = 0.05 * max(float(np.ptp(xs)), float(np.ptp(ys)))
    (left, right), (top, bottom) = (
        (min(float(each.min()) - pad, each[0] - margin), max(float(each.max()) + pad, each[0] + margin))
        for each in (xs, ys)
    )
    frame = _Frame(left, top, right - left, bottom - top)
    parts = [
        _ring(frame, xs[0], ys[0], slop, "touch slop"),
        _ring(frame, xs[0], ys[0], reach, "drag distance"),
        _trail(frame, recording, stroke, width=3.0),
        *_dots(frame, xs, ys),
    ]
    title = f"Stroke {stroke}: {recording.called(stroke, 'not recognised: {}')}"
    return frame.document(parts, title, _stroke_caption(recording, stroke))


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

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return the place in the picture of a place on the screen."""
        return (float(x) - self._left) * self.scale + self._inset, (float(y) - self._top) * self.scale

    @property
    def _inset(self) -> float:
        """Room at the sides where a narrow drawing stands above a wide caption."""
        return max(0.0, (540.0 - self.width) / 2)

    def document(self, parts: Iterable[str], title: str, caption: list[str]) -> str:
        width, height = self.width + 2 * self._inset, self.height + _CAPTION + 18 * len(caption)
        box = {"x": self._inset, "width": self.width, "height": self.height, "rx": 12}
        pen = {"fill": "none", "stroke_linecap": "round", "stroke_linejoin": "round"}
        trails = "\n".join(parts)
        content = [
            element("rect", **box, fill="#fbfcfe", stroke=LINE),
            element("clipPath", element("rect", **box), id="frame"),
            element("g", f"\n{trails}\n", clip_path="url(#frame)", **pen),
            text(0, self.height + 26, title, fill=INK, font_size=16, font_weight=600),
        ]
        for number, line in enumerate(caption):
            content.append(text(0, self.height + 46 + 18 * number, line, font_size=12.5))
        return document(content, width + 32, height + 16, title, margin=16)


def _samples(recording: Recording, stroke: int) -> tuple[Any, Any, Any]:
    if recording.trail is None:
        raise PictureError("batches have no trails to draw; use the touch log")
    return recording.trail.of(stroke)


def _ring(frame: _Frame, x: float, y: float, radius: float, name: str) -> str:
    size = radius * frame.scale
    if size <= 0:
        return ""
    cx, cy = frame.place(x, y)
    return element("circle", cx=cx, cy=cy, r=size, stroke=MUTED, stroke_dasharray="4 4") + text(
        cx, cy - size - 4, name, text_anchor="middle", font_size=11
    )


def _trail(frame: _Frame, recording: Recording, stroke: int, *, width: float) -> str:
    _, xs, ys = _samples(recording, stroke)
    if not len(xs):
        return ""
    points = list(map(frame.place, xs.tolist(), ys.tolist()))
    row = kind_of(int(recording.columns["kind"][stroke]))
    return draw_stroke(row, points, width=width, badges=_badges(recording, stroke, points[0]))


def _badges(recording: Recording, stroke: int, place: tuple[float, float]) -> str:
    x, y = place
    badges = ""
    if recording.columns["dead"][stroke]:
        badges += element("path", d=f"M{x - 9:.1f} {y + 9:.1f}l18 -18", stroke="#8e2f74", stroke_width=2)
    if recording.columns["rage"][stroke]:
        badges += element("circle", cx=x, cy=y, r=14, fill="none", stroke="#c1121f", stroke_width=2)
    return badges


def _dots(frame: _Frame, xs: Any, ys: Any) -> list[str]:
    """Return a dot for each sample: dense dots are slow movement."""
    places = map(frame.place, xs.tolist(), ys.tolist())
    return [element("circle", cx=x, cy=y, r=1.6, fill=INK, fill_opacity="0.55") for x, y in places]


def _image(frame: _Frame, uri: str) -> str:
    return element(
        "image",
        href=uri,
        x=frame.place(0, 0)[0],
        y=0,
        width=frame.width,
        height=frame.height,
        preserveAspectRatio="none",
        opacity="0.75",
    )


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
    counts = [(row.legend, int((kinds == int(row.kind)).sum())) for row in KINDS]
    named = [f"{count} {name}" for name, count in counts if count]
    flags = [(name, int(recording.columns[name][rows].sum())) for name in ("dead", "rage")]
    marks = [f"{count} {name}" for name, count in flags if count]
    lines = [
        f"{len(rows)} strokes: {'; '.join([', '.join(named), *marks])}" if named else "no stroke",
        " · ".join(f"{row.shape} {row.legend}" for row in KINDS),
    ]
    if marks:
        lines.append("slash through a tap: dead · wide ring around a tap: rage")
    return lines


# Heat maps: where fingers came down on a screen, over many devices


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
