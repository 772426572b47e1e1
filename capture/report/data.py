"""A recording as the data of a page: columns packed, texts as JSON.

Columns keep their bits, so that the page classifies the very numbers that the engine recorded.
Positions of trails are for the eye alone: eighths of a px and microseconds, as differences.
Of very many strokes measures and trails are rounded (`rounded`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from capture.gestures.config import GestureConfig
from capture.gestures.kinds import KINDS, GestureKind
from capture.gestures.sources import source_of
from capture.report.rounded import rounded_data, trail_to_round
from capture.report.text import shown

if TYPE_CHECKING:
    from capture.report.packed import Packed
    from capture.report.recording import Columns, Recording, Trail

__all__ = ["page_data", "sources", "thresholds"]

#: Type in the page -> columns; int64 becomes float64, which holds each ns of a hundred days.
_COLUMNS = {
    "u1": "kind reason direction dead rage",
    "<f8": "start span_ns",
    "<f4": "x y distance",
    "<i4": "stage target tap_count pointer",
}
#: Of a recording that is rounded, besides its measures.
_ROUNDED = {"u1": "reason", "<i4": "stage target pointer sample_count"}
#: Columns that the rule of another dialect reads.
_VERDICTS = {
    "u1": "begun far",
    "<f4": "slop_distance drag_distance end_distance velocity_x velocity_y margin",
    "<f8": "slop_time",
}
#: Of a chord.
_CHORDS = {
    "u1": "kind reason direction modes",
    "<f4": "x_down y_down x_up y_up scale rotation span_down span_up spread arc shift velocity margin",
    "<f8": "start end",
    "<i4": "fingers stage",
}
#: Columns that only a log has.
_MEASURES = {"<f4": "x_up y_up width height path_length", "<f8": "gap_ns", "<i4": "sample_count"}
_EIGHTH = 8
_FAR = 1e9  # px or ms; farther than any screen or session
#: Margins of other dialects are sent up to this many hundredths; of a rounded recording only near ones.
_MOST_MARGIN, _NEAR_MARGIN = 254, 25

#: Inputs of the page's own rule: the thresholds of the default dialect.
_RULE = ("tap_timeout_ms", "touch_slop_dp", "drag_distance_dp", "fling_velocity_dp_s")
_VELOCITY = ("velocity_strategy", "max_fling_velocity_dp_s")
_MULTI_TAP = ("multi_tap_timeout_ms", "multi_tap_slop_dp")
_RAGE = ("rage_tap_count", "rage_tap_timeout_ms", "rage_tap_radius_dp")
_THRESHOLDS = (*_RULE, *_VELOCITY, *_MULTI_TAP, *_RAGE, "unknown_responsive")
#: Fields of a dialect.
_ROW = tuple(name for name in GestureConfig.__struct_fields__ if name != "dialects")


def thresholds(gestures: GestureConfig) -> dict[str, Any]:
    """Return the thresholds that the page's rule reads."""
    return {name: getattr(gestures, name) for name in _THRESHOLDS}


def sources(gestures: GestureConfig) -> dict[str, str]:
    """Return where each threshold of the why box is from."""
    return {name: source_of(gestures, name) for name in (*_RULE, "hold_ms", "run_hold", "fling_distance_dp")}


def _others(recording: Recording, packed: Packed, most: int) -> dict[str, Any]:
    """Pack the classes of the strokes in the other dialects.

    Words: the number of the kind in the table of kinds, the direction (or the reason, if there is no kind)
    and rage in one byte. Another has the position in a run of taps. Few sets of words occur: each stroke has
    the number of its own. Margins are hundredths, 255 for none.
    """
    numbers = np.zeros(max(GestureKind) + 1, np.uint8)
    numbers[[row.kind for row in KINDS]] = range(len(KINDS))
    words, runs, margins = [], [], []
    for columns in recording.others.values():
        kind = columns["kind"]
        word = np.where(kind == GestureKind.NONE, columns["reason"], columns["direction"])
        words.append(numbers[kind] | (word << 3) | (columns["rage"].astype(np.uint8) << 6))
        runs.append(np.minimum(columns["tap_count"], 255))
        margins.append(np.nan_to_num(np.minimum(columns["margin"] * 100, most), nan=255).round())
    if not words:
        return {"names": []}
    rows = np.stack([*words, *runs], axis=1).astype(np.uint8)
    sets, set_of_row, count = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(-count)
    return {
        "names": list(recording.others),
        "words": packed.column(sets[order].T.reshape(-1), "u1"),
        "of": packed.whole(np.argsort(order)[set_of_row.reshape(-1)]),
        "margins": packed.column(np.concatenate(margins), "u1"),
        "most": most,
    }


