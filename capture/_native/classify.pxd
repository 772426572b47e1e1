"""From the measures of a finished stroke to its record."""

from libc.math cimport sqrtf
from libc.stdint cimport int32_t, int64_t

from capture._native.record cimport Record


cdef extern from "classify.h" nogil:
    enum:
        NONE "CAPTURE_KIND_NONE"
        RECOGNIZED "CAPTURE_REASON_RECOGNIZED"
        BETWEEN_SLOP_AND_DRAG "CAPTURE_REASON_BETWEEN_SLOP_AND_DRAG"
        MULTI_TOUCH "CAPTURE_REASON_MULTI_TOUCH"
        CANCELED "CAPTURE_REASON_CANCELED"
        INCOMPLETE "CAPTURE_REASON_INCOMPLETE"
        MALFORMED "CAPTURE_REASON_MALFORMED"
        MEAN "CAPTURE_VELOCITY_STRATEGY_MEAN"
        IMPULSE "CAPTURE_VELOCITY_STRATEGY_IMPULSE"
        LSQ2_RESTRICTED "CAPTURE_VELOCITY_STRATEGY_LSQ2_RESTRICTED"
        IOS "CAPTURE_VELOCITY_STRATEGY_IOS"
        EARLY "CAPTURE_VELOCITY_STRATEGY_EARLY"
        BY_LENGTH "CAPTURE_CLAMP_LENGTH"
        BY_AXIS "CAPTURE_CLAMP_AXIS"
        IGNORED "CAPTURE_SECOND_FINGER_IGNORE"
        LSQ2 "CAPTURE_VELOCITY_STRATEGY_LSQ2"
        ON_DRAG_AXIS "CAPTURE_FLING_ON_DRAG_AXIS"
        OVER_STROKE "CAPTURE_FLING_OVER_STROKE"
        STRAIGHT "CAPTURE_DRAG_METRIC_EUCLID"
    ctypedef struct Limit "capture_limit":
        double value
        float given
        float inside
    # Only the members that Cython code reads; read_thresholds fills all of them.
    ctypedef struct Thresholds "capture_thresholds":
        int32_t velocity_strategy
        Limit max_fling_velocity_dp_s
        Limit touch_slop_dp
        Limit drag_distance_dp
        Limit fling_distance_dp
        int64_t tap_timeout_ns
        int64_t hold_ns
        int64_t stop_ns
        int64_t up_stop_ns
        int64_t early_ns
        int32_t slop_metric
        int32_t drag_metric
        int32_t tap_at
        int32_t up_moves
        int32_t min_samples
        int32_t clamp
        int32_t fling_on
        int32_t fling_over
        int32_t after_hold
        int32_t direction
        int32_t second_finger
        int64_t multi_tap_timeout_ns
        int64_t multi_tap_min_ns
        Limit multi_tap_slop_dp
        int32_t multi_tap_from
        int32_t multi_tap_count
        int32_t run_drag
        int32_t run_hold
        int32_t rage_tap_count
        int64_t rage_tap_timeout_ns
        Limit rage_tap_radius_dp
        int32_t modes
        Limit transform_slop_dp
        Limit pinch_scale
        Limit rotate_deg
        Limit min_span_dp
        int32_t chord_fingers
        int64_t chord_timeout_ns
        Limit chord_separation_dp
        Limit swipe_velocity_dp_s
        Limit swipe_ratio
        int32_t free_fingers
        int64_t frame_ns
        double tap_timeout_value
        double hold_value
        double chord_timeout_value
        int32_t plain
        int32_t verdicts
        int32_t seen
        int32_t history
    ctypedef struct TapRun "capture_run":
        int64_t time_down
        int64_t time_up
        float x_down
        float y_down
        int32_t taps
        int32_t rage_taps
    int32_t kind_of "capture_kind_of"(
        float distance, float velocity, int64_t duration_ns, const Thresholds *limits) noexcept
    int32_t reason_of "capture_reason_of"(int32_t kind) noexcept
    int32_t direction_of "capture_direction_of"(
        int32_t kind, float dx, float dy, float width, float height, const Thresholds *limits) noexcept
    int32_t runs "capture_runs"(int32_t kind) noexcept
    # Clamp a velocity (dp/s) and return its length.
    double clamped "capture_clamp"(double *vx, double *vy, const Thresholds *limits) noexcept


