"""SVG by hand: elements, texts, documents, and strokes in the colour and shape of their kind."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.gestures.kinds import Kind

__all__ = ["INK", "LINE", "MUTED", "document", "element", "stroke", "text"]

INK, MUTED, LINE = "#1c2330", "#566073", "#d9dee7"
_FONT = "system-ui, 'DejaVu Sans', Helvetica, Arial, sans-serif"


def element(tag: str, content: str = "", /, **attributes: object) -> str:
    """Return an element; ``stroke_width=1.5`` is written as ``stroke-width="1.5"``.

    Parameters
    ----------
    tag : str
    content : str
        Markup: escape texts.
    **attributes
        Floats are written with one decimal; None is left out.
    """
    written = ""
    for name, value in attributes.items():
        if value is not None:
            shown = str(value) if isinstance(value, str | int) else f"{value:.1f}"
            written += f" {name.replace('_', '-')}={quoteattr(shown)}"
    return f"<{tag}{written}>{content}</{tag}>" if content else f"<{tag}{written}/>"


def text(x: float, y: float, words: str, *, fill: str = MUTED, **attributes: object) -> str:
    """Return a text."""
    return element("text", escape(words), x=float(x), y=float(y), fill=fill, **attributes)


def document(
    parts: Iterable[str], width: float, height: float, title: str, *, margin: int = 0, **attributes: object
) -> str:
    """Return a picture on white ground.

    Parameters
    ----------
    parts : iterable of str
        Elements.
    width, height : float
        px, margins included.
    title : str
    margin : int
        Where the origin is, from the left and upper edge.
    **attributes
        Of the root.
    """
    ground = element("rect", x=-margin, y=-margin, width=float(width), height=float(height), fill="#fff")
    content = [element("title", escape(title)), ground, *parts]
    svg = element(
        "svg",
        "\n".join(["", *content, ""]),
        xmlns="http://www.w3.org/2000/svg",
        width=round(width),
        height=round(height),
        viewBox=f"{-margin} {-margin} {width:.1f} {height:.1f}",
        role="img",
        font_family=_FONT,
        **attributes,
    )
    return f"{svg}\n"


def stroke(
    row: Kind, points: list[tuple[float, float]], *, width: float, size: float = 1.0, badges: str = ""
) -> str:
    """Return a stroke: its trail, unless its kind stands at a point, and the sign of its kind.

    Parameters
    ----------
    row : Kind
    points : list of (float, float)
        At least one.
    width : float
        Of the trail.
    size : float
        Of the sign; 1.0 is about 12 px.
    badges : str
        Further elements.
    """
    parts = ""
    # A disc and a ring stand at one point.
    if row.shape not in {"disc", "ring"} and len(points) > 1:
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        dashes = "2 6" if row.shape == "cross" else None
        parts = element("path", d=f"M{path}", fill="none", stroke_dasharray=dashes)
    parts += _sign(row.shape, points, size) + badges
    return element("g", parts, stroke=row.color, fill=row.color, stroke_width=width)


def _sign(shape: str, points: list[tuple[float, float]], size: float) -> str:
    (x0, y0), (x, y) = points[0], points[-1]
    match shape:
        case "disc":
            return element("circle", cx=x0, cy=y0, r=6 * size, stroke="none")
        case "ring":
            inner = element("circle", cx=x0, cy=y0, r=3.5 * size, stroke="none")
            return inner + element("circle", cx=x0, cy=y0, r=9 * size, fill="none")
        case "square":
            side = 10 * size
            return element("rect", x=x - side / 2, y=y - side / 2, width=side, height=side, stroke="none")
        case "arrow":
            back = points[max(0, len(points) - 4)]
            angle = math.degrees(math.atan2(y - back[1], x - back[0]))
            turned = f"translate({x:.1f} {y:.1f}) rotate({angle:.1f}) scale({size:g})"
            return element("path", d="M11 0L-6 -7L-6 7Z", stroke="none", transform=turned)
        case "cross":
            arm, turned = f"{12 * size:g}", f"translate({x - 6 * size:.1f} {y - 6 * size:.1f})"
            path = f"M0 0l{arm} {arm}m0 -{arm}l-{arm} {arm}"
            return element("path", d=path, fill="none", stroke_width=2 * size, transform=turned)
    raise ValueError(f"shape = {shape!r}: there is no sign of it")
