"""Aggregations over gestures: views in DuckDB (`stats.sql`) over files of gestures or of events.

The table ``gestures`` has a row for each stroke: ``stream`` (text), ``row``, ``kind``, ``reason`` and
``direction`` by name, ``time_down`` and ``time_up`` (ns), ``duration`` (ms), ``distance`` (dp),
``velocity`` (dp/s), ``tap_count``, ``rage``, and as far as it is known ``screen``, ``target``,
``responsive``, ``x`` and ``y`` (px, of the DOWN), ``screen_width`` and ``screen_height`` (px). Unknown
values are null.
"""

from __future__ import annotations

from importlib.resources import files
from itertools import accumulate, chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError
from capture.formats.currents.files import is_batch_of_records
from capture.gestures.kinds import ENUMS, KINDS
from capture.optional import require
from capture.scale.currents import find_currents, gesture_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import duckdb

    from capture.gestures.kinds import Kind

__all__ = ["VIEWS", "open_stats"]

_MOVING = [row for row in KINDS if row.moves]


def _plural(name: str) -> str:
    return f"{name}es" if name.endswith("s") else f"{name}s"


#: The views that `capture stats` shows, each with its description.
VIEWS = {
    "kinds": "Strokes by kind, and the reasons of those that are no gesture",
    "screens": "Gestures by screen, dead and rage rates",
    "targets": "Gestures by target",
    "time_between_taps": "Time between taps of a stream (ms)",
    "speeds": f"How fast {' and '.join(_plural(row.label) for row in _MOVING)} are (dp/s)",
    "steps": "From target to target",
    "funnel": "Streams that reached each step",
}

_BATCHES = "batches.jsonl"
#: Columns with the owner of a file's streams; the first that it has counts.
_OWNERS = ("device_id", "user_id")
_NEEDED = ("stream", "kind", "time_down", "time_up")
#: Columns of every file of touch samples.
_OF_SAMPLES = frozenset({"action", "time", "x", "y"})
#: Column of `gestures` -> its type, where a file of gestures may lack it.
_OPTIONAL = {
    "reason": "varchar",
    "direction": "varchar",
    "duration": "double",
    "distance": "float",
    "velocity": "float",
    "tap_count": "integer",
    "rage": "boolean",
    "screen": "varchar",
    "target": "varchar",
    "responsive": "boolean",
    "screen_width": "integer",
    "screen_height": "integer",
}
#: Column of `gestures` -> column of a file: where the finger came down (px).
_PLACE = {"x": "x_down", "y": "y_down"}

# Screens hold from their mark on; a target belongs to the stroke that begins next with its finger.
_MARKED = """
create table gestures as
with marks as (
    select
        cast(stream as varchar) as stream, time, mark, name, pointer, coalesce(id, path) as target, responsive
    from read_json({files}, format = 'newline_delimited', union_by_name = true, columns = {{
        mark: 'varchar', time: 'bigint', stream: 'bigint', name: 'varchar', pointer: 'integer',
        path: 'varchar', id: 'varchar', responsive: 'boolean'}})
),
plain as (
    select *, lag(time_up) over (partition by stream, pointer order by time_down, row) as free_since
    from plain_gestures
)
select plain.* exclude (stream_hash, screen, target, responsive, pointer, free_since),
    plain.free_since is null or met.time >= plain.free_since as is_met,
    coalesce(plain.screen, shown.name) as screen,
    coalesce(plain.target, case when is_met then met.target end) as target,
    coalesce(plain.responsive, case when is_met then met.responsive end) as responsive
from plain
asof left join (select * from marks where mark = 'screen') as shown
    on plain.stream = shown.stream and plain.time_down >= shown.time
asof left join (select * from marks where mark = 'target') as met
    on plain.stream = met.stream and plain.pointer = met.pointer and plain.time_down >= met.time
"""

# The batches of a replay: gestures are the events with a target; their screens are in their addresses,
# the reasons only in records.
_EVENTS = """
create table gestures as
with events as (
    select uid as stream, unnest(pl) as event
    from read_json({files}, format = 'newline_delimited', columns = {{
        uid: 'varchar',
        pl: 'struct(ea integer, t bigint, url varchar, tvp varchar, tvid varchar, ur boolean, fd integer,
            tvd integer, tvv integer)[]'}})
)
select
    stream,
    row_number() over () as row,
    {kind} as kind,
    'recognized' as reason,
    {direction} as direction,
    event.t * 1000000 as time_down,
    event.t * 1000000 as time_up,
    null::double as duration,
    event.tvd::float as distance,
    event.tvv::float as velocity,
    null::integer as tap_count,
    null::boolean as rage,
    nullif(url_decode(replace(regexp_extract(event.url, '[?&]title=([^&]*)', 1), '+', ' ')), '') as screen,
    coalesce(nullif(event.tvid, ''), nullif(event.tvp, '')) as target,
    event.ur as responsive,
    null::integer as screen_width,
    null::integer as screen_height,
    null::float as x,
    null::float as y
from events
where event.tvp is not null
"""


