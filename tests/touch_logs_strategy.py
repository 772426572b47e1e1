"""Hypothesis strategies: streams of touch samples, human-like and hostile."""

from hypothesis import strategies as st

MS = 1_000_000
EDGES = [0.0, -0.0, 24.0, 48.0, 1e-45, -1e-45, 3.4e38, -3.4e38, float("nan"), float("inf"), float("-inf")]
hostile_position = st.one_of(st.sampled_from(EDGES), st.floats(width=32), st.floats(-300, 300, width=32))
# Steps of 1/64 px: so that scaling by powers of two is exact.
plain_position = st.integers(0, 64_000).map(lambda n: n / 64)
plain_step = st.integers(-1280, 1280).map(lambda n: n / 64)
gaps = st.sampled_from(
    [0, 1, MS, 8 * MS, 16 * MS, 39 * MS, 40 * MS, 40 * MS + 1, 101 * MS, 300 * MS, 2000 * MS]
)
hostile_gaps = st.one_of(gaps, st.sampled_from([-1, -50 * MS, 2**62, -(2**62)]))


@st.composite
def plain_rows(draw, streams=3, pointers=3):
    """Strokes as a well-behaved device reports them, of a few streams and pointers, interleaved by stroke."""
    rows, time = [], draw(st.sampled_from([0, 10**15, -(10**12)]))
    for _ in range(draw(st.integers(1, 12))):
        stream, pointer = draw(st.integers(0, streams - 1)), draw(st.integers(0, pointers - 1))
        x, y = draw(plain_position), draw(plain_position)
        dx, dy = draw(plain_step), draw(plain_step)
        gap, moves = draw(gaps), draw(st.sampled_from([0, 1, 2, 6, 7, 8, 9, 15, 16, 17, 30, 70, 140]))
        end = draw(st.sampled_from([1, 1, 1, 1, 3]))
        for i, action in enumerate([0, *[2] * moves, end]):
            rows.append((stream, pointer, action, time, x + i * dx, y + i * dy))
            time += gap
        time += draw(gaps)
    return rows


@st.composite
def hostile_rows(draw, streams=3, pointers=3):
    """Samples in any order, with any action and position, and clocks that jump."""
    rows, time = [], 0
    row = st.tuples(
        st.integers(0, streams - 1),
        st.integers(0, pointers - 1),
        st.sampled_from([0, 0, 1, 1, 2, 2, 2, 2, 2, 3, 4, 255]),
        hostile_gaps,
        hostile_position,
        hostile_position,
    )
    for stream, pointer, action, gap, x, y in draw(st.lists(row, max_size=60)):
        time = min(max(time + gap, -(2**63)), 2**63 - 1)
        rows.append((stream, pointer, action, time, x, y))
    return rows


@st.composite
def mixed_rows(draw):
    """A plain log with hostile samples strewn in."""
    rows = draw(plain_rows())
    for row in draw(hostile_rows()):
        rows.insert(draw(st.integers(0, len(rows))), row)
    return rows


any_rows = st.one_of(plain_rows(), hostile_rows(), mixed_rows())
strategies = st.sampled_from(["mean", "lsq2", "impulse"])
densities = st.sampled_from([0.75, 1.0, 2.0, 2.75, 10.0])
