"""What holds for every input: one result however driven, and the symmetries of the rules."""

import math

import numpy as np
import pytest
from example_count import EXAMPLES, examples
from hypothesis import HealthCheck, given, settings, strategies as st
from reference import Reference
from strokes import CANCEL, DOWN, MOVE, UP, bits
from touch_logs_strategy import any_rows, densities, plain_rows, strategies

from capture import GestureConfig, Recognizer, TouchSamples, classify
from capture._native import batch, output
from capture.gestures import FIELDS, KERNELS, Gesture

# make soak sets this to 20,000; the suite itself stays quick.
many = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
VELOCITIES = {"velocity", "velocity_x", "velocity_y"}


def columns(rows):
    return TouchSamples.from_rows(rows)


def config(strategy):
    return GestureConfig(velocity_strategy=strategy)


def table_bits(gestures):
    return [bits(gesture, FIELDS) for gesture in gestures]


def whole(rows, strategy="mean", density=1.0, **options):
    return classify(columns(rows), density=density, gestures=config(strategy), **options)


def close(ours, theirs):
    """Equal, or neighbours as float32."""
    ours, theirs = np.float32(ours), np.float32(theirs)
    with np.errstate(all="ignore"):
        return ours == theirs or abs(ours - theirs) <= np.spacing(max(abs(ours), abs(theirs)))


@many
@given(rows=any_rows, strategy=strategies, density=densities)
def test_records_equal_the_reference(rows, strategy, density):
    expected = Reference(density=density, velocity_strategy=strategy).feed(rows).finish()
    table = whole(rows, strategy, density)

    assert table.counters == expected.counters
    assert len(table) == len(expected.records)
    for gesture, record in zip(table, expected.records, strict=True):
        for name in FIELDS:
            ours, theirs = getattr(gesture, name), record[name]
            if name in VELOCITIES:
                assert close(ours, theirs), name
            elif isinstance(ours, float) and math.isnan(ours):
                assert math.isnan(theirs), name
            else:
                assert ours == theirs, name
                assert math.copysign(1, ours) == math.copysign(1, theirs), name


@many
@given(rows=any_rows, strategy=strategies, cuts=st.lists(st.integers(1, 40), min_size=1, max_size=12))
def test_chunks_of_any_size_give_the_same_records(rows, strategy, cuts):
    recognizer = Recognizer(gestures=config(strategy))
    log, gestures, at, turn = columns(rows), [], 0, 0
    while at < len(log):
        size = cuts[turn % len(cuts)]
        gestures += recognizer.feed(log[at : at + size])
        at, turn = at + size, turn + 1
    gestures += recognizer.finish()
    table = whole(rows, strategy)

    assert table_bits(gestures) == table_bits(table)
    assert recognizer.counters == table.counters


@many
@given(rows=any_rows, strategy=strategies)
def test_sample_by_sample_gives_the_same_records(rows, strategy):
    rows = [row for row in rows if row[2] <= CANCEL]
    recognizer = Recognizer(gestures=config(strategy))
    calls = {DOWN: recognizer.down, MOVE: recognizer.move, UP: recognizer.up, CANCEL: recognizer.cancel}
    gestures = [
        calls[action](pointer, x, y, time, stream=stream) for stream, pointer, action, time, x, y in rows
    ]
    gestures = [gesture for gesture in gestures if gesture is not None] + list(recognizer.finish())

    assert table_bits(gestures) == table_bits(whole(rows, strategy))


@many
@given(rows=any_rows, strategy=strategies, threads=st.integers(2, 5))
def test_threads_give_the_same_records(rows, strategy, threads):
    table, threaded = whole(rows, strategy), whole(rows, strategy, threads=threads)

    assert table_bits(threaded) == table_bits(table)
    assert threaded.counters == table.counters


@pytest.mark.parametrize("kernel", range(1, len(KERNELS)), ids=KERNELS[1:])
@many
@given(rows=any_rows, strategy=strategies, density=densities)
def test_every_kernel_gives_the_same_records(kernel, rows, strategy, density):
    recognizer, table, log = Recognizer(density, config(strategy)), output.GestureColumns(), columns(rows)
    batch.feed(recognizer, table, log, kernel=kernel)
    batch.finish(recognizer, table)
    records = [table.record(i, Gesture) for i in range(len(table))]

    assert table_bits(records) == table_bits(whole(rows, strategy, density))


@many
@given(rows=any_rows, strategy=strategies)
def test_interleaved_streams_give_what_each_gives_alone(rows, strategy):
    together = whole(rows, strategy)
    for stream in {row[0] for row in rows}:
        alone = whole([row for row in rows if row[0] == stream], strategy)
        names = [name for name in FIELDS if name not in {"first_sample", "last_sample"}]
        mine = [gesture for gesture in together if gesture.stream == stream]

        # Strokes that are still open at the end come in the order of their DOWNs in both.
        assert [bits(g, names) for g in mine] == [bits(g, names) for g in alone]


