/* The decision of a dialect (docs/dialects.md): from the state of a stroke to its record. `classify.h` has
 * that of the default dialect, which is the same for its row and faster.
 */
#ifndef CAPTURE_DIALECT_H
#define CAPTURE_DIALECT_H

#include "classify.h"
#include "lens.h"
#include "record.h"

/* Inputs of the decision besides the record and its thresholds. */
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

/* Each step takes numbers and takes no branch that depends on them: the kernels call it in loops over columns. */

/* INT64_MAX is never reached. */
static inline int32_t capture_held(int64_t slop_ns, int64_t duration, int64_t hold, int after_hold)
{
    const int32_t late = (after_hold != CAPTURE_AFTER_HOLD_WHOLE) & (slop_ns >= hold);
    return (hold != INT64_MAX) & (duration >= hold) & ((slop_ns < 0) | late);
}

static inline int32_t capture_pressed(int32_t held, int32_t dragged, int after_hold)
{
    return held & !((after_hold == CAPTURE_AFTER_HOLD_DRAG) & dragged);
}

/* Gestures that had begun: HOLD 1, DRAG 2. */
static inline int capture_begun(
    const capture_view *view, int64_t duration, int64_t hold, const capture_thresholds *limits)
{
    const int dragged = view->axis != CAPTURE_AXIS_NONE;
    const int held = capture_held(view->slop_ns, duration, hold, limits->after_hold);
    return held | ((dragged & !capture_pressed(held, dragged, limits->after_hold)) << 1);
}

/* Velocity for the fling test: the whole, or a component. */
static inline float capture_speed(float velocity, float velocity_x, float velocity_y, int32_t axis, int on)
{
    const float vx = fabsf(velocity_x), vy = fabsf(velocity_y);
    if (on == CAPTURE_FLING_ON_AXIS)
        return vx > vy ? vx : vy;
    if (on == CAPTURE_FLING_ON_DRAG_AXIS)
        return axis == CAPTURE_AXIS_X ? vx : axis == CAPTURE_AXIS_Y ? vy : velocity;
    return velocity;
}

/* Whether an offset, px, is beyond the fling distance. */
static inline int32_t capture_far(
    float offset_x, float offset_y, int32_t axis, double density, const capture_thresholds *limits)
{
    const float gone = limits->fling_on == CAPTURE_FLING_ON_DRAG_AXIS
        ? fabsf(axis == CAPTURE_AXIS_X ? offset_x : offset_y)
        : sqrtf(offset_x * offset_x + offset_y * offset_y);
    return capture_dp(gone, density) > limits->fling_distance_dp.inside;
}

static inline int32_t capture_towards(float component, int32_t sideways)
{
    const int32_t across = component > 0 ? CAPTURE_DIRECTION_RIGHT : CAPTURE_DIRECTION_LEFT;
    const int32_t along = component > 0 ? CAPTURE_DIRECTION_DOWN : CAPTURE_DIRECTION_UP;
    return (-(sideways != 0) & across) | (-(sideways == 0) & along);
}

/* The direction, where it is not that of the box; `sign` is the way along the drag axis when that was crossed. */
static inline int32_t capture_way_of(
    int32_t kind, float dx, float dy, float velocity_x, float velocity_y, int32_t axis, float sign,
    int direction, int tie)
{
    const int32_t flung = -(kind == CAPTURE_KIND_FLING), by_x = -(axis == CAPTURE_AXIS_X);
    const int32_t right = capture_towards(dx, 1), down = capture_towards(dy, 0);
    const int32_t fast_right = capture_towards(velocity_x, 1), fast_down = capture_towards(velocity_y, 0);
    if (direction == CAPTURE_DIRECTION_AXIS) {
        const int32_t way = (by_x & capture_towards(sign, 1)) | (~by_x & capture_towards(sign, 0));
        const int32_t fast = (by_x & fast_right) | (~by_x & fast_down);
        return ((flung & fast) | (~flung & way)) & capture_moves(kind);
    } else {
        const int32_t level = -(tie == CAPTURE_TIE_HORIZONTAL);
        const int32_t by_dx = -(fabsf(dx) > fabsf(dy)) | (level & -(fabsf(dx) == fabsf(dy)));
        const int32_t by_vx = -(fabsf(velocity_x) > fabsf(velocity_y))
            | (level & -(fabsf(velocity_x) == fabsf(velocity_y)));
        const int32_t way = (by_dx & right) | (~by_dx & down);
        const int32_t fast = (by_vx & fast_right) | (~by_vx & fast_down);
        const int32_t by_velocity = flung & -(direction == CAPTURE_DIRECTION_VELOCITY);
        return ((by_velocity & fast) | (~by_velocity & way)) & capture_moves(kind);
    }
}

