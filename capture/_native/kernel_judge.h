/* The decision of a dialect (dialect.h) for all strokes of a block; a part of kernel_body.h.
 *
 * Each step is a loop of its own over columns, which becomes vector code. Strokes are judged as if none continued a
 * run of taps; RUNS judges the few anew for which that makes a difference.
 */

/* Make dp/s of the release velocities, px/s, and clamp them. */
KERNEL_TARGET static void NAME(release)(
    capture_block *block, double density, const capture_thresholds *limits, const capture_stroke_columns *to)
{
    const int32_t n = block->count, by = limits->clamp;
    const double most = limits->max_fling_velocity_dp_s.value;
    double *restrict vx = block->vx, *restrict vy = block->vy;
    float *restrict velocity = to->velocity, *restrict velocity_x = to->velocity_x, *restrict velocity_y = to->velocity_y;
    double length[CAPTURE_BLOCK];
    int32_t k, beyond = 0;
    if (density != 1.0 && limits->velocity_strategy != CAPTURE_VELOCITY_STRATEGY_EARLY)
        for (k = 0; k < n; k++) {
            vx[k] /= density;
            vy[k] /= density;
        }
    for (k = 0; k < n; k++)
        length[k] = sqrt(vx[k] * vx[k] + vy[k] * vy[k]);
    for (k = 0; k < n; k++) {
        velocity[k] = (float)length[k];
        velocity_x[k] = (float)vx[k];
        velocity_y[k] = (float)vy[k];
    }
    /* No component is longer than the whole, but for the rounding of a root; so few are looked at twice. */
    for (k = 0; k < n; k++)
        beyond |= length[k] > most * 0.999;
    if (!beyond || by == CAPTURE_CLAMP_NONE)
        return;
    for (k = 0; k < n; k++)
        if (length[k] > most * 0.999) {
            velocity[k] = (float)capture_clamp(&vx[k], &vy[k], limits);
            velocity_x[k] = (float)vx[k];
            velocity_y[k] = (float)vy[k];
        }
}

/* Lengths of squared px in dp. */
KERNEL_TARGET static inline void NAME(lengths)(
    int32_t n, const float *restrict way2, double density, float *restrict to)
{
    int32_t k;
    for (k = 0; k < n; k++)
        to[k] = sqrtf(way2[k]);
    if (density != 1.0)
        for (k = 0; k < n; k++)
            to[k] = capture_dp(to[k], density);
}

/* Fill the measures of the verdict, in dp and ms; `block->near` is for the tap test. */
KERNEL_TARGET static void NAME(seen)(
    capture_block *block, double density, const capture_thresholds *limits, const capture_stroke_columns *to)
{
    const int32_t n = block->count;
    const float *restrict along = block->along;
    float *restrict slop = block->slop, *restrict drag = block->drag;
    const int64_t *restrict slop_ns = block->slop_ns;
    double *restrict slop_time = to->slop_time;
    int32_t k;
    NAME(lengths)(n, block->most2, density, slop);
    if (limits->tap_at == CAPTURE_TAP_AT_END)
        NAME(lengths)(n, block->end2, density, block->near);
    else
        memcpy(block->near, slop, n * sizeof *slop);
    if (limits->drag_metric == CAPTURE_DRAG_METRIC_EUCLID)
        memcpy(drag, slop, n * sizeof *drag);
    else
        for (k = 0; k < n; k++)
            drag[k] = capture_dp(along[k], density);
    if (to->margin == NULL)
        return;
    memcpy(to->slop_distance, slop, n * sizeof *slop);
    memcpy(to->drag_distance, drag, n * sizeof *drag);
    for (k = 0; k < n; k++)
        slop_time[k] = (double)slop_ns[k];
    for (k = 0; k < n; k++)
        slop_time[k] = slop_time[k] / 1e6 + (slop_time[k] < 0 ? NAN : 0.0);
}

