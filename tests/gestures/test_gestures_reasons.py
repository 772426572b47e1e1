"""Reasons, their precedence, and bad samples (gestures.md, section 3)."""

import math

import pytest
from strokes import CANCEL, DOWN, INF, MOVE, NAN, UP, samples, stroke

from capture import Direction, GestureKind, Reason, TouchSamples, classify

NO_COUNTS = {"orphan_samples": 0, "dropped_samples": 0, "unknown_actions": 0, "clock_regressions": 0}


def rows(*given):
    """Classify (pointer, action, ms, x, y) rows of one stream."""
    return classify(
        TouchSamples.from_rows([(0, p, action, round(ms * 1e6), x, y) for p, action, ms, x, y in given])
    )


def counts(**changed):
    return {**NO_COUNTS, **changed}


def test_a_lone_stroke_is_recognized():
    table = rows((0, DOWN, 0, 0, 0), (0, UP, 50, 0, 0))

    assert table.reason.tolist() == [Reason.RECOGNIZED]
    assert table.counters == NO_COUNTS


def test_both_strokes_that_overlap_are_multi_touch():
    table = rows((0, DOWN, 0, 0, 0), (1, DOWN, 10, 50, 0), (0, UP, 20, 0, 0), (1, UP, 30, 50, 0))

    assert table.reason.tolist() == [Reason.MULTI_TOUCH] * 2
    assert table.pointer.tolist() == [0, 1]


def test_multi_touch_stays_with_a_stroke_after_the_other_finger_left():
    table = rows(
        (0, DOWN, 0, 0, 0),
        (1, DOWN, 1, 9, 9),
        (1, UP, 2, 9, 9),
        (0, UP, 3, 0, 0),
        (0, DOWN, 9, 0, 0),
        (0, UP, 10, 0, 0),
    )

    assert table.reason.tolist() == [Reason.MULTI_TOUCH, Reason.MULTI_TOUCH, Reason.RECOGNIZED]


def test_fingers_of_two_streams_are_not_multi_touch():
    table = classify(samples(stroke((0, 0, 0), (9, 0, 0)), stroke((5, 0, 0), (10, 0, 0), stream=1)))

    assert table.reason.tolist() == [Reason.RECOGNIZED] * 2


def test_a_cancel_counts_its_position_like_an_up():
    table = rows((0, DOWN, 0, 0, 0), (0, CANCEL, 50, 60, 0))

    assert table[0].reason == Reason.CANCELED
    assert (table[0].distance, table[0].x_up, table[0].sample_count) == (60.0, 60.0, 2)
    assert (table[0].kind, table[0].direction) == (GestureKind.NONE, Direction.NONE)


def test_a_second_down_ends_the_stroke_as_incomplete():
    table = rows((0, DOWN, 0, 0, 0), (0, MOVE, 10, 5, 0), (0, DOWN, 20, 9, 9), (0, UP, 30, 9, 9))

    assert table.reason.tolist() == [Reason.INCOMPLETE, Reason.RECOGNIZED]
    assert (table[0].time_up, table[0].x_up, table[0].last_sample) == (10_000_000, 5.0, 1)


def test_open_strokes_end_as_incomplete_in_the_order_of_their_downs():
    table = rows((2, DOWN, 0, 0, 0), (1, DOWN, 5, 0, 0), (0, DOWN, 9, 0, 0), (1, MOVE, 11, 3, 0))

    assert table.reason.tolist() == [Reason.INCOMPLETE] * 3
    assert table.pointer.tolist() == [2, 1, 0]


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@pytest.mark.parametrize("axis", [0, 1], ids="xy")
def test_a_down_without_a_position_is_malformed(bad, axis):
    place = [1.0, 1.0]
    place[axis] = bad
    table = rows((0, DOWN, 0, *place), (0, MOVE, 10, 5, 6), (0, UP, 20, 7, 8))
    gesture = table[0]

    assert gesture.reason == Reason.MALFORMED
    assert (gesture.x_up, gesture.y_up, gesture.sample_count) == (7.0, 8.0, 3)
    assert (gesture.duration, gesture.distance, gesture.velocity, gesture.path_length) == (0.0, 0.0, 0.0, 0.0)
    assert (gesture.time_down, gesture.time_up) == (0, 20_000_000)
    assert not math.isfinite((gesture.x_down, gesture.y_down)[axis])
    assert table.counters == NO_COUNTS


def test_a_malformed_stroke_without_a_good_sample_ends_where_it_was_given():
    table = rows((0, DOWN, 0, NAN, 3), (0, UP, 20, INF, 8))

    assert math.isnan(table[0].x_up)
    assert (table[0].y_up, table[0].sample_count, table[0].last_sample) == (3.0, 1, 1)
    assert table.counters == counts(dropped_samples=1)


def test_a_malformed_pointer_counts_as_down():
    table = rows((0, DOWN, 0, NAN, 0), (1, DOWN, 5, 0, 0), (1, UP, 9, 0, 0), (0, UP, 10, 0, 0))

    assert table.reason.tolist() == [Reason.MULTI_TOUCH, Reason.MALFORMED]


