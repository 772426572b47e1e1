"""Gestures of several fingers (docs/several-fingers.md): a chord, from the second finger's DOWN on.

Rows are taken by frame, since devices report the fingers of one instant in several. Each set of fingers is a
segment, which starts from its own shape; every sum goes on over joins and leaves. The fingers of a chord are
the stream's open touches with a good DOWN, in the order of their DOWNs: a list that starts at `first`.
"""

from libc.math cimport M_PI, NAN, fabs, fabsf, sqrt, sqrtf
from libc.stdint cimport int32_t, int64_t

from capture._native.classify cimport (
    BETWEEN_SLOP_AND_DRAG, CANCELED, EARLY, INCOMPLETE, MEAN, RECOGNIZED, Limit, Thresholds, clamped,
    since_ns, span_ns, to_dp,
)
from capture._native.multi cimport MultiRecord
from capture._native.touch cimport OpenTouch
from capture._native.velocity cimport History, Release, history_release


cdef extern from "chord_kinds.h" nogil:
    enum:
        NO_KIND "CAPTURE_MULTI_KIND_NONE"
        TAP "CAPTURE_MULTI_KIND_TAP"
        PINCH "CAPTURE_MULTI_KIND_PINCH"
        ROTATE "CAPTURE_MULTI_KIND_ROTATE"
        PAN "CAPTURE_MULTI_KIND_PAN"
        SWIPE "CAPTURE_MULTI_KIND_SWIPE"
        NOT_A_TAP "CAPTURE_MULTI_REASON_NOT_A_TAP"
        PINCH_MODE "CAPTURE_MODE_PINCH"
        ROTATE_MODE "CAPTURE_MODE_ROTATE"
        PAN_MODE "CAPTURE_MODE_PAN"
    int32_t towards "capture_towards"(float component, int sideways) noexcept
    double nearer "capture_nearer"(double margin, double measure, double limit) noexcept


cdef double angle(double y, double x) noexcept nogil:
    """atan2 of + - * / and sqrt alone, so that every platform gives the same bits."""
    cdef double ax = fabs(x), ay = fabs(y), t, u, s, v
    cdef int k
    if x == 0 and y == 0:
        return 0
    t = ax / ay if ax < ay else ay / ax
    for _ in range(3):
        t = t / (1.0 + sqrt(1.0 + t * t))
    u = t * t
    s = 1.0 / 15.0
    for k in range(13, 0, -2):
        s = 1.0 / k - u * s
    v = 8.0 * (t * s)
    if ay > ax:
        v = M_PI / 2 - v
    if x < 0:
        v = M_PI - v
    return -v if y < 0 else v


cdef void find_shape(Chord *c, OpenTouch *touches, Finger *fingers, int32_t first) noexcept nogil:
    """Find centroid and radius, and each finger's place against the centroid."""
    cdef double x = 0, y = 0, radius = 0
    cdef int32_t slot = first
    while slot >= 0:
        x += fingers[slot].x
        y += fingers[slot].y
        slot = touches[slot].next_finger
    x /= c.fingers
    y /= c.fingers
    slot = first
    while slot >= 0:
        fingers[slot].u = <double>fingers[slot].x - x
        fingers[slot].v = <double>fingers[slot].y - y
        radius += sqrt(fingers[slot].u * fingers[slot].u + fingers[slot].v * fingers[slot].v)
        slot = touches[slot].next_finger
    c.x = x
    c.y = y
    c.radius = radius / c.fingers


cdef void chord_segment(Chord *c, OpenTouch *touches, Finger *fingers, int32_t first) noexcept nogil:
    """Start a segment from the shape that the fingers have."""
    find_shape(c, touches, fingers, first)
    c.x_start = c.x
    c.y_start = c.y
    c.radius_start = c.radius


cdef inline double scale_of(const Chord *c) noexcept nogil:
    return c.scale_before if c.radius_start == 0 else c.scale_before * (c.radius / c.radius_start)


cdef inline double spread_of(const Chord *c) noexcept nogil:
    return c.spread_before + (c.radius - c.radius_start)


cdef inline double shift_x_of(const Chord *c) noexcept nogil:
    return c.x_before + (c.x - c.x_start)


cdef inline double shift_y_of(const Chord *c) noexcept nogil:
    return c.y_before + (c.y - c.y_start)


cdef void chord_change(Chord *c) noexcept nogil:
    """End the segment: its sums are kept."""
    c.scale_before = scale_of(c)
    c.spread_before = spread_of(c)
    c.x_before, c.y_before = shift_x_of(c), shift_y_of(c)