# The files of a gateway: a stream is a user.
_FLEET = """
create view gestures as
select
    user_id as stream,
    row_number() over (order by user_id, time, uptime_ms) as row,
    event_name as kind,
    'recognized' as reason,
    {direction} as direction,
    epoch_ms(time) * 1000000 as time_down,
    epoch_ms(time) * 1000000 as time_up,
    null::double as duration,
    distance::float as distance,
    velocity::float as velocity,
    null::integer as tap_count,
    null::boolean as rage,
    nullif(url_decode(replace(regexp_extract(url, '[?&]title=([^&]*)', 1), '+', ' ')), '') as screen,
    coalesce(nullif(target_id, ''), nullif(target_path, '')) as target,
    responsive,
    null::integer as screen_width,
    null::integer as screen_height,
    null::float as x,
    null::float as y
from read_parquet({files}, union_by_name = true)
where target_path is not null
"""


def open_stats(folder: str | Path, funnel: Sequence[str] = ()) -> duckdb.DuckDBPyConnection:
    """Return a connection with the table ``gestures`` of a folder and the views over it.

    Parameters
    ----------
    folder : path
        With Parquet files of gestures, at any depth, and the marks of their logs (``*.marks.jsonl``)
        where there are any. Or with the events of a gateway, or with the ``batches.jsonl`` of replays or of
        file sinks, at any depth and in either wire format, or with files of Currents records, Avro or JSON.
        Files of touch samples, which `capture convert` writes together with the marks, are left out.
    funnel : sequence of str
        Targets that are to be reached one after the other.

    Raises
    ------
    ConfigError
        When there is neither, or a file is no file of gestures.
    """
    if Path(folder).is_file():
        raise ConfigError(f"{folder}: is a file: expected its folder")
    engine = require("duckdb")
    connection: duckdb.DuckDBPyConnection = engine.connect(config={"preserve_insertion_order": False})
    try:
        _fill(connection, Path(folder), funnel)
    except (engine.Error, ConfigError) as error:
        connection.close()
        line = str(error).splitlines()[0]
        raise ConfigError(line if line.startswith(str(folder)) else f"{folder}: {line}") from None
    return connection


def _fill(connection: Any, folder: Path, funnel: Sequence[str]) -> None:
    tables, batches, marks = (
        sorted(str(path) for path in folder.rglob(pattern))
        for pattern in ("*.parquet", _BATCHES, "*.marks.jsonl")
    )
    fleet = _fleet_files(connection, tables) if tables else []
    gestures = [] if fleet or not tables else _gesture_files(connection, tables)
    records = [path for path in map(Path, batches) if is_batch_of_records(path)]
    native = [path for path in batches if Path(path) not in records]
    records += find_currents(folder)
    if fleet:
        connection.execute(_FLEET.format(files=_list(fleet), direction=_name_of("direction", "direction")))
    elif gestures:
        _read_gestures(connection, gestures, marks)
    elif native:
        # Both formats of an app hold the same events: the one with measures is not read beside the other.
        names = {"kind": _name_of("kind", "event.ea"), "direction": _name_of("direction", "event.fd")}
        connection.execute(_EVENTS.format(files=_list(native), **names))
    elif records:
        _read_records(connection, records)
    else:
        others = ": touch samples alone, classify them first" if tables else ""
        raise ConfigError(
            f"{folder}: no Parquet files of gestures there, no {_BATCHES} and no Currents{others}"
        )
    connection.execute(
        "create view if not exists strokes as select *, hash(stream) as stream_hash from gestures"
    )
    connection.execute("create table funnel_steps (step integer, target varchar)")
    for step in enumerate(funnel, 1):
        connection.execute("insert into funnel_steps values (?, ?)", step)
    connection.execute(_views())


def _read_records(connection: Any, paths: list[Path]) -> None:
    """Make the table of gestures from Currents records, each once."""
    arrow = require("pyarrow")
    batches = gesture_batches(paths)
    first = next(batches, None)
    if first is None:
        raise ConfigError("no gestures in the Currents records")
    reader = arrow.RecordBatchReader.from_batches(first.schema, chain([first], batches))
    connection.register("currents_records", reader)
    connection.execute(
        "create table gestures as select * exclude (id), row_number() over () as row, "
        "null::integer as screen_width, null::integer as screen_height from "
        "(select distinct on (id) * from currents_records)"
    )
    connection.unregister("currents_records")


