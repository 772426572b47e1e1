/* The body of one kernel; kernels.h includes it once for each instruction set. No include guard. */

#include "kernel_lens.h"

/* Add eight segments, samples k to k + 8, to the running measures of a stroke; `counted` drops samples not counted by
 * the lens. */
#define TAKE(x, y, keep, counted)                                                                     \
    do {                                                                                              \
        const LANES from_x = SUB(x, x0), from_y = SUB(y, y0);                                         \
        const LANES from2 = ADD(MUL(from_x, from_x), MUL(from_y, from_y));                            \
        const LANES step_x = SUB(x, LOAD(c->x + k)), step_y = SUB(y, LOAD(c->y + k));                 \
        farthest2 = MAX(farthest2, from2);                                                            \
        path = ADD(path, keep(SQRT(ADD(MUL(step_x, step_x), MUL(step_y, step_y)))));                  \
        low_x = MIN(low_x, x);                                                                        \
        high_x = MAX(high_x, x);                                                                      \
        low_y = MIN(low_y, y);                                                                        \
        high_y = MAX(high_y, y);                                                                      \
        falls = FALL(falls, c->time + k);                                                             \
        if (metric != CAPTURE_NO_LENS)                                                                \
            SEE(x, y, from_x, from_y, from2, counted);                                                \
    } while (0)
#define ALL(v) v
#define MASKED(v) KEEP(v, mask)
#define COUNTED(v) KEEP(v, lens)

/* Measure plain strokes from index i on, into the block, until the block is full or something comes
 * that the recogniser must see sample by sample. Returns the index of the first sample not measured.
 * Loads reach up to 64 samples behind a stroke's UP; those samples are masked away.
 * `metric` and `limits_are` are constants: each lens, and none, is compiled by itself.
 */
