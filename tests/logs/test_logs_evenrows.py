"""Texts of tables that are cut into cells at once: only where each line has as many."""

import pytest
from hypothesis import given, strategies as st

from capture.logs.evenrows import even_cells

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
    assert [cell for _, cells in pieces for cell in cells] == [cell for row in split for cell in row]
    assert all(len(cells) == count * width and 0 < count <= rows for count, cells in pieces)


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
