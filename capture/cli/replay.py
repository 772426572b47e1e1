"""``capture replay``: the main job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from capture.cli._options import Json, Logs, Reading, option, output_option, with_reading
from capture.cli._show import (
    Listed,
    Meter,
    console_for,
    live_strokes,
    plural,
    print_doubts,
    print_json,
    remarks,
    stroke_table,
)
from capture.errors import MESSAGE_CHARS, plain
from capture.events.domain import Scene, screen_of
from capture.events.targets import Target
from capture.gestures.recognizer import Gesture
from capture.replay.run import Replay, Summary

#: Strokes that are listed one by one.
_LISTED = 40

_OUTPUT = output_option("Folder of summary.json and, where no sink is configured, of batches.jsonl.", "DIR")
_SPEED = option(
    "Play the logs in real time (1.0), faster or slower, into a live capture; show strokes as they end."
)


@with_reading
def command(
    *,
    logs: Logs,
    output: Annotated[Path | None, _OUTPUT] = None,
    speed: Annotated[float | None, _SPEED] = None,
    json: Json = False,
    reading: Reading,
) -> None:
    """Deliver recorded logs as batches of events.

    Touches become gestures, gestures become events. Without a configured sink the batches
    go to DIR/batches.jsonl, one a line. The same log gives the same events each time. For sinks of Currents
    records, a log whose times are not since the epoch needs --start-time.

    With --speed a live capture gets the touches at the pace of the log, with its own clock, store, ids and
    sessions, for demos and soak tests. Ctrl-C ends the replay; events that were played are delivered.

    Example: capture replay session.touch.jsonl -o out

    Example: capture replay phone.txt --screen 1080x2340 --density 2.75 -o out

    Example: capture replay session.touch.jsonl --speed 1.0 --config kiosk.toml
    """
    listed: list[Listed] = []

    def note(row: int, gesture: Gesture, scene: Scene, target: Target) -> None:
        if len(listed) < _LISTED:
            first_ns = 0 if job.log is None else job.log.first_ns or 0
            number = row + sum(log.strokes for log in job.summary.logs[:-1])
            screen, _ = screen_of(scene.url)
            name = target.id or target.path.rstrip(">").rpartition(">")[2]
            listed.append(Listed(number, gesture, first_ns, screen, name))

    meter = Meter()
    job = Replay(
        logs,
        output,
        config=reading.config,
        options=reading.options,
        speed=speed,
        on_progress=meter.update,
        on_stroke=note,
        on_gesture=None if json else live_strokes(),
        needs_epoch=True,
    )
    try:
        with meter:
            job.run()
    finally:
        # A failure prints one JSON document too: the error.
        if job.summary.logs and not (json and sys.exc_info()[0]):
            _report(job.summary, listed, json)
    if not job.summary.complete:
        raise typer.Exit(1)


def _report(summary: Summary, listed: list[Listed], json: bool) -> None:
    if json:
        print_json(summary)
        return
    console = console_for()
    if listed:
        console.print(stroke_table(sorted(listed), summary.strokes - len(listed)))
    kinds = ", ".join(f"{count} {_plain(kind)}" for kind, count in summary.kinds.items() if kind != "none")
    reasons = ", ".join(
        f"{count} {_plain(reason)}" for reason, count in summary.reasons.items() if reason != "recognized"
    )
    others = f"; not recognised: {reasons}" if reasons else ""
    console.print(f"{plural(summary.strokes, 'stroke')}: {kinds or 'no gesture'}{others}")
    for path, reason in summary.left_out.items():
        remarks().print(f"{plain(path)}: left out: {plain(reason, MESSAGE_CHARS)}", markup=False)
    for log in summary.logs:
        print_doubts(console, log.warnings, log.ignored, path=log.path)
    for name, sink in summary.sinks.items():
        state = f"{plural(sink.delivered, 'event')} in {plural(summary.sessions, 'session')}"
        if sink.retried:
            state += f", {plural(sink.retried, 'request')} retried"
        if sink.dead_letters:
            state += f", {sink.dead_letters} refused: {sink.last_error}"
        place = summary.batches if summary.batches and name == "file" else f"sink {name}"
        console.print(f"{state} -> {place}", soft_wrap=True)


def _plain(name: str) -> str:
    return name.replace("_", " ")
