"""Polars and DuckDB give what classify gives."""

import sys

import numpy as np
import pyarrow as pa
import pytest

from capture import ConfigError, GestureConfig, classify
from capture.gestures import FIELDS
from capture.scale import duckdb as of_duckdb, polars as of_polars

NAMES = np.array(["anna", "bert", "cleo", "dana"])
SETTINGS = {"density": 2.0, "gestures": GestureConfig(touch_slop_dp=10)}


@pytest.fixture
def pl():
    return pytest.importorskip("polars")


@pytest.fixture
def connection():
    with pytest.importorskip("duckdb").connect() as opened:
        yield opened


@pytest.fixture
def expected(samples):
    return classify(samples, **SETTINGS).to_arrow()


@pytest.fixture
def keyed(columns):
    return pa.table({**columns, "stream": pa.array(NAMES[columns["stream"]])})


def test_a_frame_gives_a_frame(pl, columns, expected):
    found = of_polars.classify(pl.DataFrame(columns), **SETTINGS)

    assert found.equals(pl.DataFrame(expected))
    assert found.columns == list(FIELDS)


def test_a_frame_in_pieces_gives_the_same(pl, columns, expected):
    frame = pl.DataFrame(columns)
    pieces = pl.concat([frame[:100], frame[100:101], frame[101:]], rechunk=False)

    assert pieces.n_chunks() == 3
    assert of_polars.classify(pieces, **SETTINGS).equals(pl.DataFrame(expected))


def test_a_lazy_frame_is_a_step_of_its_query(pl, columns, expected):
    query = of_polars.classify(pl.LazyFrame(columns).filter(pl.col("time") >= 0), **SETTINGS)
    slowest = query.filter(pl.col("duration") > 100).select("duration", "stream")

    assert query.collect_schema() == pl.DataFrame(expected).schema
    assert query.collect().equals(pl.DataFrame(expected))
    assert slowest.collect().equals(
        pl.DataFrame(expected).filter(pl.col("duration") > 100).select("duration", "stream")
    )


def test_an_expression_gives_structs(pl, columns, expected):
    found = pl.DataFrame(columns).select(of_polars.expression(**SETTINGS)).unnest("gesture")

    assert found.equals(pl.DataFrame(expected))


def test_an_expression_recognises_each_group_by_itself(pl, columns):
    frame = pl.DataFrame(columns)
    grouped = frame.group_by("stream", maintain_order=True).agg(of_polars.expression().alias("each"))

    for stream, gestures in grouped.iter_rows():
        alone = classify(frame.filter(pl.col("stream") == stream))
        assert [each["distance"] for each in gestures] == alone.distance.tolist()
        assert [each["first_sample"] for each in gestures] == alone.first_sample.tolist()


@pytest.mark.parametrize("kind", ["String", "Categorical", "Enum"])
@pytest.mark.parametrize("lazy", [False, True], ids=["eager", "lazy"])
def test_polars_names_streams_by_text(pl, keyed, kind, lazy):
    dtype = {"String": pl.String, "Categorical": pl.Categorical, "Enum": pl.Enum(sorted(NAMES))}[kind]
    frame = pl.DataFrame(keyed).with_columns(pl.col("stream").cast(dtype))
    found = of_polars.classify(frame.lazy() if lazy else frame)

    assert found.lazy().collect()["stream"].cast(pl.String).to_list() == (
        classify(keyed).to_arrow()["stream"].to_pylist()
    )


def test_a_relation_gives_arrow(connection, table, expected):
    connection.register("touches", table)
    found = of_duckdb.classify(connection.sql("from touches"), **SETTINGS)

    assert found.combine_chunks().equals(expected.combine_chunks())


def test_types_of_duckdb_are_taken(connection, table, expected):
    connection.register("touches", table)
    relation = connection.sql(
        "select stream::utinyint as stream, pointer::bigint as pointer, action::integer as action, "
        "make_timestamp_ns(time) as time, x::double as x, y::double as y from touches"
    )

    assert of_duckdb.classify(relation, **SETTINGS).combine_chunks().equals(expected.combine_chunks())


def test_duckdb_names_streams_by_text(connection, keyed):
    connection.register("touches", keyed)
    found = of_duckdb.classify(connection.sql("from touches"))  # noqa: F841 - the next query reads it by its name
    names = connection.sql("select stream from found").fetchall()

    assert [name for (name,) in names] == classify(keyed).to_arrow()["stream"].to_pylist()


def test_what_duckdb_stored_is_read_piece_by_piece(connection, monkeypatch, table, expected):
    monkeypatch.setattr(of_duckdb, "_BATCH", 64)
    connection.register("touches", table)
    connection.execute("create table kept as from touches")
    reader = of_duckdb.stream(connection.sql("from kept"), **SETTINGS)

    assert reader.read_next_batch().num_rows < len(expected) / 2
    assert reader.read_all().num_rows > len(expected) / 2


@pytest.mark.parametrize(
    ("module", "call", "extra"),
    [
        ("polars", lambda: of_polars.classify(None), "polars"),
        ("polars", of_polars.expression, "polars"),
        ("duckdb", lambda: of_duckdb.classify(None), "duckdb"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(monkeypatch, module, call, extra):
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(
        ConfigError, match=rf"this needs the package {module}: pip install 'touchcapture\[{extra}\]'"
    ):
        call()


def test_a_frame_in_pieces_is_not_copied(pl, columns):
    frame = pl.DataFrame(columns).with_columns(extra=pl.lit("x"))
    pieces = pl.concat([frame[:100], frame[100:101], frame[101:]], rechunk=False)
    handed = of_polars._in_chunks(pieces)
    places = [chunk.buffers()[1].address + 8 * chunk.offset for chunk in handed["time"].chunks]
    lies = [piece.to_arrow() for piece in pieces["time"].get_chunks()]

    assert handed.column_names == list(columns)
    assert places == [each.buffers()[1].address + 8 * each.offset for each in lies]
    assert len(places) == 3
