/* The decision of a dialect (docs/dialects.md): from what was seen of a stroke to its record. `classify.h` has
 * that of the default dialect, which is the same for its row and faster.
 */
#ifndef CAPTURE_DIALECT_H
#define CAPTURE_DIALECT_H

#include "classify.h"
#include "lens.h"
#include "record.h"

/* What the decision reads besides the record and its thresholds. */
typedef struct {
    const capture_view *view;
    const capture_edges *edges;
    double density;
    int64_t duration;  /* ns */
    int64_t hold;      /* ns; INT64_MAX where the stroke cannot be held */
    float dx, dy;      /* dp */
    float offset_x;    /* of the fling distance, px */
    float offset_y;
} capture_case;

/* INT64_MAX is never reached. */
static inline int capture_held(const capture_view *view, int64_t duration, int64_t hold, int after_hold)
{
    const int quiet = view->slop_ns < 0 || (after_hold != CAPTURE_AFTER_HOLD_WHOLE && view->slop_ns >= hold);
    return (hold != INT64_MAX) & (duration >= hold) & quiet;
}

static inline int capture_dragged(const capture_view *view)
{
    return view->axis != CAPTURE_AXIS_NONE;
}

static inline int capture_pressed(int held, int dragged, int after_hold)
{
    return held & !((after_hold == CAPTURE_AFTER_HOLD_DRAG) & dragged);
}

/* What had begun: HOLD 1, DRAG 2. */
static inline int capture_begun(
    const capture_view *view, int64_t duration, int64_t hold, const capture_thresholds *limits)
{
    const int dragged = capture_dragged(view), held = capture_held(view, duration, hold, limits->after_hold);
    return held | ((dragged & !capture_pressed(held, dragged, limits->after_hold)) << 1);
}

static inline float capture_speed(const capture_stroke *r, int32_t axis, const capture_thresholds *limits)
{
    const float vx = fabsf(r->velocity_x), vy = fabsf(r->velocity_y);
    if (limits->fling_on == CAPTURE_FLING_ON_AXIS)
        return vx > vy ? vx : vy;
    if (limits->fling_on == CAPTURE_FLING_ON_DRAG_AXIS && axis != CAPTURE_AXIS_NONE)
        return axis == CAPTURE_AXIS_X ? vx : vy;
    return r->velocity;
}

static inline int capture_flung(
    const capture_case *c, float speed, const capture_thresholds *limits)
{
    float gone;
    if (!(speed > limits->fling_velocity_dp_s.inside))
        return 0;
    if (limits->fling_distance_dp.value == 0)
        return 1;
    if (limits->fling_on == CAPTURE_FLING_ON_DRAG_AXIS)
        gone = fabsf(c->view->axis == CAPTURE_AXIS_X ? c->offset_x : c->offset_y);
    else
        gone = sqrtf(c->offset_x * c->offset_x + c->offset_y * c->offset_y);
    return capture_dp(gone, c->density) > limits->fling_distance_dp.inside;
}

static inline int32_t capture_towards(float component, int sideways)
{
    if (sideways)
        return component > 0 ? CAPTURE_DIRECTION_RIGHT : CAPTURE_DIRECTION_LEFT;
    return component > 0 ? CAPTURE_DIRECTION_DOWN : CAPTURE_DIRECTION_UP;
}

static inline int32_t capture_way_of(const capture_stroke *r, const capture_case *c, const capture_thresholds *limits)
{
    const int flung = r->kind == CAPTURE_KIND_FLING, by_x = c->view->axis == CAPTURE_AXIS_X;
    float x = c->dx, y = c->dy;
    int sideways;
    if (limits->direction == CAPTURE_DIRECTION_BOX)
        return capture_direction_of(r->kind, c->dx, c->dy, r->width, r->height, limits);
    if (!capture_moves(r->kind))
        return CAPTURE_DIRECTION_NONE;
    if (limits->direction == CAPTURE_DIRECTION_AXIS)
        return capture_towards(flung ? by_x ? r->velocity_x : r->velocity_y : c->view->sign, by_x);
    if (limits->direction == CAPTURE_DIRECTION_VELOCITY && flung) {
        x = r->velocity_x;
        y = r->velocity_y;
    }
    sideways = fabsf(x) > fabsf(y);
    if (fabsf(x) == fabsf(y))
        sideways = limits->tie == CAPTURE_TIE_HORIZONTAL;
    return capture_towards(sideways ? x : y, sideways);
}

