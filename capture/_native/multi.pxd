"""The record of a chord. Made by scripts/make_rule.py from multi.h: do not edit."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from capture._native.record cimport Field


cdef extern from "multi.h" nogil:
    enum:
        MULTI_FIELDS "CAPTURE_MULTI_FIELDS"
    const Field[MULTI_FIELDS] CHORD_FIELDS "capture_multi_fields"
    ctypedef struct MultiRecord "capture_multi":
        int64_t stream, time_down, time_join, time_lift, time_up, first_sample
        int64_t last_sample
        uint8_t kind, reason, direction, modes
        int32_t fingers, pointer_a, pointer_b
        float x_down, y_down, x_up, y_up, scale, rotation
        float span_down, span_up, shift_x, shift_y, spread, arc
        float shift, velocity, velocity_x, velocity_y, margin
        double duration
