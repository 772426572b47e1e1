"""Put a page together: one file with its style, its script and its data, that asks for nothing else.

What a log says stands in the page as JSON in which no character can end a script element, and reaches
the document as text only. A content security policy names the one style and the one script by their
hashes, so that nothing else would run even if it got in.
"""

from __future__ import annotations

import base64
import hashlib
import html
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from capture.gestures.config import GestureConfig
from capture.gestures.kinds import KINDS, Reason, kinds_data
from capture.report.data import page_data
from capture.report.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.report.recording import Recording

__all__ = ["SCRIPTS", "build_page"]

#: The parts of the script, in order; they share one scope.
SCRIPTS = (
    "classify.js",
    "decode.js",
    "show.js",
    "stage.js",
    "heat.js",
    "timeline.js",
    "table.js",
    "why.js",
    "tune.js",
    "main.js",
)
#: Characters that could end the element that holds the data, or open one; JSON knows them as escapes.
_ESCAPES = {
    b"<": b"\\u003c",
    b">": b"\\u003e",
    b"&": b"\\u0026",
    "\u2028".encode(): b"\\u2028",
    "\u2029".encode(): b"\\u2029",
}


def build_page(recordings: Sequence[Recording], *, title: str | None = None) -> str:
    """Return a report as one self-contained HTML document.

    Parameters
    ----------
    recordings : sequence of Recording
        At least one; the page has a list to choose from where there are more.
    title : str, optional
        Of the document; the names of the recordings when not given.
    """
    style = _kind_style() + _text("style.css")
    script = '"use strict";\n(() => {\n' + "\n".join(_text(f"js/{name}") for name in SCRIPTS) + "})();\n"
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": html.escape(policy),
        "title": html.escape(shown(title or ", ".join(recording.name for recording in recordings))),
        "style": style,
        "script": script,
        "model": _json(_model()),
        "data": _json([page_data(recording) for recording in recordings]),
    }
    # Cut at the places once: what is put in is never looked at again.
    pieces = _text("page.html").split("@@")
    return "".join(parts[piece] if index % 2 else piece for index, piece in enumerate(pieces))


def _model() -> dict[str, Any]:
    """Return what the script knows of the engine: the table of kinds, the reasons, the default thresholds."""
    return {
        "kinds": kinds_data(),
        "reasons": [reason.name.lower().replace("_", " ") for reason in Reason],
        "defaults": GestureConfig(),
    }


def _kind_style() -> str:
    """Return the colours of the kinds: variables for light and dark ground, and a class for each kind.

    The colours are Okabe and Ito's, which the colour-blind tell apart; the shapes say the same.
    """
    light, dark = (
        " ".join(f"--{row.name}: {color};" for row, color in zip(KINDS, colors, strict=True))
        for colors in ([row.color for row in KINDS], [row.dark for row in KINDS])
    )
    return "\n".join(
        [
            f":root {{ {light} }}",
            f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]) {{ {dark} }} }}',
            f':root[data-theme="dark"] {{ {dark} }}',
            *(f".kind-{row.name} {{ --kind: var(--{row.name}); }}" for row in KINDS),
            "",
        ]
    )


def _json(value: Any) -> str:
    data = msgspec.json.encode(value)
    for char, escape in _ESCAPES.items():
        data = data.replace(char, escape)
    return data.decode()


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(name: str) -> str:
    return resources.files("capture.report").joinpath(name).read_text(encoding="utf-8")