/* The smaller of a margin so far (NaN: none) and the relative distance of a measure from its limit. */
static inline double capture_nearer(double margin, double measure, double limit)
{
    double away;
    if (!(limit > 0) || isinf(limit))
        return margin;
    away = fabs(measure - limit) / limit;
    return isnan(margin) || away < margin ? away : margin;
}

static inline float capture_margin(
    const capture_stroke *r, const capture_case *c, float near, float speed, const capture_thresholds *limits)
{
    const double hold = c->hold == INT64_MAX ? INFINITY : limits->hold_value;
    const double timeout = limits->tap_timeout_value;
    const double slop = c->edges->slop, drag = c->edges->drag;
    double margin = NAN;
    if (r->kind == CAPTURE_KIND_TAP || r->reason == CAPTURE_REASON_BETWEEN_SLOP_AND_DRAG)
        margin = capture_nearer(margin, near, slop);
    if (r->kind == CAPTURE_KIND_TAP || r->reason == CAPTURE_REASON_BETWEEN_TAP_AND_HOLD)
        margin = capture_nearer(margin, r->duration, timeout);
    if (r->kind == CAPTURE_KIND_TAP || r->kind == CAPTURE_KIND_LONG_PRESS
        || r->reason == CAPTURE_REASON_BETWEEN_TAP_AND_HOLD)
        margin = capture_nearer(margin, r->duration, hold);
    if (capture_moves(r->kind) || r->reason == CAPTURE_REASON_BETWEEN_SLOP_AND_DRAG)
        margin = capture_nearer(margin, r->drag_distance, drag);
    if (capture_moves(r->kind))
        margin = capture_nearer(margin, speed, limits->fling_velocity_dp_s.given);
    return (float)margin;
}

/* Fill kind, reason, direction and margin of a stroke that was lifted and is judged. */
static inline void capture_judge(capture_stroke *r, const capture_case *c, const capture_thresholds *limits)
{
    const int held = capture_held(c->view, c->duration, c->hold, limits->after_hold);
    const int crossed = capture_dragged(c->view);
    const int pressed = capture_pressed(held, crossed, limits->after_hold), dragged = crossed & !pressed;
    const float end = capture_dp(sqrtf(c->view->end2), c->density);
    const float near = limits->tap_at == CAPTURE_TAP_AT_END ? end : r->slop_distance;
    const int is_near = pressed | (!dragged & !(near > c->edges->slop_in));
    const int in_time = !pressed & (c->duration <= limits->tap_timeout_ns);
    const float speed = capture_speed(r, c->view->axis, limits);
    const int32_t kind = capture_kind_by(
        is_near, dragged, in_time, pressed, dragged && capture_flung(c, speed, limits), near, speed,
        c->duration, limits);
    r->kind = (uint8_t)kind;
    r->reason = CAPTURE_REASON_RECOGNIZED;
    if (kind == CAPTURE_KIND_NONE)
        r->reason = is_near ? CAPTURE_REASON_BETWEEN_TAP_AND_HOLD : CAPTURE_REASON_BETWEEN_SLOP_AND_DRAG;
    r->direction = (uint8_t)capture_way_of(r, c, limits);
    r->margin = capture_margin(r, c, near, speed, limits);
}

