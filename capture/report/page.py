"""Build a report page: one HTML file with its style, script and data, which makes no request.

The content of a log is JSON in which no character can end a script element, and enters the document
as text only. A content security policy allows the one style and the one script by their hashes, and
nothing else.
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
from capture.report.data import page_data, sources, thresholds
from capture.report.text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.report.recording import Recording

__all__ = ["SCRIPTS", "build_page"]

#: The parts of the script, in order; they share one scope.
SCRIPTS = (
    "classify",
    "dialect",
    "decode",
    "show",
    "chords",
    "stage",
    "heat",
    "timeline",
    "table",
    "why",
    "tune",
    "others",
    "strokes",
    "logfile",
    "marks",
    "drop",
    "main",
)
#: Characters that could end the element that holds the data, or open one; JSON has escapes for them.
_ESCAPED = "<>&\u2028\u2029"


def build_page(recordings: Sequence[Recording], *, title: str | None = None) -> str:
    """Return a report as one self-contained HTML document.

    Parameters
    ----------
    recordings : sequence of Recording
        At least one; the page has a list to choose from where there are more.
    title : str, optional
        Of the document; the names of the recordings when not given.
    """
    style = _style()
    script = '"use strict";\n(() => {\n' + "\n".join(_text(f"js/{name}.js") for name in SCRIPTS) + "})();\n"
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
    # Split once: inserted text is not searched for placeholders.
    pieces = _text("page.html").split("@@")
    return "".join(parts[piece] if index % 2 else piece for index, piece in enumerate(pieces))


def _model() -> dict[str, Any]:
    """Return what the script knows of the engine: kinds, reasons, default thresholds."""
    return {
        "kinds": kinds_data(),
        "reasons": [reason.name.lower().replace("_", " ") for reason in Reason],
        "defaults": thresholds(GestureConfig()),
        "sources": sources(GestureConfig()),
    }


def _style() -> str:
    """Return the style: variables and a class for each kind, and the dark colours for dark systems too.

    The colours of the kinds are Okabe and Ito's, which the colour-blind tell apart; the shapes say the same.
    """
    light, dark = (
        " ".join(f"--{row.name}: {getattr(row, ground)};" for row in KINDS) for ground in ("color", "dark")
    )
    sheet = _text("style.css").replace("@@light@@", light).replace("@@dark@@", dark)
    dark_block = sheet.partition(':root[data-theme="dark"]')[2].partition("}")[0]
    return "\n".join(
        [
            sheet,
            f'@media (prefers-color-scheme: dark) {{ :root:not([data-theme="light"]){dark_block}}} }}',
            *(f".kind-{row.name} {{ --kind: var(--{row.name}); }}" for row in KINDS),
        ]
    )


def _json(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    for char in _ESCAPED:
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _text(name: str) -> str:
    return resources.files("capture.report").joinpath(name).read_text(encoding="utf-8")