@many
@given(rows=plain_rows(streams=1, pointers=1), strategy=strategies)
def test_leaving_out_stream_and_pointer_means_zeros(rows, strategy):
    log = columns(rows)
    bare = TouchSamples(action=log.action, time=log.time, x=log.x, y=log.y)

    assert table_bits(classify(bare, gestures=config(strategy))) == table_bits(whole(rows, strategy))


def without(gesture, *names):
    return bits(gesture, [name for name in FIELDS if name not in names])


@many
@given(rows=plain_rows(), strategy=strategies, seconds=st.sampled_from([10**9, -(10**9)]))
def test_a_shift_of_time_changes_times_only(rows, strategy, seconds):
    shifted = [(s, p, a, t + seconds * 10**9, x, y) for s, p, a, t, x, y in rows]
    table, moved = whole(rows, strategy), whole(shifted, strategy)

    assert [without(g, "time_down", "time_up") for g in moved] == [
        without(g, "time_down", "time_up") for g in table
    ]
    assert (moved.time_up - table.time_up == seconds * 10**9).all()


MIRROR = {0: 0, 1: 1, 2: 2, 3: 4, 4: 3, 5: 5}
SWAP = {0: 0, 1: 3, 2: 4, 3: 1, 4: 2, 5: 5}


@many
@given(rows=plain_rows(), strategy=strategies)
def test_mirroring_x_swaps_left_and_right(rows, strategy):
    table = whole(rows, strategy)
    mirrored = whole([(s, p, a, t, -x, y) for s, p, a, t, x, y in rows], strategy)

    assert mirrored.kind.tolist() == table.kind.tolist()
    sideways = np.abs(table.x_up - table.x_down) > 0
    expected = [
        MIRROR[d] if moved else d for d, moved in zip(table.direction.tolist(), sideways, strict=True)
    ]
    assert mirrored.direction.tolist() == expected
    assert (mirrored.velocity_x == -table.velocity_x).all()


@many
@given(rows=plain_rows(), strategy=strategies)
def test_swapping_the_axes_turns_directions(rows, strategy):
    table = whole(rows, strategy)
    swapped = whole([(s, p, a, t, y, x) for s, p, a, t, x, y in rows], strategy)

    assert swapped.kind.tolist() == table.kind.tolist()
    tie = np.abs(table.x_up - table.x_down) == np.abs(table.y_up - table.y_down)
    for mine, other, even in zip(table.direction.tolist(), swapped.direction.tolist(), tie, strict=True):
        assert even or other == SWAP[mine]
    assert (swapped.width == table.height).all()


@many
@given(rows=plain_rows(), strategy=strategies, factor=st.sampled_from([0.25, 0.5, 2.0]))
def test_scaling_positions_and_density_alike_changes_nothing(rows, strategy, factor):
    scaled = [(s, p, a, t, x * factor, y * factor) for s, p, a, t, x, y in rows]
    places = ("x_down", "y_down", "x_up", "y_up")
    table, other = whole(rows, strategy, density=3.0), whole(scaled, strategy, density=3.0 * factor)

    assert [without(g, *places) for g in other] == [without(g, *places) for g in table]


@many
@given(rows=plain_rows(), strategy=strategies)
def test_exact_duplicates_of_moves_change_counts_only(rows, strategy):
    doubled = [row for row in rows for _ in range(2 if row[2] == MOVE else 1)]
    # Where segments fall into other partial sums, the path may round differently.
    names = ("sample_count", "first_sample", "last_sample", "path_length")
    table, other = whole(rows, strategy), whole(doubled, strategy)

    assert [without(g, *names) for g in other] == [without(g, *names) for g in table]
    assert other.path_length == pytest.approx(table.path_length, rel=1e-5)


@given(rows=any_rows)
@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
def test_every_down_gives_one_record(rows):
    table = whole(rows)

    assert len(table) == sum(row[2] == DOWN for row in rows)
    ends = table.reason < 4  # the others may end at an earlier sample
    assert (np.diff(table.last_sample[ends]) > 0).all()


@pytest.mark.parametrize("streams", [1, 100_000], ids=["one-stream", "many-streams"])
def test_many_open_strokes_stay_linear(streams):
    """64 pointers down in one stream, or one in each of 100,000: far within a test's patience."""
    count = 64 if streams == 1 else streams
    stream = np.zeros(count, np.int64) if streams == 1 else np.arange(count) * 7919 - 2**40
    pointer = (np.arange(count) * 65537 * (streams == 1) - 2**31).astype(np.int32)
    rounds = 20
    log = TouchSamples(
        stream=np.tile(stream, rounds),
        pointer=np.tile(pointer, rounds),
        action=np.repeat(np.array([0, *[2] * (rounds - 2), 1], np.uint8), count),
        time=np.arange(count * rounds, dtype=np.int64),
        x=np.zeros(count * rounds, np.float32),
        y=np.zeros(count * rounds, np.float32),
    )
    table = classify(log)

    assert len(table) == count
    assert (table.sample_count == rounds).all()
    assert (table.reason == (2 if streams == 1 else 0)).all()
