"""Reports of a replay: of each log, and of the whole run."""

from __future__ import annotations

import msgspec

from capture.delivery.base import SinkCounters  # noqa: TC001 - the struct's fields are read at run time

__all__ = ["LogSummary", "Summary"]


class LogSummary(msgspec.Struct):
    """Counts of one log.

    Attributes
    ----------
    path, format, seed : str
        `seed` is the SHA-256 that ids are derived from.
    samples, strokes, events : int
    kinds, reasons : dict of str to int
        Strokes by kind and by reason.
    warnings : dict of str to int
        Counts of skipped, repaired and guessed lines, by cause.
    ignored : dict of str to int
        Samples that the recogniser ignored or doubted, and marks that could not become events.
    """

    path: str
    format: str
    seed: str
    samples: int = 0
    strokes: int = 0
    events: int = 0
    kinds: dict[str, int] = {}
    reasons: dict[str, int] = {}
    warnings: dict[str, int] = {}
    ignored: dict[str, int] = {}


class Summary(msgspec.Struct):
    """Report of a replay; also written as ``summary.json``.

    Attributes
    ----------
    complete : bool
        Whether every log was read to its end and every event was delivered.
    project_id, user_id
        As in the batches.
    sessions, strokes, events : int
    kinds, reasons : dict of str to int
        Strokes by kind and by reason.
    batches : str or None
        The file of the batches, where no sink is configured.
    sinks : dict
        Fates of the events, by sink.
    logs : list of LogSummary
    left_out : dict of str to str
        Files of folders that are no logs, with the reason.
    """

    complete: bool = False
    project_id: int = 0
    user_id: str = ""
    sessions: int = 0
    strokes: int = 0
    events: int = 0
    kinds: dict[str, int] = {}
    reasons: dict[str, int] = {}
    batches: str | None = None
    sinks: dict[str, SinkCounters] = {}
    logs: list[LogSummary] = []
    left_out: dict[str, str] = {}
