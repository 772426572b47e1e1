"""Logs cut into ranges: the records are those of one recogniser, to the last bit, wherever the cuts are."""

import random
from functools import partial

import numpy as np
import pytest
from adverse_logs import adverse, taps
from dialect_streams import DOWN, MOVE
from example_count import EXAMPLES

from capture import GestureConfig, Recognizer, TouchSamples, classify
from capture._native import chords, output, seams
from capture.gestures import threads
from capture.gestures.chords import MultiTable
from capture.gestures.dialects import ROWS
from capture.gestures.recognizer import GestureTable

#: Samples from one place of a cut to the next: fewer places in emulation.
EVERY = 1 if EXAMPLES >= 100 else 5
DENSITIES = {0: 2.75, 1: 1.0, 2: 1.5}


def table_of(log, config, places, *, multi):
    """Recognise a log that is cut at some samples."""
    ranges = threads.cut_at([log], places)
    recognizers = [Recognizer(DENSITIES, config) for _ in ranges]
    make_columns = partial(output.GestureColumns, verdicts=config.has_verdicts)
    ended = chords.MultiColumns() if multi else None
    columns, known = threads.feed_ranges(recognizers, ranges, make_columns, ended)
    return GestureTable(columns, known.counters, None, None if ended is None else MultiTable(ended, None))


def digest(table):
    """All of a table as bytes: NaN is NaN."""
    columns = tuple(getattr(table, name).tobytes() for name in table.fields)
    multi = table.multi
    return columns, table.counters, multi and tuple(map(repr, multi))


@pytest.mark.parametrize("multi", [False, True], ids=["strokes", "chords"])
@pytest.mark.parametrize("dialect", ROWS)
def test_a_cut_anywhere_changes_nothing(dialect, multi):
    """At every sample, whether a stroke is open there or not."""
    config = GestureConfig(dialect=dialect, verdict_columns=True)
    log = TouchSamples.from_rows(adverse(ROWS["contentsquare"] | ROWS[dialect], 1))
    expected = digest(classify(log, DENSITIES, config, multi=multi))

    for place in range(1, len(log), EVERY):
        assert digest(table_of(log, config, [place], multi=multi)) == expected, place


@pytest.mark.parametrize("dialect", ["contentsquare", "android", "flutter_scroll", "hammer"])
@pytest.mark.parametrize("seed", range(4))
def test_several_cuts_change_nothing(dialect, seed):
    config = GestureConfig(dialect=dialect)
    log = TouchSamples.from_rows(adverse(ROWS["contentsquare"] | ROWS[dialect], seed))
    expected = digest(classify(log, DENSITIES, config, multi=True))
    rng = random.Random(seed)

    for count in (2, 3, 5, 8):
        places = sorted(rng.sample(range(1, len(log)), count))
        assert digest(table_of(log, config, places, multi=True)) == expected, places


@pytest.mark.parametrize("dialect", ["contentsquare", "android"])
def test_cuts_between_strokes_of_a_long_log_change_nothing(dialect):
    """Where kernels measure; in one stream and in several, one after the other and again."""
    rng = random.Random(3)
    rows = []
    for number in range(400):
        rows += taps(rng, number % 3 if number % 7 else 0, 4, number * 10**9)
    log = TouchSamples.from_rows(rows)
    bare = TouchSamples(action=log.action, time=log.time, x=log.x, y=log.y)
    config = GestureConfig(dialect=dialect)
    for samples in (log, bare):
        expected = digest(classify(samples, DENSITIES, config))
        for place in rng.sample(range(0, len(log), 3), 40):
            places = sorted({place, place // 2 // 3 * 3} - {0})

            assert digest(table_of(samples, config, places, multi=False)) == expected, places


def test_threads_share_a_long_log_to_the_same_bits():
    rows = taps(random.Random(5), 0, 2 * threads.LEAST_SAMPLES // 3 + 10)
    log = TouchSamples.from_rows(rows)
    assert len(threads.cut([log], 2)) == 2
    table = classify(log)

    for out in (None, classify(log), classify(log[:300])):
        assert digest(classify(log, threads=2, out=out)) == digest(table)


def test_shares_of_streams_give_the_same_records():
    log = TouchSamples.from_rows(adverse(ROWS["contentsquare"], 2))
    recognizers = [Recognizer(DENSITIES) for _ in range(3)]
    ended = chords.MultiColumns()
    columns = threads.feed_shares(recognizers, [log], multi=ended)
    expected = classify(log, DENSITIES, multi=True)
    table = GestureTable(columns, {}, None, MultiTable(ended, None))

    assert digest(table)[0] == digest(expected)[0]
    assert list(map(repr, table.multi)) == list(map(repr, expected.multi))


def test_a_log_is_cut_where_no_stroke_is_open():
    rng = random.Random(1)
    rows = taps(rng, 0, 30)
    log = TouchSamples.from_rows(rows)

    assert seams.find_seam(log) == len(log)
    assert seams.find_seam(log[:-1]) == len(log) - 3
    assert seams.find_seam(log[:2]) == -1
    # The second finger stays down: what is cut behind it is not known to be free.
    both = TouchSamples.from_rows([(0, 1, DOWN, 0, 1.0, 1.0), *rows, (0, 1, MOVE, 10**12, 1.0, 1.0)])
    assert seams.find_seam(both) == -1
    assert seams.find_seam(both[1:]) == -1


def test_streams_that_are_interleaved_are_not_cut():
    """Of a hundred fingers some are always down."""
    count = 100
    action = np.concatenate([np.zeros(count), np.full(count * 400, 2), np.ones(count)]).astype(np.uint8)
    stream = np.tile(np.arange(count, dtype=np.int64), 402)
    place = np.zeros(len(action), np.float32)
    log = TouchSamples(
        stream=stream, action=action, time=np.arange(len(action), dtype=np.int64), x=place, y=place
    )

    assert len(threads.cut([log], 2)) == 1


def test_a_part_of_a_table_is_checked():
    columns = output.GestureColumns(8)

    with pytest.raises(ValueError, match="records 4 to 13 of 8"):
        columns.part(4, 9)
    with pytest.raises(ValueError, match="9 records: there is room for 8"):
        columns.fill(9)
    part = columns.part(0, 8)
    with pytest.raises(BufferError):
        columns.clear()
    del part
    columns.clear()
