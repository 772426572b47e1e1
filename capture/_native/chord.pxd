"""Gestures of several fingers: the sums of an open chord, and its record."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from capture._native.classify cimport Thresholds
from capture._native.multi cimport MultiRecord
from capture._native.touch cimport OpenTouch
from capture._native.velocity cimport History


# Of a finger in a chord; beside its touch.
cdef struct Finger:
    float x                 # place, as the last closed frame has it
    float y
    float x_start           # place when the chord began; its DOWN if it joined later
    float y_start
    float x_next            # place in the frame that is open
    float y_next
    bint moved              # it has one
    double u                # place against the centroid
    double v


# All in px, radians and float64 except values that are compared as float32.
cdef struct Chord:
    int64_t first_sample
    int64_t used_sample     # last row of its stream that was used, and its time
    int64_t used_time
    int64_t time_down
    int64_t time_join
    int64_t time_lift
    int64_t frame_time
    int32_t next_free       # slot, while this one is unused
    int32_t stream          # slot
    int32_t pointer_a
    int32_t pointer_b
    int32_t fingers         # now
    int32_t most            # at once
    bint used
    bint lifted
    bint framed             # a frame is open
    bint canceled
    bint replaced           # a finger came down again, or the chord was open at the end
    bint far                # a finger that left was ever beyond the slop from its DOWN
    bint motion             # any at all
    float moved2            # largest squared way of a finger from its start
    float apart2            # largest squared way of a DOWN from the first one
    float x_first           # the first DOWN
    float y_first
    double x                # centroid and radius after the last frame
    double y
    double radius
    double x_start          # at the start of the segment
    double y_start
    double radius_start
    double x_begin          # at the start of the chord
    double y_begin
    double radius_begin
    double scale_before     # of the segments before
    double spread_before
    double x_before
    double y_before
    double rotation
    double arc
    double most_spread
    double most_arc
    double most_shift
    double most_scale       # of |scale - 1|
    double most_rotation
    double vx               # dp/s, at the first leave
    double vy
    double speed


cdef void chord_begin(
    Chord *c, OpenTouch *touches, Finger *fingers, int32_t first, int64_t index, int64_t time) noexcept nogil
cdef void chord_change(Chord *c) noexcept nogil
cdef void chord_join(
    Chord *c, OpenTouch *touches, Finger *fingers, int32_t first, int32_t newcomer,
    int64_t time) noexcept nogil
cdef void chord_segment(Chord *c, OpenTouch *touches, Finger *fingers, int32_t first) noexcept nogil
cdef void chord_move(
    Chord *c, OpenTouch *touches, Finger *fingers, int32_t first, int32_t mover, int64_t index, int64_t time,
    float x, float y, const Thresholds *limits, double density) noexcept nogil
cdef void chord_close(
    Chord *c, OpenTouch *touches, Finger *fingers, int32_t first, const Thresholds *limits,
    double density) noexcept nogil
cdef void chord_leave(
    Chord *c, OpenTouch *touches, const History *histories, int32_t first, int32_t leaver, int64_t time,
    const Thresholds *limits, double density) noexcept nogil
cdef void chord_end(
    Chord *c, OpenTouch *touches, int32_t first, int64_t stream, int64_t index, int64_t time,
    const Thresholds *limits, double density, MultiRecord *r) noexcept nogil