static inline int32_t capture_reason_by(int32_t kind, int32_t is_near)
{
    const int32_t near = -(is_near != 0), none = -(kind == CAPTURE_KIND_NONE);
    const int32_t why = (near & CAPTURE_REASON_BETWEEN_TAP_AND_HOLD) | (~near & CAPTURE_REASON_BETWEEN_SLOP_AND_DRAG);
    return (none & why) | (~none & CAPTURE_REASON_RECOGNIZED);
}

/* The smaller of a margin so far (NaN: none) and the relative distance of a measure from its limit. */
static inline double capture_nearer(double margin, double measure, double limit)
{
    const double away = fabs(measure - limit) / limit;
    return (limit > 0) & !isinf(limit) & (isnan(margin) | (away < margin)) ? away : margin;
}

/* The limits of a margin, in dp and ms, and which of them there are, as bits. */
typedef struct {
    double slop, timeout, hold, drag, fling;
    int32_t are;
} capture_rivals;

enum { CAPTURE_BY_SLOP = 1, CAPTURE_BY_TIMEOUT = 2, CAPTURE_BY_HOLD = 4, CAPTURE_BY_DRAG = 8, CAPTURE_BY_FLING = 16 };

/* `hold` is INFINITY where the stroke cannot be held. */
static inline capture_rivals capture_rivals_of(
    const capture_edges *edges, double hold, const capture_thresholds *limits)
{
    capture_rivals rivals = {
        edges->slop, limits->tap_timeout_value, hold, edges->drag, limits->fling_velocity_dp_s.given, 0};
    double *const each[] = {&rivals.slop, &rivals.timeout, &rivals.hold, &rivals.drag, &rivals.fling};
    int i;
    for (i = 0; i < 5; i++) {
        if (*each[i] > 0 && !isinf(*each[i]))
            rivals.are |= 1 << i;
        else
            *each[i] = 1;
    }
    return rivals;
}

/* Which limits can change the kind of a stroke. */
static inline int32_t capture_nearest_of(int32_t kind, int32_t is_near, int32_t are)
{
    const int32_t none = -(kind == CAPTURE_KIND_NONE), near = -(is_near != 0), moved = capture_moves(kind);
    const int32_t tap = -(kind == CAPTURE_KIND_TAP), pressed = -(kind == CAPTURE_KIND_LONG_PRESS);
    return are
        & ((tap & (CAPTURE_BY_SLOP | CAPTURE_BY_TIMEOUT | CAPTURE_BY_HOLD)) | (pressed & CAPTURE_BY_HOLD)
           | (moved & (CAPTURE_BY_DRAG | CAPTURE_BY_FLING))
           | (none & near & (CAPTURE_BY_TIMEOUT | CAPTURE_BY_HOLD))
           | (none & ~near & (CAPTURE_BY_SLOP | CAPTURE_BY_DRAG)));
}

static inline double capture_away(double measure, double limit, int32_t counts)
{
    return fabs(measure - limit) / limit + (counts ? 0.0 : INFINITY);
}

