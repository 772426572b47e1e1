"""The child under a place by the order of a layout, against looking at all of them."""

from hypothesis import given, settings, strategies as st

from capture.integrations.kivy.targets import in_order


class Box:
    def __init__(self, x, y, width, height):
        self.x, self.y, self.width, self.height = x, y, width, height

    def collide_point(self, x, y):
        return self.x <= x <= self.x + self.width and self.y <= y <= self.y + self.height


def front(boxes, x, y):
    """Return the one that Kivy touches: it asks the children in their order."""
    return next((box for box in boxes if box.collide_point(x, y)), None)


def grid(columns, rows, spacing, *, by_column, backwards):
    cells = [(column, row) for row in range(rows) for column in range(columns)]
    if by_column:
        cells = [(column, row) for column in range(columns) for row in range(rows)]
    boxes = [Box(column * (20 + spacing), row * (10 + spacing), 20, 10) for column, row in cells]
    return boxes[::-1] if backwards else boxes


@settings(max_examples=150, deadline=None)
@given(
    columns=st.integers(1, 8),
    rows=st.integers(1, 30),
    spacing=st.integers(0, 5),
    by_column=st.booleans(),
    backwards=st.booleans(),
    place=st.tuples(st.floats(-10, 220), st.floats(-10, 460)),
)
def test_the_same_child_as_a_look_at_all(columns, rows, spacing, by_column, backwards, place):
    boxes = grid(columns, rows, spacing, by_column=by_column, backwards=backwards)
    hit = [box for box in boxes if box.collide_point(*place)]
    found = in_order(boxes, *place)

    # Of cells that were added column by column either is right on a common edge.
    assert found is front(boxes, *place) or (by_column and found in hit)


@settings(max_examples=150, deadline=None)
@given(
    heights=st.lists(st.sampled_from([0, 10, 25]), min_size=1, max_size=60),
    columns=st.integers(0, 4),
    backwards=st.booleans(),
)
def test_on_the_edges_of_rows_the_child_that_kivy_touches(heights, columns, backwards):
    rows, y = [], 0
    for height in heights:
        # Without columns: a horizontal box.
        row = [Box(20 * column, y, 20, height) for column in range(columns)] or [Box(y, 0, height, 20)]
        rows += row
        y += height
    boxes = rows[::-1] if backwards else rows

    for box in boxes:
        for place in ((box.x, box.y), (box.x + box.width, box.y + box.height), (box.x + 5, box.y)):
            assert in_order(boxes, *place) is front(boxes, *place)
