"""Touch samples and gestures as Arrow data: the schemas, their check, and text as stream keys.

pyarrow is imported inside the functions: a process that only feeds numpy columns never loads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from capture._native import chords, output
from capture.gestures.kinds import ENUMS, MULTI_ENUMS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

__all__ = [
    "COLUMNS",
    "GESTURES_VERSION",
    "SAMPLES_VERSION",
    "SCHEMA_KEY",
    "StreamKeys",
    "check_schema",
    "file_schema",
    "gesture_schema",
    "is_text",
    "multi_schema",
    "named",
    "of_log",
    "open_reader",
    "sample_columns",
    "sample_schema",
]

#: Metadata key for the name of our schema.
SCHEMA_KEY = b"touchcapture.schema"
SAMPLES_VERSION = b"touch-samples/1"
GESTURES_VERSION = b"gestures/1"
MULTI_VERSION = b"multi/1"

#: Column of samples -> array typecode, buffer formats that need no conversion, words for messages.
COLUMNS: dict[str, tuple[str, frozenset[str], str]] = {
    "stream": ("q", frozenset("ql"), "int64"),
    "pointer": ("i", frozenset("i"), "int32"),
    "action": ("B", frozenset("B"), "uint8"),
    "time": ("q", frozenset("ql"), "int64, ns"),
    "x": ("f", frozenset("f"), "float32, px"),
    "y": ("f", frozenset("f"), "float32, px"),
}
_NEEDED = ("action", "time", "x", "y")
_OPTIONAL = ("stream", "pointer")
_WORDS = {
    "stream": "int64, another integer, or text",
    "pointer": "int32 or another integer",
    "action": "uint8 or another integer",
    "time": "int64 (ns), another integer, or a timestamp",
    "x": "float32 or another number",
    "y": "float32 or another number",
}


def sample_schema() -> pa.Schema:
    """Return the schema of touch samples: the types that are read without a copy."""
    return _schema([(name, letter) for name, (letter, _, _) in COLUMNS.items()], SAMPLES_VERSION)


def gesture_schema(*, keyed: bool = False, verdicts: bool = False) -> pa.Schema:
    """Return the schema of gestures; `keyed` if streams are named by text."""
    return _schema(output.LAYOUT + output.VERDICT * verdicts, GESTURES_VERSION, keyed=keyed)


def multi_schema(*, keyed: bool = False) -> pa.Schema:
    """Return the schema of chords; `keyed` if streams are named by text."""
    return _schema(chords.LAYOUT, MULTI_VERSION, keyed=keyed)


def _schema(layout: Iterable[tuple[str, str]], version: bytes, *, keyed: bool = False) -> pa.Schema:
    """Return columns of (name, buffer format) as a schema."""
    import pyarrow as pa

    # The formats of buffers are those of numpy.
    fields = [pa.field(name, pa.from_numpy_dtype(letter), nullable=False) for name, letter in layout]
    if keyed:
        fields[0] = pa.field("stream", pa.dictionary(pa.int32(), pa.string()), nullable=False)
    return pa.schema(fields, metadata={SCHEMA_KEY: version})


def of_log(table: pa.Table, log: str) -> pa.Table:
    """Return gestures in the schema of files with the log that they are of as their first column."""
    import numpy as np
    import pyarrow as pa

    indices = pa.array(np.zeros(len(table), np.int32))
    column = pa.DictionaryArray.from_arrays(indices, pa.array([log]))
    return table.add_column(0, pa.field("log", column.type, nullable=False), column)


def named(table: pa.Table) -> pa.Table:
    """Return gestures in the schema of files: names for the numbers of kind, reason and direction."""
    import pyarrow as pa

    multi = (table.schema.metadata or {}).get(SCHEMA_KEY) == MULTI_VERSION
    for column, enum in (MULTI_ENUMS if multi else ENUMS).items():
        names = pa.array([member.name.lower() for member in enum])
        places = bytearray(256)
        for index, member in enumerate(enum):
            places[member] = index
        chunks = []
        for chunk in table.column(column).chunks:
            indices = pa.py_buffer(chunk.to_numpy().tobytes().translate(places))
            array = pa.Array.from_buffers(pa.int8(), len(chunk), [None, indices])
            chunks.append(pa.DictionaryArray.from_arrays(array, names, safe=False))
        field = pa.field(column, pa.dictionary(pa.int8(), pa.string()), nullable=False)
        place = table.schema.get_field_index(column)
        table = table.set_column(place, field, pa.chunked_array(chunks, field.type))
    return table


def file_schema(
    *, keyed: bool = False, with_log: bool = False, verdicts: bool = False, multi: bool = False
) -> pa.Schema:
    """Return the schema of gesture files: kinds, reasons and directions by name, the log first if wanted."""
    numbers = multi_schema(keyed=keyed) if multi else gesture_schema(keyed=keyed, verdicts=verdicts)
    table = named(numbers.empty_table())
    return (of_log(table, "") if with_log else table).schema


def check_schema(schema: pa.Schema) -> None:
    """Check that Arrow data can be read as touch samples.

    Raises
    ------
    ValueError
        When a column is missing or there twice, or the schema names another one.
    TypeError
        When columns have the wrong type: one message with the expected type of each.
    """
    version = (schema.metadata or {}).get(SCHEMA_KEY, SAMPLES_VERSION)
    if version != SAMPLES_VERSION:
        raise ValueError(
            f"the data are {version.decode(errors='replace')!r}; expected {SAMPLES_VERSION.decode()!r}"
        )
    missing = [name for name in _NEEDED if name not in schema.names]
    if missing:
        raise ValueError(f"the columns {', '.join(missing)} are missing; there are {', '.join(schema.names)}")
    used = [name for name in (*_OPTIONAL, *_NEEDED) if name in schema.names]
    twice = [name for name in used if schema.names.count(name) > 1]
    if twice:
        raise ValueError(f"the columns {', '.join(twice)} occur more than once")
    wrong = [
        f"column {name!r}: expected {_WORDS[name]}; got {schema.field(name).type}"
        for name in used
        if not _fits(name, schema.field(name).type)
    ]
    if wrong:
        raise TypeError("; ".join(wrong))


def _fits(name: str, kind: pa.DataType) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if name == "stream" and is_text(kind):
        return True
    if name == "time" and types.is_timestamp(kind):
        return True
    return bool(types.is_integer(kind)) or (name in {"x", "y"} and types.is_floating(kind))


def is_text(kind: pa.DataType) -> bool:
    """Return whether a type is text, of any width."""
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def open_reader(data: Any) -> pa.RecordBatchReader | tuple[pa.RecordBatch]:
    """Return Arrow data (``__arrow_c_stream__`` or ``__arrow_c_array__``) as checked batches."""
    import pyarrow as pa

    if isinstance(data, pa.RecordBatch):
        # Query engines hand over many small batches: each should cost little.
        _plan(data.schema)
        return (data,)
    if hasattr(data, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(data)
    else:
        batch = pa.record_batch(data)
        reader = pa.RecordBatchReader.from_batches(batch.schema, [batch])
    check_schema(reader.schema)
    return reader


#: The last schema and its plan: all batches of a log have the same.
_last_plan: tuple[pa.Schema, tuple[tuple[str, int, bool], ...]] | None = None


def _plan(schema: pa.Schema) -> tuple[tuple[str, int, bool], ...]:
    """Check a schema; return (name, index, whether it needs no conversion) for each column of samples."""
    global _last_plan  # noqa: PLW0603 - replaced as a whole: another thread sees the one or the other
    last = _last_plan
    if last is not None and last[0].equals(schema, check_metadata=True):
        return last[1]
    check_schema(schema)
    exact = sample_schema()
    plan = tuple(
        (name, schema.get_field_index(name), bool(schema.field(name).type.equals(exact.field(name).type)))
        for name in (*_OPTIONAL, *_NEEDED)
        if name in schema.names
    )
    _last_plan = schema, plan
    return plan


def sample_columns(batch: pa.RecordBatch, keys: StreamKeys) -> dict[str, Any]:
    """Return a checked record batch as the columns of touch samples, uncopied where the types fit."""
    columns = {}
    for name, place, is_exact in _plan(batch.schema):
        column = batch.column(place)
        if column.null_count:
            raise ValueError(f"column {name!r}: {column.null_count} values are null; every sample needs one")
        if is_exact:
            if name == "stream":
                keys.check(is_text=False)
            columns[name] = column.to_numpy()
        else:
            columns[name] = _plain(name, column, keys)
    return columns


def _plain(name: str, column: pa.Array, keys: StreamKeys) -> Any:
    import pyarrow as pa
    from pyarrow import types

    kind = column.type
    if name == "stream":
        named = is_text(kind.value_type if types.is_dictionary(kind) else kind)
        keys.check(is_text=named)
        if named:
            return keys.numbers(column)
    if types.is_dictionary(kind):
        column = column.dictionary_decode()
    if types.is_timestamp(kind):
        try:
            return column.cast(pa.timestamp("ns", kind.tz)).view(pa.int64())
        except pa.ArrowInvalid as error:
            raise ValueError(f"column {name!r}: {error}") from None
    return column


class StreamKeys:
    """Numbers of streams that are named by text, in the order of their first samples."""

    __slots__ = ("_dictionary", "_entries", "_is_text", "_names", "_numbers")

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: pa.Array | None = None
        self._is_text: bool | None = None
        # The dictionary of the previous batch, and the numbers of its entries (-1: not seen yet).
        self._dictionary: pa.Array | None = None
        self._entries: np.ndarray[Any, Any] | None = None

    @property
    def names(self) -> pa.Array | None:
        """The key of stream n at place n; None if streams are numbers."""
        if not self._is_text:
            return None
        if self._names is None or len(self._names) != len(self._numbers):
            import pyarrow as pa

            self._names = pa.array(self._numbers, pa.string())
        return self._names

    def __contains__(self, key: str) -> bool:
        return key in self._numbers

    def __getitem__(self, key: str) -> int:
        return self._numbers[key]

    def check(self, *, is_text: bool) -> None:
        """Check that one log has only texts or only numbers: both would name the same streams."""
        if self._is_text is None:
            self._is_text = is_text
        elif self._is_text != is_text:
            raise TypeError("column 'stream': text and numbers in one log; expected one of them")

    def numbers(self, column: pa.Array) -> np.ndarray[Any, Any]:
        """Return the numbers of a column of keys (int64)."""
        import numpy as np
        from pyarrow import types

        if not types.is_dictionary(column.type):
            column = column.dictionary_encode()
        dictionary = column.dictionary
        if dictionary.null_count:
            raise ValueError(
                f"column 'stream': {dictionary.null_count} keys are null; every sample needs one"
            )
        if self._entries is None or self._dictionary is None or not dictionary.equals(self._dictionary):
            self._dictionary = dictionary
            self._entries = np.fromiter(
                (self._numbers.get(key, -1) for key in dictionary.to_pylist()), np.int64, len(dictionary)
            )
        indices = column.indices.to_numpy(zero_copy_only=False)
        numbers: np.ndarray[Any, Any] = self._entries[indices]
        if len(numbers) and numbers.min() < 0:
            self._add(column, self._entries)
            numbers = self._entries[indices]
        return numbers

    def _add(self, column: pa.Array, known: np.ndarray[Any, Any]) -> None:
        """Assign numbers to new keys in the order of their samples, independent of chunks."""
        for index in column.indices.unique().to_pylist():
            if known[index] < 0:
                key = column.dictionary[index].as_py()
                known[index] = self._numbers.setdefault(key, len(self._numbers))

    def densities(self, density: Any) -> Any:
        """Return a density with the numbers of the known keys; unknown keys are left out."""
        if not self._is_text or not isinstance(density, Mapping):
            return density
        return {self._numbers[key]: value for key, value in density.items() if key in self._numbers}
