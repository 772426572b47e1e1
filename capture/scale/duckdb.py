"""DuckDB: a relation in, Arrow out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.gestures.arrow import gesture_schema
from capture.optional import require
from capture.scale.streams import classify_stream

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from capture.gestures.config import GestureConfig
    from capture.gestures.recognizer import Density

__all__ = ["classify", "stream"]

#: Samples that DuckDB hands over at a time (3.6 MB of columns).
_BATCH = 1 << 17


def classify(
    relation: duckdb.DuckDBPyRelation, density: Density = 1.0, gestures: GestureConfig | None = None
) -> pa.Table:
    """Recognise the touch samples of a relation.

    The relation is read piece by piece, in its own order: ``order by`` is up to its query. ``stream``
    may be of any integer type, or text; ``time`` may be a timestamp.

    Parameters
    ----------
    relation : duckdb.DuckDBPyRelation
        With the columns of touch samples.
    density, gestures
        As for `capture.classify`.

    Returns
    -------
    pyarrow.Table
        The gestures; DuckDB reads it again by the name of its variable in a query.
    """
    return stream(relation, density, gestures).read_all()


def stream(
    relation: duckdb.DuckDBPyRelation, density: Density = 1.0, gestures: GestureConfig | None = None
) -> pa.RecordBatchReader:
    """Recognise the touch samples of a relation, and give the gestures as they come, as `classify` does.

    The connection of the relation is taken until the reader is at its end.
    """
    import pyarrow as pa

    require("duckdb")
    reader = relation.to_arrow_reader(_BATCH)
    keyed = "stream" in reader.schema.names and not pa.types.is_integer(reader.schema.field("stream").type)
    schema = gesture_schema(keyed=keyed, verdicts=gestures is not None and gestures.has_verdicts)
    return pa.RecordBatchReader.from_batches(schema, classify_stream(reader, density, gestures))
