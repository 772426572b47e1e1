"""A stroke as its dialect sees it, and its record when it ends."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from capture._native.classify cimport EARLY, TapRun, Thresholds, since_ns
from capture._native.dialect cimport Edges, Seen, look_at, look_early
from capture._native.record cimport Record
from capture._native.samples cimport MOVE
from capture._native.touch cimport OpenTouch
from capture._native.velocity cimport History


cdef struct Stream:
    int64_t id
    int64_t last_time       # of its last sample that was not ignored
    int64_t first_time      # of its first one; INT64_MAX where that was dropped
    int64_t downs           # touches begun
    double density
    TapRun taps
    Edges edges             # where strokes are looked at
    int32_t open            # its open touches
    int32_t primary         # slot of the one that needs no look-up, or -1
    int32_t fingers         # those with a good DOWN
    int32_t first_finger    # slot of the one that came down first, or -1
    int32_t last_finger
    int32_t chord           # slot, or -1
    bint started


cdef inline void look(
        Seen *seen, const OpenTouch *touch, const Stream *stream, const Thresholds *limits, uint8_t action,
        int64_t time, float x, float y) noexcept nogil:
    """Look at a counted sample as the dialect does."""
    cdef int64_t since = since_ns(touch.time_down, time)
    if touch.malformed:
        return
    look_at(&seen.view, touch.x_down, touch.y_down, since, x, y, &stream.edges, limits)
    if limits.velocity_strategy == EARLY and action == MOVE:
        look_early(
            &seen.view, touch.x_down, touch.y_down, since, x, y, stream.density, limits.early_ns)


cdef void look_begin(
    Seen *seen, const Stream *stream, const Thresholds *limits, int64_t time, float x, float y) noexcept nogil
cdef void look_met(
    Seen *seen, const OpenTouch *touch, const Thresholds *limits, int64_t time) noexcept nogil
cdef void fill(
    Record *r, const OpenTouch *touch, Stream *stream, const Thresholds *limits, History *history,
    const Seen *seen, int ending, int64_t time_up) noexcept nogil