cdef inline void place(Finger *finger, float x, float y) noexcept nogil:
    finger.x = finger.x_start = x
    finger.y = finger.y_start = y
    finger.moved = False


cdef void chord_begin(
        Chord *c, OpenTouch *touches, Finger *fingers, int32_t first, int64_t index,
        int64_t time) noexcept nogil:
    """Begin a chord of the two fingers of the list; `c` is zeroed."""
    cdef int32_t second = touches[first].next_finger
    c.first_sample = c.used_sample = index
    c.time_down = c.time_join = c.used_time = time
    c.pointer_a = touches[first].pointer
    c.pointer_b = touches[second].pointer
    c.fingers = c.most = 2
    c.scale_before = 1
    c.x_first = touches[first].x_down
    c.y_first = touches[first].y_down
    place(&fingers[first], touches[first].x_last, touches[first].y_last)
    place(&fingers[second], touches[second].x_last, touches[second].y_last)
    note_down(c, &touches[second])
    chord_segment(c, touches, fingers, first)
    c.x_begin = c.x
    c.y_begin = c.y
    c.radius_begin = c.radius


cdef inline void note_down(Chord *c, const OpenTouch *touch) noexcept nogil:
    """Note how far a DOWN was from the first one."""
    cdef float dx = touch.x_down - c.x_first, dy = touch.y_down - c.y_first
    cdef float apart2 = dx * dx + dy * dy
    c.apart2 = apart2 if apart2 > c.apart2 else c.apart2


cdef void chord_join(
        Chord *c, OpenTouch *touches, Finger *fingers, int32_t first, int32_t newcomer,
        int64_t time) noexcept nogil:
    """Add a finger that has just come down; it is in the list already."""
    chord_change(c)
    place(&fingers[newcomer], touches[newcomer].x_down, touches[newcomer].y_down)
    note_down(c, &touches[newcomer])
    c.time_join = time
    c.fingers += 1
    c.most = c.fingers if c.fingers > c.most else c.most
    chord_segment(c, touches, fingers, first)


cdef void chord_move(
        Chord *c, OpenTouch *touches, Finger *fingers, int32_t first, int32_t mover, int64_t index,
        int64_t time, float x, float y, const Thresholds *limits, double density) noexcept nogil:
    """Add a MOVE to the open frame, or to the next one where it does not fit."""
    cdef int64_t late = since_ns(c.frame_time, time)
    if c.framed and (fingers[mover].moved or late < 0 or late > limits.frame_ns):
        chord_close(c, touches, fingers, first, limits, density)
    if not c.framed:
        c.framed = True
        c.frame_time = time
    fingers[mover].moved = True
    fingers[mover].x_next = x
    fingers[mover].y_next = y
    c.used_sample = index
    c.used_time = time


cdef void chord_close(
        Chord *c, OpenTouch *touches, Finger *fingers, int32_t first, const Thresholds *limits,
        double density) noexcept nogil:
    """Close the open frame: take its places as the fingers', and measure."""
    cdef double cross = 0, dot = 0, u, v, x = 0, y = 0, turn
    cdef int32_t slot = first
    if not c.framed:
        return
    c.framed = False
    while slot >= 0:
        if fingers[slot].moved:
            take_place(c, &fingers[slot])
        slot = touches[slot].next_finger
    # find_shape() replaces the places against the centroid, so that sums come before it.
    slot = first
    while slot >= 0:
        x += fingers[slot].x
        y += fingers[slot].y
        slot = touches[slot].next_finger
    x /= c.fingers
    y /= c.fingers
    slot = first
    while slot >= 0:
        u = <double>fingers[slot].x - x
        v = <double>fingers[slot].y - y
        cross += fingers[slot].u * v - fingers[slot].v * u
        dot += fingers[slot].u * u + fingers[slot].v * v
        slot = touches[slot].next_finger
    find_shape(c, touches, fingers, first)
    turn = angle(cross, dot)
    if cross == 0 and dot < 0:
        turn = -M_PI if c.rotation > 0 else M_PI
    c.rotation += turn
    c.arc += turn * c.radius
    c.most_arc = max(c.most_arc, fabs(c.arc))
    c.most_rotation = max(c.most_rotation, fabs(c.rotation))
    u = shift_x_of(c)
    v = shift_y_of(c)
    c.most_shift = max(c.most_shift, sqrt(u * u + v * v))
    if max(2 * c.radius / density, 2 * c.radius_start / density) >= limits.min_span_dp.value:
        c.most_spread = max(c.most_spread, fabs(spread_of(c)))
        c.most_scale = max(c.most_scale, fabs(scale_of(c) - 1))


