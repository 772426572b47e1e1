"""The columns of touch samples as the core reads them."""

from libc.stdint cimport int32_t, int64_t, uint8_t


cdef extern from "samples.h" nogil:
    enum:
        DOWN "CAPTURE_DOWN"
        UP "CAPTURE_UP"
        MOVE "CAPTURE_MOVE"
        CANCEL "CAPTURE_CANCEL"
    ctypedef struct Columns "capture_columns":
        const int64_t *stream
        const int32_t *pointer
        const uint8_t *action
        const int64_t *time
        const float *x
        const float *y
    int64_t count_actions_down "capture_count_downs"(const uint8_t *action, int64_t count) noexcept
    float fold "capture_fold"(const float *sums) noexcept
    bint finite "capture_finite"(float value) noexcept
