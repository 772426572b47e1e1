"""What a capture did so far, frozen at the moment of asking."""

from __future__ import annotations

import msgspec

__all__ = ["Stats"]


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """Counts since the start of this process's capture; what is `pending` includes what was stored before.

    Attributes
    ----------
    collected : int
        Events recorded.
    pending : int
        Events that are stored and not acknowledged, by the slowest sink.
    delivered : int
        Events acknowledged, over all sinks.
    retried : int
        Requests that were made again.
    deferred : int
        Events that waited in memory because the store was busy.
    dead_letters : int
        Events given up, with a reason, and kept aside.
    dropped : dict of str to int
        Events lost, by cause.
    ignored : dict of str to int
        Samples and calls without an effect, by cause.
    gestures : dict of str to int
        Strokes by kind (``tap``, ..., ``none``), and ``rage`` and ``dead`` taps among them.
    hook : {"raw", "merged", None}
        How a toolkit's touches reach the engine: every sample, one for each frame, or no toolkit.
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
    hook: str | None = None
