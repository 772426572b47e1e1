/* What a dialect sees of measured strokes (lens.h), eight samples at a time; a part of kernel_body.h. */

#if defined(NO_VECTORS)
/* As single samples are seen: eight at a time are worth less than their code where there are no vectors. */
#define SEE_STROKE(metric, drag_metric)                                                               \
    for (k = down + 1; k <= last; k++)                                                                \
        capture_look(                                                                                 \
            &view, c->x[down], c->y[down], capture_since(c->time[down], c->time[k]), c->x[k], c->y[k], edges, \
            metric, drag_metric)

static void NAME(see)(
    const capture_columns *c, capture_block *block, const capture_edges *edges, const capture_thresholds *limits)
{
    int32_t n;
    for (n = 0; n < block->count; n++) {
        const int64_t down = block->down[n], last = block->up[n] - !limits->up_moves;
        capture_view view;
        int64_t k;
        capture_view_begin(&view);
        CAPTURE_BY_METRIC(SEE_STROKE);
        block->most2[n] = view.most2;
        block->along[n] = view.drag;
        block->slop_ns[n] = view.slop_ns;
        block->axis[n] = view.axis;
        block->sign[n] = view.sign;
    }
}

#undef SEE_STROKE
#else
/* The way from the DOWN as the metric has it, of eight samples, and which of them are beyond the limits. */
#define FROM(v, v0) \
    (metric == CAPTURE_SLOP_METRIC_ROUND   ? SUB(WHOLE(v), v0)  \
     : metric == CAPTURE_SLOP_METRIC_TRUNC ? TRUNC(SUB(v, v0)) \
                                           : SUB(v, v0))
#define SEE(x, y)                                                                                     \
    do {                                                                                              \
        const LANES dx = FROM(x, x0), dy = FROM(y, y0), way2 = ADD(MUL(dx, dx), MUL(dy, dy));         \
        most2 = MAX(most2, way2);                                                                     \
        if (k - first < 64)                                                                           \
            passed |= (uint64_t)ABOVE(way2, slop) << (k - first);                                     \
        if (!same) {                                                                                  \
            const LANES along = MAX(KEEP(SIZE(dx), by_x), KEEP(SIZE(dy), by_y));                      \
            most = MAX(most, along);                                                                  \
            if (k - first < 64)                                                                       \
                crossed |= (uint64_t)ABOVE(CHOOSE(straight, way2, along), drag) << (k - first);       \
        }                                                                                             \
    } while (0)

/* See one stroke. Which of its first 64 samples are beyond a limit is kept as bits, so that nothing hangs on a branch;
 * only where a longer one passes it later is the sample looked for. `same`: both limits are one. */
