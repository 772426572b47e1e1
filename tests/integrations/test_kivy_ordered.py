"""The child under a place by the order of a layout, against looking at all of them."""

from hypothesis import given, settings, strategies as st

from capture.integrations.kivy.targets import in_order


class Box:
    def __init__(self, x, y, width, height):
        self.x, self.y, self.width, self.height = x, y, width, height

    def collide_point(self, x, y):
        return self.x <= x <= self.x + self.width and self.y <= y <= self.y + self.height


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

    # On a common edge of two either is right.
    assert found in hit if hit else found is None