def _chords(recording: Recording, packed: Packed) -> dict[str, Any]:
    """Return the chords: columns, and the strokes of each one's fingers."""
    table = recording.chords
    if table is None or not len(table):
        return {"count": 0, "columns": {}, "members": []}
    # In the time of the recording, which may differ from stream to stream.
    own = {int(first): row for row, first in enumerate(recording.columns["first_sample"].tolist())}
    rows = [own[int(first)] for first in table.first_sample.tolist()]
    start = recording.columns["start"][rows]
    columns: Columns = {name: getattr(table, name) for name in table.fields}
    columns["start"], columns["end"] = start, start + columns["duration"]
    columns["stage"] = recording.columns["stage"][rows]
    return {"count": len(table), "columns": packed.columns(columns, _CHORDS), "members": recording.members}


def page_data(recording: Recording, packed: Packed) -> dict[str, Any]:
    """Return the data of the page's script, ready for JSON; columns are in `packed`.

    Measures that follow from others to the last bit are left to the script.
    """
    rounded, gestures = trail_to_round(recording), recording.gestures
    columns = packed.columns(recording.columns, _ROUNDED if rounded is not None else _COLUMNS)
    if recording.table is not None and rounded is None:
        columns |= packed.columns(recording.columns, _MEASURES)
        if not gestures.has_default_rule:
            columns |= packed.columns(recording.columns, _VERDICTS)
    has_mean = gestures.has_default_rule and gestures.velocity_strategy == "mean"
    if recording.table is None or not has_mean:
        columns |= packed.columns(recording.columns, {"<f4": "velocity"})
    return {
        "name": shown(recording.name),
        "format": recording.format,
        "device": shown(recording.device),
        "density": recording.density,
        "startMs": recording.start_ms,
        "length": recording.length,
        "measured": recording.table is not None,
        "dialect": gestures.dialect,
        "plain": gestures.has_default_rule,
        "gestures": thresholds(gestures),
        # All numbers and words of the dialect; in JSON, limits that never apply are null.
        "row": {name: getattr(gestures, name) for name in _ROW},
        "sources": sources(gestures),
        "others": _others(recording, packed, _MOST_MARGIN if rounded is None else _NEAR_MARGIN),
        "chords": _chords(recording, packed),
        "count": len(recording),
        "columns": columns,
        "streams": _streams(recording.columns, packed),
        "stages": [
            [shown(stage.title), int(stage.landscape), stage.width, stage.height, stage.image]
            for stage in recording.stages
        ],
        "targets": [[shown(each.path), shown(each.id), each.responsive] for each in recording.targets],
        "bounds": [[*of, *box] for of, box in recording.bounds.items()],
        "visits": [[each.start, each.end, each.stage] for each in recording.visits],
        "sessions": [[each.start, each.end, each.number] for each in recording.sessions],
        "events": [[each.time, shown(each.kind), shown(each.label)] for each in recording.events],
        "trail": None if recording.trail is None or rounded is not None else _trail(recording.trail, packed),
        "rounded": None if rounded is None else rounded_data(recording, rounded, packed),
        "warnings": [shown(each) for each in recording.warnings],
    }


def _streams(columns: Columns, packed: Packed) -> dict[str, Any]:
    """Return whose strokes they are, as text (an int64 is too large for a script), and a number for each."""
    names, numbers = np.unique(columns["stream"], return_inverse=True)
    return {"names": [str(name) for name in names.tolist()], "of": packed.whole(numbers)}


def _trail(trail: Trail, packed: Packed) -> dict[str, Any]:
    return {
        "counts": packed.whole(np.diff(trail.start)),
        "time": packed.steps(np.clip(trail.time, 0, _FAR * 1e3) * 1e3),
        "x": packed.steps(np.clip(trail.x.astype(np.float64), -_FAR, _FAR) * _EIGHTH),
        "y": packed.steps(np.clip(trail.y.astype(np.float64), -_FAR, _FAR) * _EIGHTH),
    }
