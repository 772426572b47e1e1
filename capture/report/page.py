"""Build a report page: recordings with stage, timeline, table, why box and thresholds in one HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.report.data import page_data
from capture.report.packed import Packed
from capture.report.shell import assemble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.report.recording import Recording

__all__ = ["SCRIPTS", "build_page"]

#: The parts of the script, in order; they share one scope.
SCRIPTS = (
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
    "timeline",
    "rows",
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
    return assemble(
        "page.html",
        SCRIPTS,
        [page_data(recording, packed) for recording in recordings],
        packed,
        title=f"{title or ', '.join(recording.name for recording in recordings)} - touch report",
        styles=["style"],
    )
