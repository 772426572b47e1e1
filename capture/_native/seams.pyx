"""Ranges of one log, each with a recogniser of its own: where to cut, and strokes that cross a cut.

At a cut at which no touch is open two things of a stream cross it: its last time, which tells whether time
goes back, and its run of taps. A recogniser that begins behind a cut knows of no run. `hand_over` steps
through the beginning of its range again with the recogniser from before the cut, each stream until both have
the same run, and puts the records that this gives in the place of those that were found without.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from capture._native.classify cimport TapRun, Thresholds
from capture._native.output cimport GestureColumns, Output
from capture._native.recognizer cimport Recognizer
from capture._native.record cimport Record, RecordColumns, columns_at, put_record
from capture._native.sample_columns cimport Samples
from capture._native.samples cimport CANCEL, DOWN, MOVE, Columns
from capture._native.state cimport Counters, State, find_touch, open_touches, state_free, state_init, step
from capture._native.streams cimport known_stream, set_density, stream_slot


def find_seam(samples not None):
    """Return the last place in the samples at which no touch is open, as far as they show; -1: there is none.

    Touches from before the samples show as samples without a DOWN: the place is behind the last of them.
    """
    cdef Samples held = Samples(samples)
    cdef State state
    cdef int64_t found
    cdef Thresholds limits
    memset(&limits, 0, sizeof(Thresholds))
    limits.plain = True
    state_init(&state, &limits, 1.0)
    with nogil:
        found = last_seam(&state, &held.columns, held.count)
    state_free(&state)
    if found == -2:
        raise MemoryError
    return found


cdef int64_t last_seam(State *s, const Columns *c, int64_t count) noexcept nogil:
    cdef Record record
    cdef int64_t i, orphans, found = -1
    for i in range(count):
        orphans = s.counters.orphan_samples
        if step(
                s, i, c.stream[i] if c.stream != NULL else 0, c.pointer[i] if c.pointer != NULL else 0,
                c.action[i], c.time[i], c.x[i], c.y[i], &record) < 0:
            return -2
        if s.counters.orphan_samples > orphans:
            found = -1
        elif c.action[i] != DOWN and c.action[i] != MOVE and c.action[i] <= CANCEL and not open_touches(s):
            found = i + 1
    return found


def begin_at(Recognizer recognizer not None, int64_t number):
    """Number the samples of a recogniser from there on."""
    recognizer.state.samples = number


def count_open(Recognizer recognizer not None):
    """Number of open touches."""
    return open_touches(&recognizer.state)


def hand_over(
        Recognizer before not None, Recognizer after not None, GestureColumns out not None,
        parts not None, *, bint going_on):
    """Correct the records of `after` in `out`, from `parts`, its range, for the samples before.

    `before` has seen everything up to that range and has no open touch. Where it is `going_on`, `after` then
    knows everything; else only the state for its counters and open strokes.
    """
    cdef State *b = &before.state
    cdef State *a = &after.state
    cdef uint8_t *pending = <uint8_t *>calloc(b.stream_count + 1, 1)
    cdef Counters counters
    cdef int64_t left
    if pending == NULL:
        raise MemoryError
    try:
        left = mark(b, a, pending)
        counters = b.counters
        if left and correct(b, out, parts, pending, left) < 0:
            raise MemoryError
        if adopt(b, a, pending, going_on) < 0:
            raise MemoryError
        a.counters.orphan_samples += counters.orphan_samples
        a.counters.dropped_samples += counters.dropped_samples
        a.counters.unknown_actions += counters.unknown_actions
        a.counters.clock_regressions += counters.clock_regressions
    finally:
        free(pending)


cdef int64_t mark(const State *b, State *a, uint8_t *pending) noexcept nogil:
    """Mark, and count, the streams that come to the cut with a run of taps and go on behind it."""
    cdef int32_t slot, known
    cdef int64_t left = 0
    for slot in range(a.stream_count):
        if not a.streams[slot].started:
            continue
        known = known_stream(b, a.streams[slot].id)
        if known < 0 or not b.streams[known].started:
            continue
        a.counters.clock_regressions += a.streams[slot].first_time < b.streams[known].last_time
        if b.streams[known].taps.taps:
            pending[known] = True
            left += 1
    return left


cdef int correct(
        State *b, GestureColumns out, parts, uint8_t *pending, int64_t left) except? -1:
    """Step through the range with the state of the range before it and with none, until both agree."""
    cdef State without
    cdef Samples held
    cdef int64_t base = b.samples, row = 0
    b.multi = False     # chords do not depend on earlier ranges, and have been found
    state_init(&without, &b.limits, b.density)
    try:
        for samples in parts:
            held = Samples(samples)
            with nogil:
                left = step_both(
                    b, &without, &held.columns, held.count, base, &out.output, pending, left, &row)
            base += held.count
            if left <= 0:
                break
    finally:
        state_free(&without)
    return -1 if left < 0 else 0


cdef int64_t step_both(
        State *b, State *without, const Columns *c, int64_t count, int64_t base, Output *o,
        uint8_t *pending, int64_t left, int64_t *row) noexcept nogil:
    """Return how many streams are still pending; -1 when there is no memory."""
    cdef Record record, other
    cdef RecordColumns rows
    cdef int64_t i, id
    cdef int32_t slot, shadow, pointer, ended
    columns_at(o.data, 0, &rows)
    for i in range(count):
        id = c.stream[i] if c.stream != NULL else 0
        slot = known_stream(b, id)
        if slot < 0 or not pending[slot]:
            continue
        shadow = known_stream(without, id)
        if shadow < 0:
            shadow = stream_slot(without, id)
            if shadow < 0:
                return -1
            set_density(without, shadow, b.streams[slot].density)
        pointer = c.pointer[i] if c.pointer != NULL else 0
        ended = step(b, base + i, id, pointer, c.action[i], c.time[i], c.x[i], c.y[i], &record)
        if ended < 0 or step(
                without, base + i, id, pointer, c.action[i], c.time[i], c.x[i], c.y[i], &other) < 0:
            return -1
        if not ended:
            continue
        # Strokes end in the same order in both.
        while rows.first_sample[row[0]] != record.first_sample:
            row[0] += 1
        put_record(o.data, row[0], &record)
        if b.streams[slot].open == 0 and alike(&b.streams[slot].taps, &without.streams[shadow].taps):
            pending[slot] = False
            left -= 1
            if left == 0:
                break
    return left


cdef bint alike(const TapRun *one, const TapRun *other) noexcept nogil:
    """Return whether two runs go on in the same way; the places and times are those of the same stroke."""
    return one.taps == other.taps and (one.taps == 0 or one.rage_taps == other.rage_taps)


cdef int adopt(State *b, State *a, const uint8_t *pending, bint going_on) noexcept nogil:
    """Copy to `a` the runs and open strokes that `b` followed from their start; -1: out of memory."""
    cdef int32_t slot, mine
    for slot in range(b.stream_count):
        if not pending[slot] and not going_on:
            continue
        mine = stream_slot(a, b.streams[slot].id)
        if mine < 0:
            return -1
        if not a.streams[mine].started:
            a.streams[mine] = b.streams[slot]
        elif pending[slot]:
            a.streams[mine].taps = b.streams[slot].taps
    # The state of a stroke that is still open, and whether it goes on with a run.
    if a.seen != NULL:
        for mine in range(a.touch_count):
            if not a.touches[mine].used:
                continue
            slot = known_stream(b, a.streams[a.touches[mine].stream].id)
            if slot >= 0 and pending[slot]:
                a.seen[mine] = b.seen[find_touch(b, slot, a.touches[mine].pointer)]
    return 0