def overlap(down_x, end):
    """A stroke in the dead band that another finger overlaps and that ends as given."""
    given = [(0, DOWN, 0, down_x, 0), (1, DOWN, 1, 0, 0), (1, UP, 2, 0, 0), (0, MOVE, 3, 30, 0)]
    return given + ([] if end is None else [(0, end, 4, 30, 0)])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(overlap(NAN, CANCEL), Reason.MALFORMED, id="malformed-first"),
        pytest.param(overlap(NAN, None), Reason.MALFORMED, id="malformed-before-incomplete"),
        pytest.param(overlap(0, CANCEL), Reason.CANCELED, id="canceled-before-multi-touch"),
        pytest.param(overlap(0, None), Reason.INCOMPLETE, id="incomplete-before-multi-touch"),
        pytest.param(overlap(0, UP), Reason.MULTI_TOUCH, id="multi-touch-before-dead-band"),
        pytest.param(
            [(0, DOWN, 0, 0, 0), (0, UP, 4, 30, 0)], Reason.BETWEEN_SLOP_AND_DRAG, id="dead-band-last"
        ),
    ],
)
def test_the_first_reason_that_applies_is_given(given, expected):
    table = rows(*given)

    assert table.reason[table.pointer == 0].tolist() == [expected]
    assert table.kind[table.pointer == 0].tolist() == [GestureKind.NONE]


@pytest.mark.parametrize("action", [MOVE, UP, CANCEL])
@pytest.mark.parametrize("x", [0.0, NAN])
def test_a_sample_without_a_down_is_an_orphan_whatever_its_position(action, x):
    table = rows((0, action, 0, x, 0), (0, DOWN, 1, 0, 0), (0, UP, 2, 0, 0))

    assert table.reason.tolist() == [Reason.RECOGNIZED]
    assert table.counters == counts(orphan_samples=1)
    assert table[0].first_sample == 1


def test_a_move_without_a_position_is_dropped():
    table = rows((0, DOWN, 0, 0, 0), (0, MOVE, 1, NAN, 500), (0, MOVE, 2, 0, INF), (0, UP, 3, 1, 1))

    assert table.counters == counts(dropped_samples=2)
    assert (table[0].sample_count, table[0].last_sample, table[0].kind) == (2, 3, GestureKind.TAP)


@pytest.mark.parametrize(("end", "reason"), [(UP, Reason.RECOGNIZED), (CANCEL, Reason.CANCELED)])
def test_an_end_without_a_position_ends_at_the_last_good_one(end, reason):
    table = rows((0, DOWN, 0, 0, 0), (0, MOVE, 10, 4, 0), (0, end, 600, NAN, 0))
    gesture = table[0]

    assert (gesture.reason, gesture.x_up, gesture.sample_count) == (reason, 4.0, 2)
    assert (gesture.time_up, gesture.last_sample, gesture.duration) == (600_000_000, 2, 600.0)
    assert table.counters == counts(dropped_samples=1)


@pytest.mark.parametrize("action", [4, 5, 7, 255])
def test_an_unknown_action_is_ignored_and_counted(action):
    table = rows((0, DOWN, 0, 0, 0), (0, action, 900, 999, 0), (0, UP, 10, 0, 0))

    assert table.counters == counts(unknown_actions=1)
    assert (table[0].kind, table[0].sample_count) == (GestureKind.TAP, 2)


def test_a_sample_earlier_than_its_streams_last_is_used_and_counted():
    table = rows((0, DOWN, 10, 0, 0), (0, MOVE, 5, 30, 0), (0, UP, 5, 60, 0))

    assert table.counters == counts(clock_regressions=1)
    assert table[0].distance == 60.0


def test_ignored_samples_do_not_move_the_clock():
    table = rows(
        (0, DOWN, 10, 0, 0), (0, 9, 99, 0, 0), (1, MOVE, 99, 0, 0), (0, MOVE, 99, NAN, 0), (0, UP, 20, 0, 0)
    )

    assert table.counters == counts(unknown_actions=1, orphan_samples=1, dropped_samples=1)


def test_a_sample_is_in_one_counter_only():
    table = rows((0, DOWN, 10, 0, 0), (0, UP, 5, NAN, 0), (0, DOWN, 1, NAN, 0), (0, UP, 2, 1, 0))

    assert table.counters == counts(dropped_samples=1)


def test_streams_have_clocks_of_their_own():
    table = classify(samples(stroke((1000, 0, 0), (1010, 0, 0)), stroke((0, 0, 0), (10, 0, 0), stream=5)))

    assert table.counters == NO_COUNTS


def test_the_log_may_be_empty():
    table = classify(TouchSamples(action=[], time=[], x=[], y=[]))

    assert len(table) == 0
    assert table.kind.tolist() == []
    assert table.counters == NO_COUNTS