KERNEL_TARGET static inline CAPTURE_INLINE int64_t NAME(take)(
    const capture_columns *c, int64_t i, int64_t end, int64_t last_time, capture_block *block,
    const capture_edges *edges, const capture_thresholds *limits, int metric, int limits_are)
{
    static const uint32_t edge[16] = {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0, 0, 0, 0, 0, 0, 0, 0};
    const uint8_t *action = c->action;
    const LANES slop = SAME(metric == CAPTURE_NO_LENS ? 0.0f : edges->slop_px);
    const LANES drag = SAME(metric == CAPTURE_NO_LENS ? 0.0f : edges->drag_px);
    const int drag_metric = metric == CAPTURE_NO_LENS ? CAPTURE_DRAG_METRIC_EUCLID : limits->drag_metric;
    const LANES by_x = LOAD((const float *)(edge + 8 * (drag_metric == CAPTURE_DRAG_METRIC_Y)));
    const LANES by_y = LOAD((const float *)(edge + 8 * (drag_metric == CAPTURE_DRAG_METRIC_X)));
    const int moves = metric == CAPTURE_NO_LENS || limits->up_moves;
    const int64_t first = i;
    int64_t window = i;  /* the 64 samples whose ends are in bits */
    uint64_t bits;
    int32_t n = 0;

    block->count = 0;
    if (i + 72 > end)
        return i;
    bits = ENDS(action + window);
    while (n < CAPTURE_BLOCK) {
        int64_t k, up;
        if (i - window >= 64) {
            window = i;
            if (window + 72 > end)
                break;
            bits = ENDS(action + window);
        }
        if (action[i] != CAPTURE_DOWN || c->time[i] < last_time)
            break;
        bits &= (uint64_t)-2 << (i - window); /* the ends behind the DOWN */
        while (bits == 0 && window + 136 <= end) {
            window += 64;
            bits = ENDS(action + window);
        }
        if (bits == 0)
            break;
        up = window + capture_lowest(bits);
        if (action[up] != CAPTURE_UP)
            break;
        if (c->stream != NULL && c->stream[i] != c->stream[first])
            break;
        if ((c->stream != NULL || c->pointer != NULL) && !capture_one_pointer(c, i, up))
            break;

        const LANES x0 = SAME(c->x[i]), y0 = SAME(c->y[i]);
        LANES low_x = x0, high_x = x0, low_y = y0, high_y = y0;
        LANES farthest2 = SAME(0.0f), path = SAME(0.0f);
        FALLS_T falls = FALLS;
        const LANES whole_x0 = metric == CAPTURE_SLOP_METRIC_ROUND ? WHOLE(x0) : x0;
        const LANES whole_y0 = metric == CAPTURE_SLOP_METRIC_ROUND ? WHOLE(y0) : y0;
        LANES most2 = SAME(0.0f), most = SAME(0.0f);
        uint64_t passed = 0, crossed = 0;
        for (k = i; k + 8 < up; k += 8) {
            const LANES x = LOAD(c->x + k + 1), y = LOAD(c->y + k + 1);
            TAKE(x, y, ALL, ALL);
        }
        {   /* The last one to eight segments. The look at the times reaches past the UP: a step back
             * there only sends this stroke the slow way. */
            const LANES mask = LOAD((const float *)(edge + 8 - (up - k)));
            const LANES x = CHOOSE(mask, LOAD(c->x + k + 1), x0), y = CHOOSE(mask, LOAD(c->y + k + 1), y0);
            const LANES lens = LOAD((const float *)(edge + 8 - (up - k - !moves)));
            TAKE(x, y, MASKED, COUNTED);
        }
        block->path[n] = TOTAL(ADD4(LOW(path), HIGH(path)));
        SPREAD(
            MAX4(LOW(farthest2), HIGH(farthest2)), MAX4(LOW(high_x), HIGH(high_x)),
            MAX4(LOW(high_y), HIGH(high_y)), MIN4(LOW(low_x), HIGH(low_x)), MIN4(LOW(low_y), HIGH(low_y)),
            &block->farthest2[n], &block->width[n], &block->height[n]);
        /* A bad position makes the path NaN or infinite; so does a path that overflows. */
        if (!capture_finite(block->path[n]) || FELL(falls))
            break;
        last_time = c->time[up];
        block->down[n] = i;
        block->up[n] = up;
        if (metric != CAPTURE_NO_LENS) {
            block->most2[n] = TOP4(MAX4(LOW(most2), HIGH(most2)));
            block->along[n] = limits_are == CAPTURE_ALONG_AXES ? TOP4(MAX4(LOW(most), HIGH(most))) : 0.0f;
            NAME(note)(c, block, n, i, up - !moves, passed, crossed, edges, metric, drag_metric, limits_are);
        }
        n++;
        i = up + 1;
    }
    block->count = n;
    return i;
}

KERNEL_TARGET static int64_t NAME(measure)(
    const capture_columns *c, int64_t i, int64_t end, int64_t last_time, capture_block *block)
{
    return NAME(take)(c, i, end, last_time, block, NULL, NULL, CAPTURE_NO_LENS, CAPTURE_ONE_LIMIT);
}

/* The same, seen as a dialect does besides. */
KERNEL_TARGET static int64_t NAME(see)(
    const capture_columns *c, int64_t i, int64_t end, int64_t last_time, capture_block *block,
    const capture_edges *edges, const capture_thresholds *limits)
{
    const int straight = limits->drag_metric == CAPTURE_DRAG_METRIC_EUCLID;
    const int limits_are = !straight                   ? CAPTURE_ALONG_AXES
        : edges->slop_px == edges->drag_px ? CAPTURE_ONE_LIMIT
                                           : CAPTURE_TWO_LIMITS;
#define SEE_BY(metric, limits_are)                                                                    \
    case (metric) * 3 + (limits_are):                                                                 \
        i = NAME(take)(c, i, end, last_time, block, edges, limits, metric, limits_are);               \
        break
#define SEE_BY_METRIC(metric)                                                                         \
    SEE_BY(metric, CAPTURE_ONE_LIMIT);                                                                \
    SEE_BY(metric, CAPTURE_TWO_LIMITS);                                                               \
    SEE_BY(metric, CAPTURE_ALONG_AXES)
    switch (limits->slop_metric * 3 + limits_are) {
        SEE_BY_METRIC(CAPTURE_SLOP_METRIC_EUCLID);
        SEE_BY_METRIC(CAPTURE_SLOP_METRIC_TRUNC);
        SEE_BY_METRIC(CAPTURE_SLOP_METRIC_ROUND);
    }
#undef SEE_BY_METRIC
#undef SEE_BY
    NAME(cross)(block, limits->drag_metric, edges->drag_px);
    return i;
}