/* Leave the velocity along the drag axis, where flings are judged by that; `block->speed` is for the fling test. */
KERNEL_TARGET static void NAME(speeds)(
    capture_block *block, const capture_thresholds *limits, const capture_stroke_columns *to)
{
    const int32_t n = block->count, on = limits->fling_on;
    const int32_t *restrict axis = block->axis;
    float *restrict velocity = to->velocity, *restrict velocity_x = to->velocity_x, *restrict velocity_y = to->velocity_y;
    float *restrict speed = block->speed;
    int32_t k;
    if (on == CAPTURE_FLING_ON_DRAG_AXIS)
        for (k = 0; k < n; k++)
            capture_keep_axis(&velocity[k], &velocity_x[k], &velocity_y[k], axis[k]);
    for (k = 0; k < n; k++)
        speed[k] = capture_speed(velocity[k], velocity_x[k], velocity_y[k], axis[k], on);
}

/* Fill kinds, reasons, directions and begun gestures. */
KERNEL_TARGET static void NAME(verdicts)(
    capture_block *block, const capture_edges *edges, double density, const capture_thresholds *thresholds,
    const capture_stroke_columns *to)
{
    const int32_t n = block->count;
    const capture_thresholds limits = *thresholds;
    const int64_t *restrict span = block->span, *restrict slop_ns = block->slop_ns;
    const int32_t *restrict axis = block->axis;
    const float *restrict near = block->near, *restrict speed = block->speed;
    const float *restrict offset_x = block->offset_x, *restrict offset_y = block->offset_y;
    const float *restrict dx = block->dx, *restrict dy = block->dy;
    const float *restrict width = to->width, *restrict height = to->height, *restrict sign = block->sign;
    const float *restrict velocity_x = to->velocity_x, *restrict velocity_y = to->velocity_y;
    uint8_t *restrict kind = to->kind, *restrict reason = to->reason, *restrict direction = to->direction;
    int32_t *restrict kinds = block->kind, *restrict is_near = block->is_near;
    int32_t held[CAPTURE_BLOCK], in_time[CAPTURE_BLOCK], flung[CAPTURE_BLOCK], pressed[CAPTURE_BLOCK];
    int32_t dragged[CAPTURE_BLOCK];
    const int tie = limits.tie;
    int32_t k;
    for (k = 0; k < n; k++)
        held[k] = capture_held(slop_ns[k], span[k], limits.hold_ns, limits.after_hold);
    for (k = 0; k < n; k++)
        in_time[k] = span[k] <= limits.tap_timeout_ns;
    if (limits.fling_distance_dp.value == 0)
        for (k = 0; k < n; k++)
            flung[k] = speed[k] > limits.fling_velocity_dp_s.inside;
    else
        for (k = 0; k < n; k++)
            flung[k] = (speed[k] > limits.fling_velocity_dp_s.inside)
                & capture_far(offset_x[k], offset_y[k], axis[k], density, &limits);
    for (k = 0; k < n; k++)
        pressed[k] = capture_pressed(held[k], axis[k] != CAPTURE_AXIS_NONE, limits.after_hold);
    for (k = 0; k < n; k++)
        dragged[k] = (axis[k] != CAPTURE_AXIS_NONE) & (pressed[k] ^ 1);
    for (k = 0; k < n; k++)
        is_near[k] = pressed[k] | ((dragged[k] ^ 1) & (near[k] > edges->slop_in ? 0 : 1));
    for (k = 0; k < n; k++)
        kinds[k] = capture_kind_by(
            is_near[k], dragged[k], in_time[k] & (pressed[k] ^ 1), pressed[k], dragged[k] & flung[k], near[k],
            speed[k], span[k], &limits);
    for (k = 0; k < n; k++) {
        kind[k] = (uint8_t)kinds[k];
        reason[k] = (uint8_t)capture_reason_by(kinds[k], is_near[k]);
    }
#define WAYS(by)                                                                                      \
    case by:                                                                                          \
        for (k = 0; k < n; k++)                                                                       \
            direction[k] = (uint8_t)capture_way_of(                                                   \
                kinds[k], dx[k], dy[k], velocity_x[k], velocity_y[k], axis[k], sign[k], by, tie);     \
        break
    switch (limits.direction) {
        WAYS(CAPTURE_DIRECTION_TRAVEL);
        WAYS(CAPTURE_DIRECTION_VELOCITY);
        WAYS(CAPTURE_DIRECTION_AXIS);
    default:
        for (k = 0; k < n; k++)
            direction[k] = (uint8_t)capture_direction_of(
                kinds[k], dx[k], dy[k], width[k], height[k], &limits);
    }
#undef WAYS
    for (k = 0; k < n; k++)
        block->begun[k] = (uint8_t)(held[k] | dragged[k] << 1);
    if (to->margin != NULL)
        memcpy(to->begun, block->begun, n);
}

