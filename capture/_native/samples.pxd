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
        int64_t span[256]
        float farthest2[256]
        float path[256]
        float width[256]
        float height[256]
        float dx[256]
        float dy[256]
    ctypedef struct Records "capture_records":
        uint8_t *kind
        uint8_t *reason
        uint8_t *direction
        int64_t *time_down
        int64_t *time_up
        float *x_down
        float *y_down
        float *x_up
        float *y_up
        double *duration
        float *distance
        float *velocity
        float *velocity_x
        float *velocity_y
        float *path_length
        float *width
        float *height
        int32_t *tap_count
        uint8_t *rage
    ctypedef struct Limits "capture_limits":
        float near_below
        float astray_above
        float far_above
        float fling_above
        int64_t tap_timeout
        float multi_tap_slop
        float rage_tap_radius
        int64_t multi_tap_timeout
        int64_t rage_tap_timeout
        int32_t rage_tap_count
    ctypedef struct TapRun "capture_run":
        int64_t time_up
        float x_down
        float y_down
        int32_t taps
        int32_t rage_taps
    ctypedef struct Kernel "capture_kernel":
        int64_t (*measure)(const Columns *, int64_t, int64_t, int64_t, Block *) noexcept nogil
        void (*finish)(const Columns *, Block *, double, int, const Records *) noexcept nogil
        void (*decide)(const Block *, const Limits *, const Records *) noexcept nogil
        void (*count_taps)(int32_t, TapRun *, double, const Limits *, const Records *) noexcept nogil
    Kernel choose_kernel "capture_choose_kernel"(int wide) noexcept
    int64_t count_actions_down "capture_count_downs"(const uint8_t *action, int64_t count) noexcept
    float fold "capture_fold"(const float *sums) noexcept
    bint finite "capture_finite"(float value) noexcept
    float round_up "capture_round_up"(double value) noexcept
    float round_down "capture_round_down"(double value) noexcept
