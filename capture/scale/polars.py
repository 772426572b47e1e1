"""Polars: frames in, frames out; an expression and a step of a lazy query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.gestures.arrow import gesture_schema
from capture.gestures.recognizer import Density, classify as classify_log
from capture.gestures.samples import COLUMNS
from capture.optional import require

if TYPE_CHECKING:
    import polars as pl

    from capture.gestures.config import GestureConfig

__all__ = ["classify", "expression"]


def classify(
    frame: pl.DataFrame | pl.LazyFrame, density: Density = 1.0, gestures: GestureConfig | None = None
) -> Any:
    """Recognise a frame of touch samples.

    Parameters
    ----------
    frame : polars.DataFrame or polars.LazyFrame
        With the columns of touch samples; columns of their types are not copied.
    density, gestures
        As for `capture.classify`.

    Returns
    -------
    polars.DataFrame or polars.LazyFrame
        As the frame is: one row for each stroke, in the columns of `capture.Gesture`. A lazy frame is
        read whole when it is collected; `capture.scale.classify_stream` takes it piece by piece.
    """
    polars = require("polars")
    if isinstance(frame, polars.LazyFrame):
        return frame.map_batches(
            lambda part: polars.DataFrame(classify_log(_in_chunks(part), density, gestures)),
            schema=_schema(frame.collect_schema().get("stream"), gestures),
        )
    return polars.DataFrame(classify_log(_in_chunks(frame), density, gestures))


def expression(
    density: Density = 1.0, gestures: GestureConfig | None = None, *, keyed: bool = False
) -> pl.Expr:
    """Return an expression over the sample columns that gives a struct for each stroke.

    ``frame.group_by("device").agg(expression()).explode("gesture")`` recognises each group by itself.

    Parameters
    ----------
    density, gestures
        As for `capture.classify`.
    keyed : bool, default False
        Whether the column ``stream`` is text.
    """
    polars = require("polars")

    def run(columns: list[pl.Series]) -> pl.Series:
        samples = polars.DataFrame(dict(zip(COLUMNS, columns, strict=True)))
        found: pl.Series = polars.DataFrame(classify_log(samples, density, gestures)).to_struct("gesture")
        return found

    schema = _schema(polars.String() if keyed else None, gestures)
    found: pl.Expr = polars.map_batches(list(COLUMNS), run, return_dtype=polars.Struct(schema))
    return found.alias("gesture")


def _in_chunks(frame: Any) -> Any:
    """Return the columns of touch samples as a pyarrow Table whose chunks are the frame's.

    A frame hands itself over in one piece: one of several, as lazy queries make them, would be copied.
    """
    return frame.select([name for name in frame.columns if name in COLUMNS]).to_arrow()


def _schema(stream: Any, gestures: GestureConfig | None) -> Any:
    """Return the schema of gestures as Polars has it; `stream` is the type of that column of the samples."""
    polars = require("polars")
    keyed = stream is not None and not stream.is_integer()
    verdicts = gestures is not None and gestures.has_verdicts
    return polars.DataFrame(gesture_schema(keyed=keyed, verdicts=verdicts).empty_table()).schema
