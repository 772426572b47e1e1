"""From the measures of a finished stroke to its record."""

from libc.math cimport fabsf, sqrtf
from libc.stdint cimport int32_t, int64_t, uint8_t

from capture._native.samples cimport TapRun

# Values of capture.gestures.kinds, which tests/gestures/test_gestures_objects.py pins.
cdef enum:
    NONE = 0
    TAP = 6
    LONG_PRESS = 8
    DRAG = 9
    FLING = 10

cdef enum:
    RECOGNIZED = 0
    BETWEEN_SLOP_AND_DRAG = 1
    MULTI_TOUCH = 2
    CANCELED = 3
    INCOMPLETE = 4
    MALFORMED = 5

cdef enum:
    GOES_UP = 1
    GOES_DOWN = 2
    GOES_LEFT = 3
    GOES_RIGHT = 4
    COMPLEX_PATTERN = 5


cdef struct Thresholds:
    int64_t tap_timeout_ns
    double touch_slop           # dp, as all lengths here
    double drag_distance
    double fling_velocity       # dp/s
    int strategy                # MEAN, LSQ2 or IMPULSE
    double max_fling_velocity
    int64_t multi_tap_timeout_ns
    double multi_tap_slop
    int32_t rage_tap_count
    int64_t rage_tap_timeout_ns
    double rage_tap_radius


# One record; the public columns are these, in this order.
cdef struct Record:
    int64_t stream
    int32_t pointer
    uint8_t kind
    uint8_t reason
    uint8_t direction
    int64_t time_down
    int64_t time_up
    float x_down
    float y_down
    float x_up
    float y_up
    double duration
    float distance
    float velocity
    float velocity_x
    float velocity_y
    float path_length
    float width
    float height
    int32_t sample_count
    int64_t first_sample
    int64_t last_sample
    int32_t tap_count
    uint8_t rage


# What a stroke sums up to in px; `measure` makes a record's dp of it.
cdef struct Sums:
    float farthest2
    float path
    float dx
    float dy
    float width
    float height


cdef inline float to_dp(float px, double density) noexcept nogil:
    return <float>(px / density)


cdef inline int64_t span_ns(int64_t earlier, int64_t later) noexcept nogil:
    """max(0, later - earlier); the difference wraps at 64 bits."""
    cdef int64_t span = <int64_t>(<unsigned long long>later - <unsigned long long>earlier)
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
    if limits.strategy == 0:
        per_s = 1e9 / (span if span > 1_000_000 else 1_000_000)
        r.velocity = <float>(r.distance * per_s)
        r.velocity_x = <float>(dx * per_s)
        r.velocity_y = <float>(dy * per_s)
    elif released:
        clamp(r, vx / density, vy / density, limits.max_fling_velocity)
    else:
        r.velocity = r.velocity_x = r.velocity_y = 0


cdef inline void decide(Record *r, const Thresholds *limits, float dx, float dy) noexcept nogil:
    """Classify by time, distance and velocity; the reason follows."""
    r.reason = RECOGNIZED
    r.direction = NONE
    if r.distance < limits.touch_slop:
        r.kind = LONG_PRESS if span_ns(r.time_down, r.time_up) > limits.tap_timeout_ns else TAP
    elif r.distance > limits.drag_distance:
        r.kind = FLING if r.velocity > limits.fling_velocity else DRAG
        r.direction = direction(dx, dy, r.width, r.height, limits.touch_slop)
    else:
        r.kind = NONE
        r.reason = BETWEEN_SLOP_AND_DRAG


cdef inline uint8_t direction(float dx, float dy, float width, float height, double slop) noexcept nogil:
    """Direction from displacement and extent in dp (gestures.md, Directions)."""
    cdef float beyond_x = width - fabsf(dx), beyond_y = height - fabsf(dy)
    # Backtrack on the dominant axis and wander on the other have the same limit.
    if beyond_x > slop or beyond_y > slop:
        return COMPLEX_PATTERN
    if fabsf(dx) > fabsf(dy):
        return GOES_LEFT if dx < 0 else GOES_RIGHT
    return GOES_UP if dy < 0 else GOES_DOWN


cdef inline void count_tap(
        Record *r, TapRun *run, double density, const Thresholds *limits) noexcept nogil:
    """Continue or break the tap runs of the record's stream (gestures.md, Tap runs)."""
    cdef float dx, dy, apart
    cdef int64_t gap
    r.tap_count = 0
    r.rage = 0
    if r.kind != TAP:
        run.taps = 0
        return
    if run.taps:
        # A tap breaks no run by itself; the time or the way to it may.
        gap = span_ns(run.time_up, r.time_down)
        dx = r.x_down - run.x_down
        dy = r.y_down - run.y_down
        apart = to_dp(sqrtf(dx * dx + dy * dy), density)
        if gap > limits.multi_tap_timeout_ns or not (apart <= limits.multi_tap_slop):
            run.taps = 0
        if gap > limits.rage_tap_timeout_ns or not (apart <= limits.rage_tap_radius):
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


cdef void clamp(Record *r, double vx, double vy, double limit) noexcept nogil