/* Copy the ends of the strokes and make dp, ms and dp/s of the measures, as classify.pxd's measure()
 * does for one stroke. `mean` is whether velocities are distance over duration, else they are left alone.
 * The loops are short and apart so that compilers turn them into vector code. */
KERNEL_TARGET static void NAME(finish)(
    const capture_columns *c, capture_block *block, double density, int mean, const capture_stroke_columns *to)
{
    const int32_t n = block->count;
    const int64_t *restrict time = c->time;
    const float *restrict x = c->x, *restrict y = c->y;
    int64_t *restrict time_down = to->time_down, *restrict time_up = to->time_up;
    float *restrict x_down = to->x_down, *restrict y_down = to->y_down;
    float *restrict x_up = to->x_up, *restrict y_up = to->y_up;
    double rate[CAPTURE_BLOCK];
    int32_t k;
    for (k = 0; k < n; k++) {
        const int64_t down = block->down[k], up = block->up[k];
        time_down[k] = time[down];
        time_up[k] = time[up];
        x_down[k] = x[down];
        y_down[k] = y[down];
        x_up[k] = x[up];
        y_up[k] = y[up];
    }
    for (k = 0; k < n; k++) {
        /* Wraps at 64 bits: a span of more than 292 years counts as 0. */
        const int64_t span = (int64_t)((uint64_t)to->time_up[k] - (uint64_t)to->time_down[k]);
        block->span[k] = span > 0 ? span : 0;
    }
    for (k = 0; k < n; k++) {
        rate[k] = (double)(block->span[k] > 1000000 ? block->span[k] : 1000000);
        to->duration[k] = (double)block->span[k];
    }
    for (k = 0; k < n; k++)
        to->duration[k] /= 1e6;
    for (k = 0; k < n; k++)
        block->dx[k] = to->x_up[k] - to->x_down[k];
    for (k = 0; k < n; k++)
        block->dy[k] = to->y_up[k] - to->y_down[k];
    for (k = 0; k < n; k++)
        to->distance[k] = sqrtf(block->farthest2[k]);
    if (density == 1.0) {
        memcpy(to->path_length, block->path, n * sizeof(float));
        memcpy(to->width, block->width, n * sizeof(float));
        memcpy(to->height, block->height, n * sizeof(float));
    } else {
        for (k = 0; k < n; k++)
            to->distance[k] = (float)(to->distance[k] / density);
        for (k = 0; k < n; k++)
            to->path_length[k] = (float)(block->path[k] / density);
        for (k = 0; k < n; k++)
            to->width[k] = (float)(block->width[k] / density);
        for (k = 0; k < n; k++)
            to->height[k] = (float)(block->height[k] / density);
        for (k = 0; k < n; k++)
            block->dx[k] = (float)(block->dx[k] / density);
        for (k = 0; k < n; k++)
            block->dy[k] = (float)(block->dy[k] / density);
    }
    if (mean) {
        for (k = 0; k < n; k++)
            rate[k] = 1e9 / rate[k];
        for (k = 0; k < n; k++)
            to->velocity[k] = (float)(to->distance[k] * rate[k]);
        for (k = 0; k < n; k++)
            to->velocity_x[k] = (float)(block->dx[k] * rate[k]);
        for (k = 0; k < n; k++)
            to->velocity_y[k] = (float)(block->dy[k] * rate[k]);
    }
}

/* Classify the strokes as classify.pxd's decide() does for one. The loops are apart so that each becomes
 * vector code; the thresholds are copied so that no store can change them. */
