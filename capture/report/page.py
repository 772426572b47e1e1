"""Pages: one HTML file with its style, script and data, which makes no request.

A report has recordings with stage, timeline, table, why box and thresholds; a comparison has two recordings
side by side, their strokes as `compare` matches them.

The content of a log is JSON in which no character can end a script element, and enters the document
as text only. The script is in the page deflated, and so are the columns; a few lines unpack them. A content
security policy allows the style, those lines and the script by their hashes, and nothing else.
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
from capture.report.packed import Packed, deflated
from capture.report.text import shown, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.report.compare import Comparison
    from capture.report.recording import Recording

__all__ = ["build_diff", "build_page"]

#: The parts of the scripts, in order, which share one scope: those of both pages come first.
_SHARED = ("classify", "dialect", "measures", "decode", "rounded", "show", "chords", "stage", "heat", "boxes")
_PAGE = ("timeline", "rows", "table", "why", "tune", "others", "strokes", "logfile", "marks", "drop", "main")
_DIFF = ("why", "rows", "diff")
#: Characters that could end the element that holds the data, or open one; JSON has escapes for them.
_ESCAPED = "<>&\u2028\u2029"


def build_page(recordings: Sequence[Recording], *, title: str | None = None) -> str:
    """Return a report as one self-contained HTML document.

    Parameters
    ----------
    recordings : sequence of Recording
        At least one; with several, the page has a list to choose from.
    title : str, optional
        Of the document; the names of the recordings when not given.
    """
    packed = Packed()
    return _assemble(
        "page.html",
        _PAGE,
        [page_data(recording, packed) for recording in recordings],
        packed,
        title=f"{title or ', '.join(recording.name for recording in recordings)} - touch report",
        styles=["style"],
    )


def build_diff(before: Recording, after: Recording, comparison: Comparison) -> str:
    """Return a comparison as one self-contained HTML document.

    Parameters
    ----------
    before, after : Recording
        Two logs, or the same one read with two configurations.
    comparison : Comparison
        Result of `compare` for them.
    """
    packed = Packed()
    names = dict.fromkeys(each.name for each in (before, after))
    return _assemble(
        "diff.html",
        _DIFF,
        {
            # Classes of other dialects are not compared.
            "recordings": [
                page_data(msgspec.structs.replace(each, others={}), packed) for each in (before, after)
            ],
            "rows": _rows(comparison),
            "settings": _settings(before, after),
            "counts": {
                "changed": len(comparison.changes),
                "matched": comparison.matched,
                "a": len(comparison.only_before),
                "b": len(comparison.only_after),
            },
        },
        packed,
        title=f"{', '.join(names)} - touch comparison",
        styles=["style", "diff"],
    )


def _rows(comparison: Comparison) -> list[tuple[int, int, str | None]]:
    """Return the strokes: row in A, row in B (-1: none), why the class changed (None: it did not)."""
    why = {change.before: change.why for change in comparison.changes}
    rows: list[tuple[int, int, str | None]] = [(a, b, why.get(a)) for a, b in comparison.pairs]
    rows += [(a, -1, None) for a in comparison.only_before]
    rows += [(-1, b, None) for b in comparison.only_after]
    return rows


def _settings(before: Recording, after: Recording) -> list[tuple[str, Any, Any]]:
    """Return the settings that differ: dialect and thresholds."""
    ones, others = (
        {"dialect": each.gestures.dialect, **thresholds(each.gestures)} for each in (before, after)
    )
    return [(name, _shown(ones[name]), _shown(others[name])) for name in ones if ones[name] != others[name]]


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _assemble(
    body: str, scripts: Sequence[str], data: Any, packed: Packed, *, title: str, styles: Sequence[str]
) -> str:
    """Return a page.

    Parameters
    ----------
    body : str
        Name of the HTML file with header, main part and footer.
    scripts, styles : sequence of str
        Names of the page's own parts of the script, and of the parts of its style, in order.
    data : object
        Data of the script, as JSON.
    packed : Packed
        Its columns.
    title : str
        Of the document.
    """
    style = _style(styles)
    script = "\n".join(_text(f"js/{name}.js") for name in (*_SHARED, *scripts))
    script = f'"use strict";\n(async () => {{\n{script}}})();\n'
    unpack = _text("js/unpack.js")
    policy = (
        f"default-src 'none'; script-src '{_hash(unpack)}' '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    # The engine's data for the script.
    model = {
        "kinds": kinds_data(),
        "reasons": [words(reason) for reason in Reason],
        "defaults": thresholds(GestureConfig()),
        "sources": sources(GestureConfig()),
    }
    parts = {
        "policy": html.escape(policy),
        "title": html.escape(shown(title)),
        "body": _text(body).rstrip(),
        "style": style,
        "script": deflated(script.encode()),
        "unpack": unpack,
        "model": _json(model),
        "data": _json(data),
        "columns": packed.text,
    }
    # Split once: inserted text is not searched for placeholders.
    pieces = _text("frame.html").split("@@")
    return "".join(parts[piece] if index % 2 else piece for index, piece in enumerate(pieces))


def _style(styles: Sequence[str]) -> str:
    """Return the style: variables and a class for each kind, and the dark colours for dark systems too.

    The colours of the kinds are Okabe and Ito's, which the colour-blind tell apart; the shapes mean the same.
    """
    sheet = "\n".join(_text(f"{name}.css") for name in styles)
    sheet = sheet.replace("@@light@@", " ".join(f"--{row.name}: {row.color};" for row in KINDS))
    sheet = sheet.replace("@@dark@@", " ".join(f"--{row.name}: {row.dark};" for row in KINDS))
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
