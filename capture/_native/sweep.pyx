"""Recorded measures under other thresholds: the same `decide` and `count_tap` as the recogniser's."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free

from capture._native.classify cimport (
    BETWEEN_SLOP_AND_DRAG, NONE, RECOGNIZED, TapRun, Thresholds, count_tap, decide, read_thresholds, to_dp,
)
from capture._native.output cimport GestureColumns, Output
from capture._native.record cimport Record, get_record


def same_length(lengths):
    """Check that columns have the length of the first."""
    for length in lengths:
        if length != lengths[0]:
            raise ValueError(f"the columns differ in length: {length} and {lengths[0]}")


def is_plain(gestures not None):
    """Return whether a configuration decides as the default dialect does, by recorded measures alone."""
    cdef Thresholds limits
    read_thresholds(gestures, &limits)
    return bool(limits.plain)


cdef class Measures:
    """Recorded strokes, in the order in which they ended.

    `tables` hold the records, all of which must stay as they are; `slot` numbers the streams from 0 without
    gaps; `density` is px per dp of each stroke.
    """

    cdef list tables
    cdef const int32_t[::1] slot
    cdef const double[::1] density
    cdef int32_t slots

    def __init__(self, list tables not None, const int32_t[::1] slot, const double[::1] density):
        cdef Py_ssize_t i, count = slot.shape[0]
        cdef GestureColumns table
        same_length([count, density.shape[0], sum([len(each) for each in tables])])
        self.slots = 0
        for i in range(count):
            if slot[i] < 0 or slot[i] > count:
                raise ValueError(f"slot {slot[i]}: expected numbers without gaps")
            self.slots = max(self.slots, slot[i] + 1)
        for table in tables:
            table.exports += 1  # keeps them from being cleared
        self.tables, self.slot, self.density = tables, slot, density

    def __dealloc__(self):
        cdef GestureColumns table
        for table in self.tables or ():
            table.exports -= 1

    def __len__(self):
        return self.slot.shape[0]

    def classify(
            self, gestures not None, uint8_t[::1] kind not None, uint8_t[::1] reason not None,
            uint8_t[::1] direction not None, int32_t[::1] tap_count not None, uint8_t[::1] rage not None):
        """Fill the columns that depend on thresholds; the velocity strategy is in the measures."""
        cdef Thresholds limits
        cdef TapRun *runs
        cdef GestureColumns table
        cdef Py_ssize_t first = 0, count = self.slot.shape[0]
        same_length([
            count, kind.shape[0], reason.shape[0], direction.shape[0], tap_count.shape[0], rage.shape[0]])
        read_thresholds(gestures, &limits)
        if not limits.plain:
            raise ValueError("only the default dialect is decided by recorded measures")
        if count == 0:
            return
        runs = <TapRun *>calloc(self.slots, sizeof(TapRun))
        if runs == NULL:
            raise MemoryError
        for table in self.tables:
            if table.output.count:
                with nogil:
                    fill(
                        &table.output, &limits, runs, &self.slot[first], &self.density[first],
                        &kind[first], &reason[first], &direction[first], &tap_count[first], &rage[first])
                first += table.output.count
        free(runs)


cdef void fill(
        const Output *strokes, const Thresholds *limits, TapRun *runs, const int32_t *slot,
        const double *density, uint8_t *kind, uint8_t *reason, uint8_t *direction, int32_t *tap_count,
        uint8_t *rage) noexcept nogil:
    cdef Record r
    cdef int64_t i
    for i in range(strokes.count):
        get_record(strokes.data, i, &r)
        r.kind = r.direction = NONE
        if r.reason == RECOGNIZED or r.reason == BETWEEN_SLOP_AND_DRAG:
            # The same difference of the same float32 as at the stroke's end.
            decide(&r, limits, to_dp(r.x_up - r.x_down, density[i]), to_dp(r.y_up - r.y_down, density[i]))
        count_tap(&r, &runs[slot[i]], density[i], limits)
        kind[i] = r.kind
        reason[i] = r.reason
        direction[i] = r.direction
        tap_count[i] = r.tap_count
        rage[i] = r.rage