KERNEL_TARGET static void NAME(decide)(
    const capture_block *block, const capture_thresholds *thresholds, const capture_stroke_columns *to)
{
    const int32_t n = block->count;
    const capture_thresholds limits = *thresholds;
    const float *restrict distance = to->distance, *restrict velocity = to->velocity;
    const float *restrict width = to->width, *restrict height = to->height;
    uint8_t *restrict kind = to->kind, *restrict reason = to->reason, *restrict direction = to->direction;
    int32_t kinds[CAPTURE_BLOCK];
    int32_t k;
    for (k = 0; k < n; k++)
        kinds[k] = capture_kind_of(distance[k], velocity[k], block->span[k], &limits);
    for (k = 0; k < n; k++) {
        kind[k] = (uint8_t)kinds[k];
        reason[k] = (uint8_t)capture_reason_of(kinds[k]);
    }
    for (k = 0; k < n; k++)
        direction[k] = (uint8_t)capture_direction_of(
            kinds[k], block->dx[k], block->dy[k], width[k], height[k], &limits);
}

/* classify.pxd's count_tap() for many records: which ones continue a run is computed for all
 * at once, then the runs are counted. */
KERNEL_TARGET static void NAME(count_taps)(
    int32_t n, capture_run *run, double density, const capture_thresholds *limits, const capture_stroke_columns *to)
{
    int64_t gap[CAPTURE_BLOCK];
    float apart[CAPTURE_BLOCK];
    uint8_t multi[CAPTURE_BLOCK], rage[CAPTURE_BLOCK];
    const uint8_t *restrict kind = to->kind;
    int32_t *restrict tap_count = to->tap_count;
    uint8_t *restrict enough = to->rage;
    float dx = to->x_down[0] - run->x_down, dy = to->y_down[0] - run->y_down;
    int32_t k, taps = run->taps, rage_taps = run->taps ? run->rage_taps : 0;
    gap[0] = (int64_t)((uint64_t)to->time_down[0] - (uint64_t)run->time_up);
    apart[0] = sqrtf(dx * dx + dy * dy);
    for (k = 1; k < n; k++)
        gap[k] = (int64_t)((uint64_t)to->time_down[k] - (uint64_t)to->time_up[k - 1]);
    for (k = 1; k < n; k++) {
        dx = to->x_down[k] - to->x_down[k - 1];
        dy = to->y_down[k] - to->y_down[k - 1];
        apart[k] = sqrtf(dx * dx + dy * dy);
    }
    if (density != 1.0)
        for (k = 0; k < n; k++)
            apart[k] = (float)(apart[k] / density);
    for (k = 0; k < n; k++) {
        multi[k] = (gap[k] <= limits->multi_tap_timeout_ns) & (apart[k] <= limits->multi_tap_slop_dp.inside);
        rage[k] = (gap[k] <= limits->rage_tap_timeout_ns) & (apart[k] <= limits->rage_tap_radius_dp.inside);
    }
    for (k = 0; k < n; k++) {
        const int32_t tap = capture_runs(kind[k]);
        taps = ((taps & -(int32_t)multi[k]) + 1) & tap;
        rage_taps = ((rage_taps & -(int32_t)rage[k]) + 1) & tap;
        tap_count[k] = taps;
        enough[k] = rage_taps == limits->rage_tap_count;
    }
    run->time_up = to->time_up[n - 1];
    run->x_down = to->x_down[n - 1];
    run->y_down = to->y_down[n - 1];
    run->taps = taps;
    run->rage_taps = rage_taps;
}

#include "kernel_early.h"
#include "kernel_fit.h"
#include "kernel_judge.h"

#undef TAKE
#undef ALL
#undef MASKED
#undef COUNTED
#undef FROM
#undef SEE
#undef NAME
#undef KERNEL_TARGET
#undef LANES
#undef SAME
#undef LOAD
#undef LOW
#undef HIGH
#undef ADD
#undef SUB
#undef MUL
#undef MAX
#undef MIN
#undef SQRT
#undef KEEP
#undef CHOOSE
#undef FALLS
#undef FALLS_T
#undef FALL
#undef FELL
#undef ENDS
#undef MAX4
#undef MIN4
#undef ADD4
#undef SPREAD
#undef TOTAL
#undef TOP4
#undef ABOVE
#undef TRUNC
#undef WHOLE
#undef SIZE
#undef MASK4
#undef PLACES
