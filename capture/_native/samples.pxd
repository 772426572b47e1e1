"""The columns of touch samples as the core reads them, and the kernels over them."""

from libc.stdint cimport int32_t, int64_t, uint8_t


cdef extern from "kernels.h" nogil:
    enum:
        BLOCK "CAPTURE_BLOCK"
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
    ctypedef struct Block "capture_block":
        int32_t count
        int64_t down[256]
        int64_t up[256]
        float farthest2[256]
        float path[256]
        float width[256]
        float height[256]
    ctypedef int64_t (*Kernel "capture_measure_fn")(
        const Columns *, int64_t, int64_t, int64_t, Block *) noexcept nogil
    Kernel choose_kernel "capture_choose_kernel"(int wide) noexcept
    float fold "capture_fold"(const float *sums) noexcept
    bint finite "capture_finite"(float value) noexcept