# Sums of a stroke in px; `measure` makes a record's dp of it.
cdef struct Sums:
    float farthest2
    float path
    float dx
    float dy
    float width
    float height


cdef inline float to_dp(float px, double density) noexcept nogil:
    return <float>(px / density)


cdef inline int64_t since_ns(int64_t earlier, int64_t later) noexcept nogil:
    """Difference of two times; wraps at 64 bits."""
    return <int64_t>(<unsigned long long>later - <unsigned long long>earlier)


cdef inline int64_t span_ns(int64_t earlier, int64_t later) noexcept nogil:
    """max(0, later - earlier); the difference wraps at 64 bits."""
    cdef int64_t span = since_ns(earlier, later)
    return span if span > 0 else 0


cdef inline void measure(
        Record *r, const Sums *px, double density, const Thresholds *limits, bint released,
        double vx, double vy) noexcept nogil:
    """Fill duration, lengths and velocities; `vx`, `vy` are the release velocity in px/s."""
    cdef int64_t span = span_ns(r.time_down, r.time_up)
    cdef float dx = to_dp(px.dx, density), dy = to_dp(px.dy, density)
    cdef double per_s
    r.duration = span / 1e6
    r.distance = to_dp(sqrtf(px.farthest2), density)
    r.path_length = to_dp(px.path, density)
    r.width = to_dp(px.width, density)
    r.height = to_dp(px.height, density)
    if limits.velocity_strategy == MEAN:
        per_s = 1e9 / (span if span > 1_000_000 else 1_000_000)
        r.velocity = <float>(r.distance * per_s)
        r.velocity_x = <float>(dx * per_s)
        r.velocity_y = <float>(dy * per_s)
    elif released:
        clamp(r, vx / density, vy / density, limits)
    else:
        r.velocity = r.velocity_x = r.velocity_y = 0


cdef inline void decide(Record *r, const Thresholds *limits, float dx, float dy) noexcept nogil:
    """Classify by time, distance and velocity; the reason follows."""
    r.kind = kind_of(r.distance, r.velocity, span_ns(r.time_down, r.time_up), limits)
    r.reason = reason_of(r.kind)
    r.direction = direction_of(r.kind, dx, dy, r.width, r.height, limits)


cdef inline void count_tap(
        Record *r, TapRun *run, double density, const Thresholds *limits) noexcept nogil:
    """Continue or break the tap runs of the record's stream (gestures.md, Tap runs)."""
    cdef float dx, dy, apart
    cdef int64_t gap
    r.tap_count = 0
    r.rage = 0
    if not runs(r.kind):
        run.taps = 0
        return
    if run.taps:
        # A tap breaks no run by itself; the time or the way to it may.
        gap = span_ns(run.time_up, r.time_down)
        dx = r.x_down - run.x_down
        dy = r.y_down - run.y_down
        apart = to_dp(sqrtf(dx * dx + dy * dy), density)
        if gap > limits.multi_tap_timeout_ns or not (apart <= limits.multi_tap_slop_dp.inside):
            run.taps = 0
        if gap > limits.rage_tap_timeout_ns or not (apart <= limits.rage_tap_radius_dp.inside):
            run.rage_taps = 0
    else:
        run.rage_taps = 0
    run.taps += 1
    run.rage_taps += 1
    run.time_up = r.time_up
    run.x_down = r.x_down
    run.y_down = r.y_down
    r.tap_count = run.taps
    r.rage = run.rage_taps == limits.rage_tap_count


cdef void clamp(Record *r, double vx, double vy, const Thresholds *limits) noexcept nogil
cdef int read_thresholds(object gestures, Thresholds *limits) except -1
