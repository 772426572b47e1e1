"""Read a touch log as a `Recording`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from capture.config.run import RunConfig
from capture.gestures.recognizer import GestureTable, classify
from capture.gestures.samples import TouchSamples
from capture.logs import CAUSES, ReadOptions, assumed, open_log
from capture.replay.run import device_of
from capture.report.marks import Marks, Origin
from capture.report.measures import add_measures, dp, members_of, neighbours, others_of, spans
from capture.report.recording import Columns, Recording, Trail

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.logs import TouchLog

__all__ = ["MAX_TRAIL_SAMPLES", "read_log"]

#: Samples of trails that a page carries, at most; more are thinned out (an hour of touching has fewer).
MAX_TRAIL_SAMPLES = 500_000
_COUNTERS = {
    "orphan_samples": "samples without a DOWN were ignored",
    "dropped_samples": "samples without a good position were ignored",
    "unknown_actions": "samples with an unknown action were ignored",
    "clock_regressions": "samples were earlier than the one before them",
}


def read_log(
    path: str,
    *,
    config: RunConfig | None = None,
    options: ReadOptions | None = None,
    on_progress: Callable[[TouchLog], None] | None = None,
) -> Recording:
    """Read a log whole.

    Parameters
    ----------
    path : str
    config : RunConfig, optional
        Thresholds, the inactivity that ends a session, and facts of the device.
    options : ReadOptions, optional
        Facts that the log lacks.
    on_progress : callable, optional
        Called after each chunk.

    Raises
    ------
    TouchLogError
        When it cannot be read.
    """
    config = config or RunConfig.load(default_project_id=0)
    options = options or ReadOptions()
    log = open_log(path, options=options)
    samples = _whole(log, on_progress)
    density = device_of(log, config, options).density
    touches = TouchSamples(**samples)
    table = classify(touches, density=density, gestures=config.gestures.with_verdicts(), multi=True)
    origin = Origin(samples, log.marks)
    columns, trail = _columns(table, origin, density), _trail(table, samples, origin)
    add_measures(columns, touches, config.gestures, density)
    recording = Recording(
        name=Path(path).name,
        format=log.info.format or log.name,
        device=log.info.device or "",
        density=density,
        gestures=config.gestures,
        start_ms=log.info.start_ms,
        table=table,
        columns=columns,
        trail=trail,
        others=others_of(touches, config.gestures, density),
        chords=table.multi,
        members=members_of(table.multi, table) if table.multi is not None else [],
    )
    Marks(recording, log, samples, origin).finish(round(config.session.timeout_s * 1000))
    recording.warnings += _warnings(log, table, trail, config, options)
    return recording


def _whole(log: TouchLog, on_progress: Callable[[TouchLog], None] | None) -> Columns:
    types = {"stream": "<i8", "pointer": "<i4", "action": "u1", "time": "<i8", "x": "<f4", "y": "<f4"}
    parts: dict[str, list[Any]] = {name: [np.empty(0, kind)] for name, kind in types.items()}
    for chunk in log.chunks():
        for name, kind in types.items():
            values = getattr(chunk, name)
            array = np.zeros(len(chunk), kind) if values is None else np.asarray(values, dtype=kind)
            parts[name].append(array)
        if on_progress is not None:
            on_progress(log)
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def _columns(table: GestureTable, origin: Origin, density: float) -> Columns:
    columns: Columns = {name: np.asarray(getattr(table, name)) for name in table.fields}
    columns["start"] = origin.column(columns["stream"], columns["time_down"])
    columns["span_ns"] = spans(columns["time_down"], columns["time_up"])
    columns["end"] = columns["start"] + columns["span_ns"] / 1e6
    columns["x"], columns["y"] = columns["x_down"], columns["y_down"]
    with np.errstate(invalid="ignore", over="ignore"):
        columns["dx"] = dp(columns["x_up"] - columns["x_down"], density)
        columns["dy"] = dp(columns["y_up"] - columns["y_down"], density)
    columns["gap_ns"], columns["apart"] = neighbours(columns, density)
    return columns


def _trail(table: GestureTable, samples: Columns, origin: Origin) -> Trail:
    """Gather the good samples of each stroke: those of its pointer from its first to its last sample."""
    good = np.flatnonzero(np.isfinite(samples["x"]) & np.isfinite(samples["y"]) & (samples["action"] <= 3))
    names = ("stream", "pointer")
    fingers = np.stack([np.concatenate([samples[name][good], getattr(table, name)]) for name in names])
    finger = np.unique(fingers, axis=1, return_inverse=True)[1].reshape(-1)
    # A key that orders samples by finger, then by number: strokes are ranges in it.
    size = len(samples["x"]) + 1
    key = finger[: len(good)] * size + good
    order = np.argsort(key, kind="stable")
    key, good = key[order], good[order]
    base = finger[len(good) :] * size
    low = np.searchsorted(key, base + table.first_sample, side="left")
    high = np.searchsorted(key, base + table.last_sample, side="right")
    count = high - low
    stroke = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(stroke)) - (np.cumsum(count) - count)[stroke]
    step = max(1, -(-len(stroke) // MAX_TRAIL_SAMPLES))
    wanted = (number % step == 0) | (number == count[stroke] - 1)
    start = np.cumsum(np.bincount(stroke[wanted] + 1, minlength=len(count) + 1))
    kept = good[(low[stroke] + number)[wanted]]
    return Trail(
        start=start,
        time=origin.column(samples["stream"][kept], samples["time"][kept]),
        x=samples["x"][kept],
        y=samples["y"][kept],
        thinned=step,
    )


def _warnings(
    log: TouchLog, table: GestureTable, trail: Trail, config: RunConfig, options: ReadOptions
) -> list[str]:
    density = config.device.density or options.density
    warnings = [line for line in [assumed(log, density, options.rotate)] if line]
    warnings += [f"{count} x: {CAUSES.get(cause, cause)}" for cause, count in sorted(log.warnings.items())]
    warnings += [f"{count} {_COUNTERS[cause]}" for cause, count in table.counters.items() if count]
    if trail.thinned > 1:
        warnings.append(f"trails show one of {trail.thinned} samples; measures are of all")
    return warnings