/* With `fling_on` the drag axis, the velocity across it is 0 and what is left is all of it. */
static inline void capture_keep_axis(capture_stroke *r, int32_t axis, const capture_thresholds *limits)
{
    if (limits->fling_on != CAPTURE_FLING_ON_DRAG_AXIS || axis == CAPTURE_AXIS_NONE)
        return;
    if (axis == CAPTURE_AXIS_X)
        r->velocity_y = 0;
    else
        r->velocity_x = 0;
    r->velocity = fabsf(axis == CAPTURE_AXIS_X ? r->velocity_x : r->velocity_y);
}

/* The measures of the verdict, in dp and ms. */
static inline void capture_view_measures(capture_stroke *r, const capture_view *view, double density, int straight)
{
    r->slop_distance = capture_dp(sqrtf(view->most2), density);
    r->drag_distance = straight ? r->slop_distance : capture_dp(view->drag, density);
    r->slop_time = view->slop_ns < 0 ? NAN : (double)view->slop_ns / 1e6;
}

/* ---- runs of taps ---------------------------------------------------------------------------- */

static inline float capture_apart(float x0, float y0, float x, float y, double density)
{
    const float dx = x - x0, dy = y - y0;
    return capture_dp(sqrtf(dx * dx + dy * dy), density);
}

/* The count of a tap after the last one, by a gap and a distance; 0 if it continues no run. */
static inline int32_t capture_counted_on(
    const capture_run *run, int64_t gap, float apart, int64_t time_down, const capture_thresholds *limits)
{
    const int from_down = limits->multi_tap_min_from == CAPTURE_MULTI_TAP_MIN_FROM_DOWN;
    const int32_t count = run->taps + 1;
    if (capture_span(from_down ? run->time_down : run->time_up, time_down) < limits->multi_tap_min_ns)
        return 0;
    if (gap > limits->multi_tap_timeout_ns || apart > limits->multi_tap_slop_dp.inside)
        return 0;
    return limits->multi_tap_count && count > limits->multi_tap_count ? 0 : count;
}

/* The same, judged at a DOWN. */
static inline int32_t capture_count_at_down(
    const capture_run *run, int64_t time, float x, float y, double density, const capture_thresholds *limits)
{
    const int from_down = limits->multi_tap_from == CAPTURE_MULTI_TAP_FROM_DOWN;
    if (!run->taps || limits->multi_tap_from == CAPTURE_MULTI_TAP_FROM_UP_UP)
        return 0;
    return capture_counted_on(
        run, capture_span(from_down ? run->time_down : run->time_up, time),
        capture_apart(run->x_down, run->y_down, x, y, density), time, limits);
}

/* Continue or break the tap runs of a stream; `continues` was judged at the record's DOWN. */
static inline void capture_count(
    capture_stroke *r, capture_run *run, int32_t continues, double density, const capture_thresholds *limits)
{
    int32_t taps = continues ? continues : 1, rage = 1;
    r->tap_count = 0;
    r->rage = 0;
    if (!capture_runs(r->kind)) {
        if (limits->run_drag && continues && (r->kind != CAPTURE_KIND_NONE || r->begun))
            r->tap_count = continues;
        run->taps = 0;
        return;
    }
    if (run->taps) {
        if (limits->multi_tap_from == CAPTURE_MULTI_TAP_FROM_UP_UP) {
            taps = capture_counted_on(
                run, capture_span(run->time_up, r->time_up),
                capture_apart(run->x_up, run->y_up, r->x_up, r->y_up, density), r->time_down, limits);
            taps = taps ? taps : 1;
        }
        if (capture_span(run->time_up, r->time_down) <= limits->rage_tap_timeout_ns
            && capture_apart(run->x_down, run->y_down, r->x_down, r->y_down, density)
                <= limits->rage_tap_radius_dp.inside)
            rage = run->rage_taps + 1;
    }
    run->taps = taps;
    run->rage_taps = rage;
    run->time_down = r->time_down;
    run->time_up = r->time_up;
    run->x_down = r->x_down;
    run->y_down = r->y_down;
    run->x_up = r->x_up;
    run->y_up = r->y_up;
    r->tap_count = taps;
    r->rage = rage == limits->rage_tap_count;
}

#endif
