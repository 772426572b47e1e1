"""Release velocity from the recent samples of one pointer."""

from libc.stdint cimport int32_t, int64_t

cdef enum:
    SAMPLES = 20                # kept at most
    HORIZON_NS = 100_000_000    # older than this before the newest is not used
    STOPPED_NS = 40_000_000     # a longer gap means that the finger rested


cdef struct History:
    int32_t count
    int32_t newest              # index in the ring
    int64_t[20] time
    float[20] x
    float[20] y


cdef void history_clear(History *h) noexcept nogil
cdef void history_add(History *h, int64_t time, float x, float y) noexcept nogil
cdef void history_velocity(
    const History *h, int strategy, int64_t time_up, double *vx, double *vy) noexcept nogil
cdef void columns_velocity(
    const int64_t *time, const float *x, const float *y, int64_t first, int64_t newest,
    int strategy, int64_t time_up, double *vx, double *vy) noexcept nogil
