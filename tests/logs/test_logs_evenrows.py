"""Texts of tables that are cut into cells at once: only where each line has as many."""

import json
import tempfile
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings, strategies as st

from capture.errors import TouchLogError
from capture.logs import ReadOptions, csv, open_log
from capture.logs.evenrows import even_cells, number_cells

LINES = st.lists(
    st.lists(st.text("ab1. ", max_size=3), min_size=1, max_size=5).map(",".join), min_size=1, max_size=12
)


@given(LINES, st.integers(2, 4), st.integers(1, 5))
def test_cells_are_those_of_the_lines_or_none(lines, width, rows):
    found = even_cells("\n".join(lines), ",", width, rows)
    split = [line.split(",") for line in lines]

    if any(len(row) != width for row in split):
        assert found is None
        return
    assert found is not None
    pieces = list(found)
    assert ",".join(cells for _, cells in pieces) == ",".join(lines)
    assert all(cells.count(",") == count * width - 1 and 0 < count <= rows for count, cells in pieces)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1,2,3\n4,5", id="fewer"),
        pytest.param("1,2\n3\n4,5,6", id="as-many-in-all"),
        pytest.param("1,2\n\n3,4", id="blank-line"),
        pytest.param("1,ä\n3,4", id="not-ascii"),
        pytest.param("1,2\n3,4\n", id="ends-with-a-line-end"),
    ],
)
def test_other_texts_are_left_to_be_read_by_lines(text):
    assert even_cells(text, ",", 2, 10) is None


NUMBERS = st.lists(
    st.sampled_from(["0", "7", "-3", "1.5", "1.0", "1e3", "01", "+2", " 4", "-0", "nan", "", "a"])
)


@given(NUMBERS, st.sampled_from([",", "\t", ";"]))
def test_cells_that_are_numbers_are_those_of_json_and_others_none(cells, separator):
    def number(cell):
        try:
            return json.loads(cell, parse_constant=int)
        except ValueError:
            return None

    found = number_cells(separator.join(cells), separator, len(cells), ())
    right = [number(cell) for cell in cells]

    assert found == (None if None in right else right)


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        pytest.param("1,2.5,3,4.5", [1, 2.5, 3, 4.5], id="whole"),
        pytest.param("1,2.5,3.0,4.5", None, id="one-has-a-fraction"),
        pytest.param("1,2.5,3", None, id="fewer"),
        pytest.param("1,2.5,3,4.5,6", None, id="more"),
    ],
)
def test_some_columns_have_to_be_of_whole_numbers(cells, found):
    assert number_cells(cells, ",", 4, [slice(0, None, 2)]) == found


def test_a_decimal_comma_is_no_separator():
    assert number_cells("1,5;2", ";", 2, ()) is None


MAP = "pointer=pointer,action=action,time=time,x=x,y=y,time-unit=ms"
CELL = st.sampled_from(["0", "1", "2", "-0", "01", "1.0", "3", " 1", ""])
ROW = st.tuples(CELL, CELL, st.sampled_from(["16", "16.5", "0016", "40"]), st.sampled_from(["1", "1.5", "x"]))


@settings(deadline=None, max_examples=60)
@given(st.lists(ROW, min_size=1, max_size=12), st.integers(1, 4))
def test_a_table_of_numbers_and_text_is_read_as_one_of_text(rows, batch):
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(csv, "_BATCH", batch):
        assert samples(folder, rows, "") == samples(folder, rows, '"')


def samples(folder, rows, quote):
    lines = [",".join(f"{quote}{cell}{quote}" for cell in [*row, "2"]) for row in rows]
    path = Path(folder, "a.csv")
    path.write_text("pointer,action,time,x,y\n" + "\n".join(lines), encoding="ascii")
    try:
        log = open_log(path, options=ReadOptions(columns=MAP))
        return [repr(row) for chunk in log.chunks() for row in chunk.rows()], log.counts
    except TouchLogError as error:
        return str(error)