/* Fill how near each verdict was. */
KERNEL_TARGET static void NAME(margins)(
    const capture_block *block, const capture_edges *edges, const capture_thresholds *limits,
    const capture_stroke_columns *to)
{
    const capture_rivals rivals = capture_rivals_of(edges, limits->hold_value, limits);
    const int32_t n = block->count;
    const double *restrict duration = to->duration;
    const float *restrict ways = block->drag, *restrict near = block->near, *restrict speed = block->speed;
    const int32_t *restrict kind = block->kind, *restrict is_near = block->is_near;
    float *restrict margin = to->margin;
    int32_t of[CAPTURE_BLOCK];
    int32_t k;
    for (k = 0; k < n; k++)
        of[k] = capture_nearest_of(kind[k], is_near[k], rivals.are);
    for (k = 0; k < n; k++)
        margin[k] = capture_least(of[k], near[k], ways[k], duration[k], speed[k], &rivals);
    for (k = 0; k < n; k++)
        margin[k] = capture_margin(margin[k], of[k]);
}

/* The record of stroke k anew, as one that continues a run of taps and so cannot be held. */
KERNEL_TARGET static void NAME(judge_again)(
    capture_block *block, int32_t k, const capture_edges *edges, double density, const capture_thresholds *limits,
    const capture_stroke_columns *to)
{
    capture_stroke r;
    capture_view view;
    capture_case it = {&view, edges, density, block->span[k], INT64_MAX, block->dx[k], block->dy[k], 0, 0};
    capture_view_begin(&view);
    view.axis = block->axis[k];
    view.sign = block->sign[k];
    view.slop_ns = block->slop_ns[k];
    view.end2 = limits->tap_at == CAPTURE_TAP_AT_END ? block->end2[k] : 0;
    it.offset_x = block->offset_x[k];
    it.offset_y = block->offset_y[k];
    r.slop_distance = block->slop[k];
    r.drag_distance = block->drag[k];
    r.duration = to->duration[k];
    r.velocity = to->velocity[k];
    r.velocity_x = to->velocity_x[k];
    r.velocity_y = to->velocity_y[k];
    r.width = to->width[k];
    r.height = to->height[k];
    capture_judge(&r, &it, limits);
    to->kind[k] = r.kind;
    to->reason[k] = r.reason;
    to->direction[k] = r.direction;
    block->begun[k] = (uint8_t)capture_begun(&view, it.duration, it.hold, limits);
    if (to->margin != NULL) {
        to->begun[k] = block->begun[k];
        to->margin[k] = r.margin;
    }
}

/* Which strokes but the first one could go on after the stroke before: in a run of taps, in one of rage. */
KERNEL_TARGET static void NAME(neighbours)(
    int32_t n, uint8_t *restrict multi, uint8_t *restrict rage, double density, const capture_thresholds *thresholds,
    const capture_stroke_columns *to)
{
    const capture_thresholds limits = *thresholds;
    const int up_up = limits.multi_tap_from == CAPTURE_MULTI_TAP_FROM_UP_UP;
    const int from_down = limits.multi_tap_from == CAPTURE_MULTI_TAP_FROM_DOWN;
    const int64_t *restrict down = to->time_down, *restrict up = to->time_up;
    const int64_t *restrict from = from_down ? down : up, *restrict till = up_up ? up : down;
    const int64_t *restrict since = limits.multi_tap_min_from == CAPTURE_MULTI_TAP_MIN_FROM_DOWN ? down : up;
    const float *restrict x_down = to->x_down, *restrict y_down = to->y_down;
    const float *restrict x = up_up ? to->x_up : x_down, *restrict y = up_up ? to->y_up : y_down;
    float apart[CAPTURE_BLOCK];
    int32_t k;
    for (k = 1; k < n; k++)
        apart[k] = capture_apart(x[k - 1], y[k - 1], x[k], y[k], density);
    for (k = 1; k < n; k++)
        multi[k] = (uint8_t)capture_goes_on(
            capture_span(from[k - 1], till[k]), capture_span(since[k - 1], down[k]), apart[k], &limits);
    if (up_up)
        for (k = 1; k < n; k++)
            apart[k] = capture_apart(x_down[k - 1], y_down[k - 1], x_down[k], y_down[k], density);
    for (k = 1; k < n; k++)
        rage[k] = (uint8_t)capture_rages_on(capture_span(up[k - 1], down[k]), apart[k], &limits);
}