def _views() -> str:
    """Return the SQL of the views; parts that depend on kinds are written from their table."""
    written = {
        "    -- counts of all kinds": _counts(KINDS),
        "    -- counts of kinds at a place": _counts([row for row in KINDS if row.event == "target"]),
        "MOVING": _list([row.name for row in _MOVING], "()"),
        "TAPS": _list([row.name for row in KINDS if row.runs], "()"),
    }
    sql = files("capture.scale").joinpath("stats.sql").read_text("utf-8")
    for place, text in written.items():
        sql = sql.replace(place, text)
    return sql


def _counts(rows: Iterable[Kind]) -> str:
    names = {row.name: "unrecognised" if row.event is None else _plural(row.name) for row in rows}
    return "\n".join(f"    count(*) filter (kind = '{name}') as {column}," for name, column in names.items())


def _fleet_files(connection: Any, paths: list[str]) -> list[str]:
    """Return the files of a gateway."""
    query = f"select file_name from parquet_schema({_list(paths)}) where name = 'event_name'"  # noqa: S608 - paths, quoted
    return [row[0] for row in connection.execute(query).fetchall()]


def _gesture_files(connection: Any, paths: list[str]) -> list[str]:
    """Return the files of gestures; those of touch samples are none."""
    query = f"select file_name, list(name) from parquet_schema({_list(paths)}) group by file_name"  # noqa: S608 - paths, quoted
    columns = {path: set(names) for path, names in connection.execute(query).fetchall()}
    gestures = [path for path in paths if "kind" in columns[path] or not columns[path] >= _OF_SAMPLES]
    for path in gestures:
        missing = [name for name in _NEEDED if name not in columns[path]]
        if missing:
            raise ConfigError(f"{path}: not a file of gestures: the columns {', '.join(missing)} are missing")
    return gestures


def _read_gestures(connection: Any, paths: list[str], marks: list[str]) -> None:
    source = f"read_parquet({_list(paths)}, union_by_name = true, hive_partitioning = false)"
    described = connection.execute(f"describe select * from {source}").fetchall()  # noqa: S608 - paths, quoted
    kinds = {row[0]: row[1] for row in described}
    # Streams of several devices in one file may have the same number.
    owner = next((name for name in _OWNERS if name in kinds), None)
    prefix = f"cast({owner} as varchar) || '/' || " if owner else ""
    rows_before = f"list_extract({_rows_before(connection, paths)}, file_index::bigint + 1)"
    columns = [
        f"{prefix}cast(stream as varchar) as stream",
        f"hash({f'{owner}, ' if owner else ''}stream) as stream_hash",
        f"{rows_before} + file_row_number + 1 as row",
        f"{_named('kind', kinds['kind'])} as kind",
        "time_down",
        "time_up",
        "pointer" if "pointer" in kinds else "0 as pointer",
    ]
    for name, kind in _OPTIONAL.items():
        value = _named(name, kinds[name]) if name in kinds else f"null::{kind}"
        columns.append(f"{value} as {name}")
    columns += [f"{each if each in kinds else 'null'}::float as {name}" for name, each in _PLACE.items()]
    plain = f"select {', '.join(columns)} from {source}"  # noqa: S608 - names of ours; paths, quoted
    if marks:
        connection.execute(f"create temporary table plain_gestures as {plain}")
        connection.execute(_MARKED.format(files=_list(marks)))
        connection.execute("drop table plain_gestures")
    else:
        connection.execute(f"create view strokes as {plain}")
        connection.execute("create view gestures as select * exclude (stream_hash) from strokes")


def _rows_before(connection: Any, paths: list[str]) -> list[int]:
    """Return how many rows are in the files before each: a numbering that threads need not wait for."""
    query = f"select file_name, num_rows from parquet_file_metadata({_list(paths)})"  # noqa: S608 - paths, quoted
    rows = dict(connection.execute(query).fetchall())
    return list(accumulate((rows[path] for path in paths[:-1]), initial=0))


def _named(column: str, kind: str) -> str:
    """Return SQL for a column as text, whether the file has names or numbers."""
    is_text = column not in ENUMS or kind == "VARCHAR" or kind.startswith("ENUM")
    return column if is_text else _name_of(column, column)


def _name_of(column: str, number: str) -> str:
    """Return SQL for the name of a number; an unknown number is its own name."""
    names = " ".join(f"when {int(member)} then '{member.name.lower()}'" for member in ENUMS[column])
    return f"case {number} {names} else cast({number} as varchar) end"


def _list(texts: list[str], brackets: str = "[]") -> str:
    quoted = ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
    return f"{brackets[0]}{quoted}{brackets[1]}"