KERNEL_TARGET static inline CAPTURE_INLINE void NAME(look_along)(
    const capture_columns *c, capture_block *block, int32_t n, const capture_edges *edges,
    const capture_thresholds *limits, int metric, int same)
{
    static const uint32_t edge[16] = {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0, 0, 0, 0, 0, 0, 0, 0};
    const int drag_metric = limits->drag_metric;
    const int is_straight = drag_metric == CAPTURE_DRAG_METRIC_EUCLID;
    const LANES straight = LOAD((const float *)(edge + 8 * !is_straight));
    const LANES by_x = LOAD((const float *)(edge + 8 * (is_straight | (drag_metric == CAPTURE_DRAG_METRIC_Y))));
    const LANES by_y = LOAD((const float *)(edge + 8 * (is_straight | (drag_metric == CAPTURE_DRAG_METRIC_X))));
    const int64_t first = block->down[n] + 1, last = block->up[n] - !limits->up_moves;
    const LANES there_x = SAME(c->x[first - 1]), there_y = SAME(c->y[first - 1]);
    const LANES x0 = metric == CAPTURE_SLOP_METRIC_ROUND ? WHOLE(there_x) : there_x;
    const LANES y0 = metric == CAPTURE_SLOP_METRIC_ROUND ? WHOLE(there_y) : there_y;
    const LANES slop = SAME(edges->slop_px), drag = SAME(edges->drag_px);
    LANES most2 = SAME(0.0f), most = SAME(0.0f);
    uint64_t passed = 0, crossed = 0, counted;
    int64_t k, at_slop, at_drag;
    int32_t has_slop, has_drag, across;
    float dx, dy;
    for (k = first; k + 8 <= last + 1; k += 8)
        SEE(LOAD(c->x + k), LOAD(c->y + k));
    if (k <= last) {
        /* Samples behind the last one count as the DOWN. */
        const LANES mask = LOAD((const float *)(edge + 8 - (last + 1 - k)));
        SEE(CHOOSE(mask, LOAD(c->x + k), there_x), CHOOSE(mask, LOAD(c->y + k), there_y));
    }
    counted = last - first < 63 ? ((uint64_t)1 << (last + 1 - first)) - 1 : ~(uint64_t)0;
    passed &= counted;
    crossed = same ? passed : crossed & counted;
    block->most2[n] = TOP4(MAX4(LOW(most2), HIGH(most2)));
    block->along[n] = same ? 0.0f : TOP4(MAX4(LOW(most), HIGH(most)));
    at_slop = capture_place_of(passed, first, &has_slop);
    at_drag = capture_place_of(crossed, first, &has_drag);
    if (last - first >= 64) {
        if (!has_slop)
            at_slop = capture_first_beyond(
                c, first, last, edges->slop_px, metric, CAPTURE_DRAG_METRIC_EUCLID, &has_slop);
        if (!has_drag)
            at_drag = capture_first_beyond(c, first, last, edges->drag_px, metric, drag_metric, &has_drag);
    }
    block->slop_ns[n] = (capture_span(c->time[first - 1], c->time[at_slop]) & -(int64_t)has_slop) | -(int64_t)!has_slop;
    capture_way_to(c, first - 1, at_drag, metric, &dx, &dy);
    across = capture_crosses_x(dx, dy, drag_metric, edges->drag_px);
    block->axis[n] = (across ? CAPTURE_AXIS_X : CAPTURE_AXIS_Y) & -has_drag;
    block->sign[n] = across ? dx : dy;
}

#define LOOK_BY(metric, same)                                                                         \
    case (metric) * 2 + (same):                                                                       \
        for (k = 0; k < n; k++)                                                                       \
            NAME(look_along)(c, block, k, edges, limits, metric, same);                               \
        break

KERNEL_TARGET static void NAME(see)(
    const capture_columns *c, capture_block *block, const capture_edges *edges, const capture_thresholds *limits)
{
    const int same = limits->drag_metric == CAPTURE_DRAG_METRIC_EUCLID && edges->slop_px == edges->drag_px;
    const int32_t n = block->count;
    int32_t k;
    switch (limits->slop_metric * 2 + same) {
        LOOK_BY(CAPTURE_SLOP_METRIC_EUCLID, 0);
        LOOK_BY(CAPTURE_SLOP_METRIC_EUCLID, 1);
        LOOK_BY(CAPTURE_SLOP_METRIC_TRUNC, 0);
        LOOK_BY(CAPTURE_SLOP_METRIC_TRUNC, 1);
        LOOK_BY(CAPTURE_SLOP_METRIC_ROUND, 0);
        LOOK_BY(CAPTURE_SLOP_METRIC_ROUND, 1);
    }
}

#undef FROM
#undef SEE
#undef LOOK_BY
#endif

/* See all strokes of a block as their dialect does: each metric is compiled by itself. */
KERNEL_TARGET static void NAME(look)(
    const capture_columns *c, capture_block *block, const capture_edges *edges, const capture_thresholds *limits,
    double density)
{
    const int32_t n = block->count;
    int32_t k;
    NAME(see)(c, block, edges, limits);
    if (limits->tap_at == CAPTURE_TAP_AT_END)
        for (k = 0; k < n; k++) {
            float dx, dy;
            capture_way_to(
                c, block->down[k], block->up[k] - !limits->up_moves, limits->slop_metric, &dx, &dy);
            block->end2[k] = dx * dx + dy * dy;
        }
    if (limits->velocity_strategy == CAPTURE_VELOCITY_STRATEGY_EARLY)
        for (k = 0; k < n; k++)
            capture_look_early_along(
                c, block->down[k], block->up[k], density, limits->early_ns, &block->vx[k], &block->vy[k]);
}