/* Count the first stroke of a block, as dialect.h does. */
KERNEL_TARGET static void NAME(run_on)(
    capture_block *block, capture_run *run, const capture_edges *edges, double density,
    const capture_thresholds *limits, const capture_stroke_columns *to)
{
    const int32_t continues = capture_count_at_down(
        run, to->time_down[0], to->x_down[0], to->y_down[0], density, limits);
    capture_stroke r;
    if (continues && !limits->run_hold)
        NAME(judge_again)(block, 0, edges, density, limits, to);
    r.kind = to->kind[0];
    r.begun = block->begun[0];
    r.time_down = to->time_down[0];
    r.time_up = to->time_up[0];
    r.x_down = to->x_down[0];
    r.y_down = to->y_down[0];
    r.x_up = to->x_up[0];
    r.y_up = to->y_up[0];
    capture_count(&r, run, continues, density, limits);
    to->tap_count[0] = r.tap_count;
    to->rage[0] = r.rage;
}

/* Count the runs of taps. */
KERNEL_TARGET static void NAME(runs)(
    capture_block *block, capture_run *run, const capture_edges *edges, double density,
    const capture_thresholds *limits, const capture_stroke_columns *to)
{
    const int32_t last = block->count - 1, at_down = -(limits->multi_tap_from != CAPTURE_MULTI_TAP_FROM_UP_UP);
    const int32_t run_drag = limits->run_drag, run_hold = limits->run_hold, rages = limits->rage_tap_count;
    uint8_t multi[CAPTURE_BLOCK], rage[CAPTURE_BLOCK];
    int32_t k, taps, rage_taps;
    NAME(neighbours)(block->count, multi, rage, density, limits, to);
    NAME(run_on)(block, run, edges, density, limits, to);
    taps = run->taps;
    rage_taps = run->rage_taps;
    for (k = 1; k <= last; k++) {
        const int32_t next = multi[k] & (taps > 0) ? capture_next(taps, limits) : 0, continues = next & at_down;
        int32_t tap, moved;
        if (continues && !run_hold)
            NAME(judge_again)(block, k, edges, density, limits, to);
        tap = capture_runs(to->kind[k]);
        moved = run_drag & ((to->kind[k] != CAPTURE_KIND_NONE) | (block->begun[k] != 0));
        rage_taps = (rage_taps & -(int32_t)(rage[k] & (taps > 0))) + 1;
        taps = tap & (next + (next == 0));
        to->tap_count[k] = taps | (~tap & -moved & continues);
        to->rage[k] = (uint8_t)(tap & (rage_taps == rages));
    }
    run->taps = taps;
    run->rage_taps = rage_taps;
    run->time_down = to->time_down[last];
    run->time_up = to->time_up[last];
    run->x_down = to->x_down[last];
    run->y_down = to->y_down[last];
    run->x_up = to->x_up[last];
    run->y_up = to->y_up[last];
}

/* Judge the strokes of a block that LOOK has seen; their velocities are in the records, or are the block's. */
KERNEL_TARGET static void NAME(judge)(
    capture_block *block, capture_run *run, const capture_edges *edges, double density,
    const capture_thresholds *limits, const capture_stroke_columns *to)
{
    int32_t k;
    if (limits->fling_distance_dp.value != 0 && limits->fling_over == CAPTURE_FLING_OVER_STROKE)
        for (k = 0; k < block->count; k++) {
            block->offset_x[k] = to->x_up[k] - to->x_down[k];
            block->offset_y[k] = to->y_up[k] - to->y_down[k];
        }
    NAME(seen)(block, density, limits, to);
    NAME(speeds)(block, limits, to);
    NAME(verdicts)(block, edges, density, limits, to);
    if (to->margin != NULL)
        NAME(margins)(block, edges, limits, to);
    if (!limits->plain)
        NAME(runs)(block, run, edges, density, limits, to);
}
