"""Release velocity from the recent samples of one pointer."""

from libc.stdint cimport int32_t, int64_t

from capture._native.classify cimport Thresholds

cdef extern from "classify.h" nogil:
    enum:
        SAMPLES "CAPTURE_RECENT"
        HORIZON_NS "CAPTURE_HORIZON_NS"


cdef struct History:
    int32_t count
    int32_t newest              # index in the ring
    int64_t[20] time
    float[20] x
    float[20] y


cdef struct Release:
    double vx                   # px/s
    double vy
    float offset_x              # from the oldest recent sample to the newest, px
    float offset_y


cdef void history_clear(History *h) noexcept nogil
cdef void history_add(
    History *h, const Thresholds *limits, int64_t time, float x, float y) noexcept nogil
cdef void history_release(
    const History *h, const Thresholds *limits, int64_t time_up, Release *to) noexcept nogil
cdef void columns_release(
    const int64_t *time, const float *x, const float *y, int64_t first, int64_t newest,
    const Thresholds *limits, int64_t time_up, Release *to) noexcept nogil
