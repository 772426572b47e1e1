"""The kernels of the batch path: strokes measured and classified many at a time."""

from libc.stdint cimport int32_t, int64_t

from capture._native.classify cimport TapRun, Thresholds
from capture._native.dialect cimport Edges
from capture._native.record cimport RecordColumns
from capture._native.samples cimport Columns


cdef extern from "kernels.h" nogil:
    ctypedef struct Block "capture_block":
        int32_t count
        int64_t *down   # arrays
        int64_t *up
        double *vx      # release velocity, px/s
        double *vy
        float *offset_x     # of the fling distance, px
        float *offset_y
        int32_t *rough      # strokes that `fit` leaves to others
    enum:
        KERNELS_MOST "CAPTURE_KERNELS"
    ctypedef struct Kernel "capture_kernel":
        const char *name
        int64_t (*measure)(const Columns *, int64_t, int64_t, int64_t, Block *) noexcept nogil
        void (*finish)(const Columns *, Block *, double, int, const RecordColumns *) noexcept nogil
        void (*decide)(const Block *, const Thresholds *, const RecordColumns *) noexcept nogil
        int64_t (*see)(
            const Columns *, int64_t, int64_t, int64_t, Block *, const Edges *,
            const Thresholds *) noexcept nogil
        void (*look)(const Columns *, Block *, const Thresholds *, double) noexcept nogil
        int32_t (*fit)(const Columns *, Block *, const Thresholds *) noexcept nogil
        void (*release)(Block *, double, const Thresholds *, const RecordColumns *) noexcept nogil
        void (*judge)(
            Block *, TapRun *, const Edges *, double, const Thresholds *,
            const RecordColumns *) noexcept nogil
        void (*count_taps)(
            int32_t, TapRun *, double, const Thresholds *, const RecordColumns *) noexcept nogil
    int find_kernels "capture_find_kernels"(Kernel *kernels) noexcept
