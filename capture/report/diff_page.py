"""Build a page of two recordings side by side: their strokes as `compare` matches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from capture.report.data import page_data, thresholds
from capture.report.packed import Packed
from capture.report.shell import assemble

if TYPE_CHECKING:
    from capture.report.compare import Comparison
    from capture.report.recording import Recording

__all__ = ["build_diff"]

#: The parts of the script, in order.
_SCRIPTS = (
    "classify",
    "dialect",
    "measures",
    "decode",
    "rounded",
    "show",
    "chords",
    "stage",
    "heat",
    "boxes",
    "why",
    "rows",
    "diff",
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
    return assemble(
        "diff.html",
        _SCRIPTS,
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
    pairs = [("dialect", before.gestures.dialect, after.gestures.dialect)]
    ones, others = thresholds(before.gestures), thresholds(after.gestures)
    pairs += [(name, ones[name], others[name]) for name in ones]
    return [(name, _text(one), _text(other)) for name, one, other in pairs if one != other]


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