cdef inline void take_place(Chord *c, Finger *finger) noexcept nogil:
    cdef float dx = finger.x_next - finger.x_start, dy = finger.y_next - finger.y_start
    cdef float way2 = dx * dx + dy * dy
    finger.moved = False
    finger.x = finger.x_next
    finger.y = finger.y_next
    c.motion = c.motion or dx != 0 or dy != 0
    c.moved2 = way2 if way2 > c.moved2 else c.moved2


cdef inline bint beyond_slop(float way2, const Thresholds *limits, double density) noexcept nogil:
    """The touch slop is a straight line here, and never whole px."""
    return to_dp(sqrtf(way2), density) > limits.touch_slop_dp.inside


cdef void chord_leave(
        Chord *c, OpenTouch *touches, const History *histories, int32_t first, int32_t leaver, int64_t time,
        const Thresholds *limits, double density) noexcept nogil:
    """Note that a finger leaves, which is still in the list; the frame is closed."""
    c.far = c.far or beyond_slop(touches[leaver].farthest2, limits, density)
    if not c.lifted:
        c.lifted = True
        c.time_lift = time
        find_velocity(c, touches, histories, first, leaver, limits, density)


cdef void find_velocity(
        Chord *c, OpenTouch *touches, const History *histories, int32_t first, int32_t leaver,
        const Thresholds *limits, double density) noexcept nogil:
    cdef int64_t span = span_ns(c.time_down, c.time_lift)
    cdef double rate = 1e9 / (span if span > 1_000_000 else 1_000_000)
    cdef double own_x = 0, own_y = 0, own, vx, vy, other, sum_x = 0, sum_y = 0
    cdef int32_t slot = first
    if limits.velocity_strategy == MEAN or limits.velocity_strategy == EARLY:
        c.vx = shift_x_of(c) / density * rate
        c.vy = shift_y_of(c) / density * rate
    else:
        finger_velocity(&histories[leaver], c.time_lift, limits, density, &own_x, &own_y)
        own = sqrt(own_x * own_x + own_y * own_y)
        while slot >= 0:
            finger_velocity(&histories[slot], c.time_lift, limits, density, &vx, &vy)
            other = sqrt(vx * vx + vy * vy)
            if (slot != leaver and own >= 1 and other >= 1
                    and own_x * vx + own_y * vy <= 0.001 * (own * other)):
                return
            sum_x += vx
            sum_y += vy
            slot = touches[slot].next_finger
        c.vx = sum_x / c.fingers
        c.vy = sum_y / c.fingers
    c.speed = sqrt(c.vx * c.vx + c.vy * c.vy)


cdef void finger_velocity(
        const History *history, int64_t time, const Thresholds *limits, double density, double *vx,
        double *vy) noexcept nogil:
    """The velocity of a finger as if it were lifted now, dp/s, clamped."""
    cdef Release release
    history_release(history, limits, time, &release)
    vx[0] = release.vx / density
    vy[0] = release.vy / density
    clamped(vx, vy, limits)


# ---- the record -------------------------------------------------------------------------------


cdef void chord_end(
        Chord *c, OpenTouch *touches, int32_t first, int64_t stream, int64_t index, int64_t time,
        const Thresholds *limits, double density, MultiRecord *r) noexcept nogil:
    """Fill the record of a chord that the row `index` ended."""
    cdef int32_t slot = first
    while slot >= 0:
        c.far = c.far or beyond_slop(touches[slot].farthest2, limits, density)
        slot = touches[slot].next_finger
    r.stream = stream
    r.fingers = c.most
    r.pointer_a = c.pointer_a
    r.pointer_b = c.pointer_b
    r.time_down = c.time_down
    r.time_join = c.time_join
    r.time_lift = c.time_lift if c.lifted else time
    r.time_up = time
    r.x_down = <float>c.x_begin
    r.y_down = <float>c.y_begin
    r.x_up = <float>c.x
    r.y_up = <float>c.y
    r.duration = span_ns(c.time_down, time) / 1e6
    r.scale = <float>scale_of(c)
    r.rotation = <float>(c.rotation * 180 / M_PI)
    r.span_down = <float>(2 * c.radius_begin / density)
    r.span_up = <float>(2 * c.radius / density)
    r.shift_x = <float>(shift_x_of(c) / density)
    r.shift_y = <float>(shift_y_of(c) / density)
    r.spread = <float>(c.most_spread / density)
    r.arc = <float>(c.most_arc / density)
    r.shift = <float>(c.most_shift / density)
    r.velocity = <float>c.speed
    r.velocity_x = <float>c.vx
    r.velocity_y = <float>c.vy
    r.first_sample = c.first_sample
    r.last_sample = index
    r.kind = NO_KIND
    r.reason = RECOGNIZED
    r.direction = 0
    r.modes = modes_of(c, r, limits, density)
    decide(c, r, limits, density)
    r.margin = margin_of(r, limits)


