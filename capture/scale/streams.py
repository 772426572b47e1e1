"""Record batches of touch samples in, record batches of gestures out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.gestures.arrow import open_reader
from capture.gestures.recognizer import Density, GestureTable, Recognizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from capture.gestures.config import GestureConfig

__all__ = ["as_batch", "classify_stream"]


def classify_stream(
    batches: Iterable[Any] | Any,
    density: Density = 1.0,
    gestures: GestureConfig | None = None,
    *,
    recognizer: Recognizer | None = None,
) -> Iterator[pa.RecordBatch]:
    """Recognise a log that comes in pieces.

    Strokes may be cut anywhere: the records are those of `classify` over all pieces together. Memory
    does not grow with the log, only with the streams that were ever seen (`docs/recognizer.md`).

    Parameters
    ----------
    batches : iterable of Arrow data, or Arrow data
        Record batches, tables or frames of one log, in order; or one thing with
        ``__arrow_c_stream__``, whose batches are taken one by one.
    density : float or mapping, default 1.0
        px per dp, for all streams or for each.
    gestures : GestureConfig, optional
        The thresholds.
    recognizer : Recognizer, optional
        The one to continue with, instead of a fresh one with that density and those thresholds; its
        `counters` have the ignored samples afterwards.

    Yields
    ------
    pyarrow.RecordBatch
        The gestures that a piece ended, if any; at last those that were still open.

    Raises
    ------
    TypeError, ValueError
        When a column is missing or has a wrong type.
    """
    recognizer = Recognizer(density, gestures) if recognizer is None else recognizer
    pieces = open_reader(batches) if hasattr(batches, "__arrow_c_stream__") else batches
    for piece in pieces:
        table = recognizer.feed(piece)
        if len(table):
            yield as_batch(table)
    table = recognizer.finish()
    if len(table):
        yield as_batch(table)


def as_batch(table: GestureTable) -> pa.RecordBatch:
    """Return a table of gestures, which must not be empty, as one record batch."""
    (batch,) = table.to_arrow().to_batches()
    return batch
