"""A stroke as its dialect sees it, and its record when it ends."""

from libc.stdint cimport INT64_MAX

from capture._native.classify cimport (
    EARLY, IGNORED, INCOMPLETE, MALFORMED, MULTI_TOUCH, NONE, ON_DRAG_AXIS, OVER_STROKE, STRAIGHT, Sums,
    clamp, count_tap, decide, measure, span_ns, to_dp,
)
from capture._native.dialect cimport (
    Case, begun, count_at_down, count_run, judge, keep_axis, view_begin, view_measures,
)
from capture._native.record cimport no_verdict
from capture._native.samples cimport fold
from capture._native.velocity cimport Release, history_release


cdef inline int64_t hold_ns(const Seen *seen, const Thresholds *limits) noexcept nogil:
    """How long a touch is down before it is held; INT64_MAX where it cannot be."""
    return INT64_MAX if seen.continues and not limits.run_hold else limits.hold_ns


cdef void look_begin(
        Seen *seen, const Stream *stream, const Thresholds *limits, int64_t time, float x,
        float y) noexcept nogil:
    view_begin(&seen.view)
    seen.met = seen.begun = 0
    seen.continues = count_at_down(&stream.taps, time, x, y, stream.density, limits)


cdef void look_met(
        Seen *seen, const OpenTouch *touch, const Thresholds *limits, int64_t time) noexcept nogil:
    """Note which gesture had begun when another finger came down."""
    seen.met = True
    if not touch.malformed:
        seen.begun = begun(&seen.view, span_ns(touch.time_down, time), hold_ns(seen, limits), limits)


cdef void fill(
        Record *r, const OpenTouch *touch, Stream *stream, const Thresholds *limits, History *history,
        const Seen *seen, int ending, int64_t time_up) noexcept nogil:
    """Fill the record of a touch that ends, and count it in the taps of its stream.

    `ending` is 0 for an UP, else its reason; `history` and `seen` are NULL where they are not kept.
    """
    cdef Sums px
    cdef Release release
    r.verdict = limits.verdicts
    no_verdict(r)
    r.stream = stream.id
    r.pointer = touch.pointer
    r.kind = r.direction = NONE
    r.time_down = touch.time_down
    r.time_up = touch.time_last if ending == INCOMPLETE else time_up
    r.x_down = touch.x_down
    r.y_down = touch.y_down
    r.x_up = touch.x_last
    r.y_up = touch.y_last
    r.sample_count = <int32_t>touch.count if touch.count < 0x7fffffff else 0x7fffffff
    r.first_sample = touch.first_sample
    r.last_sample = touch.last_sample
    if touch.malformed:
        r.reason = MALFORMED
        r.duration = 0
        r.distance = r.velocity = r.velocity_x = r.velocity_y = r.path_length = r.width = r.height = 0
        r.slop_distance = r.drag_distance = 0
    else:
        px.farthest2 = touch.farthest2
        px.path = fold(touch.path)
        px.dx = touch.x_last - touch.x_down
        px.dy = touch.y_last - touch.y_down
        # + 0: the difference of a positive and a negative zero has no sign of its own.
        px.width = touch.high_x - touch.low_x + <float>0.0
        px.height = touch.high_y - touch.low_y + <float>0.0
        release.vx = release.vy = release.offset_x = release.offset_y = 0
        if history != NULL and ending == 0:
            history_release(history, limits, time_up, &release)
        measure(r, &px, stream.density, limits, ending == 0, release.vx, release.vy)
        if seen != NULL:
            say(r, touch, stream, limits, seen, ending, &px, &release)
        elif ending:
            r.reason = ending
        elif touch.multi or stream.downs != touch.downs:
            r.reason = MULTI_TOUCH
        else:
            decide(r, limits, to_dp(px.dx, stream.density), to_dp(px.dy, stream.density))
    if limits.plain:
        count_tap(r, &stream.taps, stream.density, limits)
    elif limits.second_finger != IGNORED or not touch.multi:
        count_run(r, &stream.taps, seen.continues, stream.density, limits)
    else:
        r.tap_count = r.rage = 0


cdef void say(
        Record *r, const OpenTouch *touch, const Stream *stream, const Thresholds *limits, const Seen *seen,
        int ending, const Sums *px, const Release *release) noexcept nogil:
    """Fill the verdict of a good stroke, and its kind as the dialect has it."""
    cdef bint judged = not touch.multi and (limits.second_finger == IGNORED or not seen.met)
    cdef Case case
    case.view = &seen.view
    case.edges = &stream.edges
    case.density = stream.density
    case.duration = span_ns(r.time_down, r.time_up)
    case.hold = hold_ns(seen, limits)
    case.dx = to_dp(px.dx, stream.density)
    case.dy = to_dp(px.dy, stream.density)
    view_measures(r, case.view, stream.density, limits.drag_metric == STRAIGHT)
    if limits.velocity_strategy == EARLY and ending == 0:
        clamp(r, seen.view.early_x, seen.view.early_y, limits)
    if limits.fling_on == ON_DRAG_AXIS:
        keep_axis(&r.velocity, &r.velocity_x, &r.velocity_y, seen.view.axis)
    r.begun = seen.begun
    if judged:
        r.begun = begun(case.view, case.duration, case.hold, limits)
    if ending or not judged:
        r.reason = ending if ending else MULTI_TOUCH
        return
    case.offset_x = px.dx if limits.fling_over == OVER_STROKE else release.offset_x
    case.offset_y = px.dy if limits.fling_over == OVER_STROKE else release.offset_y
    judge(r, &case, limits)
