"""Counts of a capture, frozen at the moment of the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from capture.delivery.base import SinkCounters
from capture.store.sink_reports import read_reports

if TYPE_CHECKING:
    from capture.engine.lifecycle import Lifecycle
    from capture.engine.recorder import Recorder
    from capture.engine.telemetry import Telemetry
    from capture.engine.touches import Touches

__all__ = ["SinkStats", "Stats", "read_stats"]


class SinkStats(SinkCounters, kw_only=True):
    """Counts of one sink since the start of this process's capture.

    Attributes
    ----------
    pending : int
        Events stored and not acknowledged; those of earlier runs included.
    stored : int
        Events stored for it. Over all runs these are delivered, dropped, dead letters or pending.
    dropped : int
        Of these, events lost.
    delivered, dead_letters : int
        Events accepted, and events given up.
    retried : int
        Requests that failed and are made again.
    paused : str
        Why delivery to the sink is paused; empty if it is not.
    last_error : str
        The last failure; empty after a success.
    """

    pending: int = 0
    stored: int = 0
    dropped: int = 0


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """Counts since the start of this process's capture; `pending` includes events of earlier runs.

    Attributes
    ----------
    collected : int
        Events recorded.
    pending : int
        Events stored and not acknowledged, by the slowest sink.
    delivered : int
        Events acknowledged, over all sinks.
    retried : int
        Requests that failed and are made again, over all sinks.
    deferred : int
        Events that waited in memory because the store was busy.
    dead_letters : int
        Events given up, with a reason, and kept aside, over all sinks.
    dropped : dict of str to int
        Events lost, by cause.
    ignored : dict of str to int
        Samples and calls without an effect, by cause.
    gestures : dict of str to int
        Strokes by kind (``tap``, ..., ``none``), and ``rage`` and ``dead`` taps among them.
    chords : dict of str to int
        Gestures of several fingers, by kind (``pinch``, ..., ``none``).
    hook : {"raw", "merged", None}
        How a toolkit's touches reach the engine: every sample, one for each frame, or no toolkit.
    sinks : dict of str to SinkStats
        The counts of each sink by its name.
    recording : {"yes", "not_opted_in", "paused", "sampled_out", "disabled", "store", "closed"}
        Whether events are recorded now, or why not. ``store``: the user opted in earlier, and the store
        cannot be opened.
    """

    collected: int = 0
    pending: int = 0
    delivered: int = 0
    retried: int = 0
    deferred: int = 0
    dead_letters: int = 0
    dropped: dict[str, int] = {}
    ignored: dict[str, int] = {}
    gestures: dict[str, int] = {}
    chords: dict[str, int] = {}
    hook: str | None = None
    sinks: dict[str, SinkStats] = {}
    recording: str = "yes"


def read_stats(recorder: Recorder, touches: Touches, telemetry: Telemetry, lifecycle: Lifecycle) -> Stats:
    """Return the counts that the parts of a capture keep."""
    store, pending, delivery = lifecycle.app_data.store, lifecycle.pending(), lifecycle.delivery
    counters = {} if delivery is None else delivery.counters
    dropped = {**({} if store is None else store.dropped), **recorder.dropped}
    # How a sink is, the process that delivers knows.
    others = {} if store is None or store.delivers else read_reports(store.folder)
    sinks = {}
    for sink in lifecycle.sinks:
        counted = msgspec.structs.asdict(counters.get(sink.name, SinkCounters()))
        if (report := others.get(sink.name)) is not None:
            counted |= {name: getattr(report, name) for name in ("state", "since", "attempts", "last_error")}
            counted["paused"] = report.last_error if report.state == "paused" else ""
        known = store is not None and sink.name in store.formats
        sinks[sink.name] = SinkStats(
            pending=pending.get(sink.name, 0),
            stored=store.stored_of(sink.name) if store is not None and known else 0,
            dropped=store.dropped_of(sink.name) if store is not None and known else 0,
            **counted,
        )
        dropped |= {f"{sink.name}_{cause}": count for cause, count in sink.not_sent.items()}
    ignored = {**touches.ignored, **recorder.ignored, **telemetry.failures}
    return Stats(
        collected=recorder.collected,
        pending=max(pending.values(), default=0),
        delivered=sum(each.delivered for each in sinks.values()),
        retried=sum(each.retried for each in sinks.values()),
        deferred=0 if store is None else store.deferred_count,
        dead_letters=sum(each.dead_letters for each in sinks.values()),
        dropped=dropped,
        ignored={cause: count for cause, count in ignored.items() if count},
        gestures=dict(telemetry.strokes),
        chords=dict(telemetry.chords),
        hook=telemetry.hook,
        sinks=sinks,
        recording=lifecycle.recording,
    )