cdef inline bint beyond_number(double value, const Limit *limit) noexcept nogil:
    return value >= limit.value if limit.inside != limit.given else value > limit.value


cdef int32_t modes_of(
        const Chord *c, const MultiRecord *r, const Thresholds *limits, double density) noexcept nogil:
    cdef float transform = limits.transform_slop_dp.inside
    cdef float whole = <float>(c.most * c.most_shift / density)
    cdef int32_t modes = 0
    if r.spread > transform and beyond_number(c.most_scale, &limits.pinch_scale):
        modes |= PINCH_MODE
    if r.arc > transform and beyond_number(c.most_rotation * 180 / M_PI, &limits.rotate_deg):
        modes |= ROTATE_MODE
    if whole > limits.touch_slop_dp.inside or (c.most >= limits.free_fingers and whole > 0):
        modes |= PAN_MODE
    return modes & limits.modes


cdef void decide(Chord *c, MultiRecord *r, const Thresholds *limits, double density) noexcept nogil:
    cdef bint moved = (
        beyond_slop(c.moved2, limits, density) or (c.most >= limits.free_fingers and c.motion)
        or (limits.transform_slop_dp.value == 0 and r.modes))
    cdef bint turned = (r.modes & ROTATE_MODE) and (not r.modes & PINCH_MODE or r.arc > r.spread)
    cdef bint formed = (r.modes & (PINCH_MODE | ROTATE_MODE)) != 0
    cdef float greater = r.arc if turned else r.spread
    if c.canceled:
        r.reason = CANCELED
    elif c.replaced:
        r.reason = INCOMPLETE
    elif moved and formed and 2 * <double>greater >= r.shift:
        r.kind = ROTATE if turned else PINCH
    elif moved and r.modes & PAN_MODE:
        decide_pan(c, r, limits)
    elif moved and formed:
        r.kind = ROTATE if turned else PINCH
    elif moved or c.far:
        r.reason = BETWEEN_SLOP_AND_DRAG
    elif (c.most <= limits.chord_fingers and span_ns(r.time_join, r.time_lift) <= limits.chord_timeout_ns
            and sqrtf(c.apart2) / density < limits.chord_separation_dp.value):
        r.kind = TAP
    else:
        r.reason = NOT_A_TAP


cdef void decide_pan(const Chord *c, MultiRecord *r, const Thresholds *limits) noexcept nogil:
    cdef double ax = fabs(c.vx), ay = fabs(c.vy), least = limits.swipe_velocity_dp_s.value
    cdef float x, y
    ax = ax if ax >= least else 0
    ay = ay if ay >= least else 0
    r.kind = SWIPE if max(ax, ay) > 0 and max(ax, ay) >= limits.swipe_ratio.value * min(ax, ay) else PAN
    x = r.velocity_x if r.kind == SWIPE else r.shift_x
    y = r.velocity_y if r.kind == SWIPE else r.shift_y
    r.direction = towards(x if fabsf(x) > fabsf(y) else y, fabsf(x) > fabsf(y))


cdef float margin_of(const MultiRecord *r, const Thresholds *limits) noexcept nogil:
    cdef double transform = limits.transform_slop_dp.given, whole = r.fingers * <double>r.shift
    cdef double margin = NAN
    cdef bint between = r.reason == BETWEEN_SLOP_AND_DRAG
    if r.kind == TAP or r.reason == NOT_A_TAP:
        margin = nearer(margin, span_ns(r.time_join, r.time_lift) / 1e6, limits.chord_timeout_value)
    if r.kind == PINCH or (between and limits.modes & PINCH_MODE):
        margin = nearer(margin, r.spread, transform)
    if r.kind == ROTATE or (between and limits.modes & ROTATE_MODE):
        margin = nearer(margin, r.arc, transform)
    if r.kind == PAN or r.kind == SWIPE or (between and limits.modes & PAN_MODE):
        margin = nearer(margin, whole, limits.touch_slop_dp.given)
    if r.kind == PAN or r.kind == SWIPE:
        margin = nearer(
            margin, max(fabsf(r.velocity_x), fabsf(r.velocity_y)), limits.swipe_velocity_dp_s.value)
    return <float>margin