static inline double capture_less(double a, double b)
{
    return a < b ? a : b;
}

/* The smallest relative distance of a measure from one of these limits; INFINITY of none. */
static inline float capture_least(
    int32_t of, float near, float way, double duration, float speed, const capture_rivals *rivals)
{
    const double slop = capture_away(near, rivals->slop, of & CAPTURE_BY_SLOP);
    const double timeout = capture_away(duration, rivals->timeout, of & CAPTURE_BY_TIMEOUT);
    const double hold = capture_away(duration, rivals->hold, of & CAPTURE_BY_HOLD);
    const double drag = capture_away(way, rivals->drag, of & CAPTURE_BY_DRAG);
    const double fling = capture_away(speed, rivals->fling, of & CAPTURE_BY_FLING);
    return (float)capture_less(fling, capture_less(drag, capture_less(hold, capture_less(timeout, slop))));
}

static inline float capture_margin(float least, int32_t of)
{
    return least + (of ? 0.0f : NAN);
}

/* Fill kind, reason, direction and margin of a stroke that was lifted and is judged. */
static inline void capture_judge(capture_stroke *r, const capture_case *c, const capture_thresholds *limits)
{
    const int32_t axis = c->view->axis, crossed = axis != CAPTURE_AXIS_NONE;
    const int32_t held = capture_held(c->view->slop_ns, c->duration, c->hold, limits->after_hold);
    const int32_t pressed = capture_pressed(held, crossed, limits->after_hold), dragged = crossed & !pressed;
    const float end = capture_dp(sqrtf(c->view->end2), c->density);
    const float near = limits->tap_at == CAPTURE_TAP_AT_END ? end : r->slop_distance;
    const float speed = capture_speed(r->velocity, r->velocity_x, r->velocity_y, axis, limits->fling_on);
    const int32_t is_near = pressed | (!dragged & !(near > c->edges->slop_in));
    const int32_t in_time = !pressed & (c->duration <= limits->tap_timeout_ns);
    const int32_t flung = dragged & (speed > limits->fling_velocity_dp_s.inside)
        & (limits->fling_distance_dp.value == 0 || capture_far(c->offset_x, c->offset_y, axis, c->density, limits));
    const int32_t kind = capture_kind_by(
        is_near, dragged, in_time, pressed, flung, near, speed, c->duration, limits);
    const capture_rivals rivals = capture_rivals_of(
        c->edges, c->hold == INT64_MAX ? INFINITY : limits->hold_value, limits);
    const int32_t of = capture_nearest_of(kind, is_near, rivals.are);
    r->kind = (uint8_t)kind;
    r->reason = (uint8_t)capture_reason_by(kind, is_near);
    r->direction = (uint8_t)(limits->direction == CAPTURE_DIRECTION_BOX
        ? capture_direction_of(kind, c->dx, c->dy, r->width, r->height, limits)
        : capture_way_of(kind, c->dx, c->dy, r->velocity_x, r->velocity_y, axis, c->view->sign,
            limits->direction, limits->tie));
    r->margin = capture_margin(
        capture_least(of, near, r->drag_distance, r->duration, speed, &rivals), of);
}

/* With `fling_on` the drag axis, the velocity across it is 0 and the velocity along it is the whole. */
static inline void capture_keep_axis(float *velocity, float *velocity_x, float *velocity_y, int32_t axis)
{
    *velocity_x = axis == CAPTURE_AXIS_Y ? 0.0f : *velocity_x;
    *velocity_y = axis == CAPTURE_AXIS_X ? 0.0f : *velocity_y;
    *velocity = axis == CAPTURE_AXIS_X ? fabsf(*velocity_x) : axis == CAPTURE_AXIS_Y ? fabsf(*velocity_y) : *velocity;
}

static inline double capture_slop_time(int64_t slop_ns)
{
    return slop_ns < 0 ? NAN : (double)slop_ns / 1e6;
}

/* The measures of the verdict, in dp and ms. */
static inline void capture_view_measures(capture_stroke *r, const capture_view *view, double density, int straight)
{
    r->slop_distance = capture_dp(sqrtf(view->most2), density);
    r->drag_distance = straight ? r->slop_distance : capture_dp(view->drag, density);
    r->slop_time = capture_slop_time(view->slop_ns);
}

/* ---- runs of taps ---------------------------------------------------------------------------- */

static inline float capture_apart(float x0, float y0, float x, float y, double density)
{
    const float dx = x - x0, dy = y - y0;
    return capture_dp(sqrtf(dx * dx + dy * dy), density);
}

/* Whether a tap is near enough to the one before it, for a run or a run of rage: by a gap, by the least time
 * to its DOWN and by a distance in dp. */
static inline int32_t capture_goes_on(int64_t gap, int64_t passed, float apart, const capture_thresholds *limits)
{
    return (passed >= limits->multi_tap_min_ns) & (gap <= limits->multi_tap_timeout_ns)
        & (apart > limits->multi_tap_slop_dp.inside ? 0 : 1);
}

static inline int32_t capture_rages_on(int64_t gap, float apart, const capture_thresholds *limits)
{
    return (gap <= limits->rage_tap_timeout_ns) & (apart <= limits->rage_tap_radius_dp.inside);
}

/* The count of a tap that goes on after this many; 0 where it starts again. */
static inline int32_t capture_next(int32_t taps, const capture_thresholds *limits)
{
    return limits->multi_tap_count && taps >= limits->multi_tap_count ? 0 : taps + 1;
}

/* The count of a tap after the last one, by a gap and a distance; 0 if it continues no run. */
static inline int32_t capture_counted_on(
    const capture_run *run, int64_t gap, float apart, int64_t time_down, const capture_thresholds *limits)
{
    const int from_down = limits->multi_tap_min_from == CAPTURE_MULTI_TAP_MIN_FROM_DOWN;
    const int64_t passed = capture_span(from_down ? run->time_down : run->time_up, time_down);
    return capture_goes_on(gap, passed, apart, limits) ? capture_next(run->taps, limits) : 0;
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

/* The same, judged at an UP, from UP to UP. */
static inline int32_t capture_count_at_up(
    const capture_run *run, const capture_stroke *r, double density, const capture_thresholds *limits)
{
    return capture_counted_on(
        run, capture_span(run->time_up, r->time_up), capture_apart(run->x_up, run->y_up, r->x_up, r->y_up, density),
        r->time_down, limits);
}

/* Continue or break the tap runs of a stream; `continues` was judged at the record's DOWN. */
static inline void capture_count(
    capture_stroke *r, capture_run *run, int32_t continues, double density, const capture_thresholds *limits)
{
    int32_t taps = continues, rage = 1;
    r->tap_count = 0;
    r->rage = 0;
    if (!capture_runs(r->kind)) {
        if (limits->run_drag && continues && (r->kind != CAPTURE_KIND_NONE || r->begun))
            r->tap_count = continues;
        run->taps = 0;
        return;
    }
    if (run->taps) {
        if (limits->multi_tap_from == CAPTURE_MULTI_TAP_FROM_UP_UP)
            taps = capture_count_at_up(run, r, density, limits);
        if (capture_rages_on(
                capture_span(run->time_up, r->time_down),
                capture_apart(run->x_down, run->y_down, r->x_down, r->y_down, density), limits))
            rage = run->rage_taps + 1;
    }
    run->taps = taps ? taps : 1;
    run->rage_taps = rage;
    run->time_down = r->time_down;
    run->time_up = r->time_up;
    run->x_down = r->x_down;
    run->y_down = r->y_down;
    run->x_up = r->x_up;
    run->y_up = r->y_up;
    r->tap_count = run->taps;
    r->rage = rage == limits->rage_tap_count;
}

#endif
