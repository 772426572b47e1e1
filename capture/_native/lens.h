/* How a dialect looks at the samples of a stroke (docs/dialects.md): the way from the DOWN by its metric, when
 * it passed the slop, and on which axis it passed the drag distance.
 *
 * Ways are compared in px, squared where they are straight lines, with the largest float32 whose dp value is
 * inside the limit. No root and no division is taken in a loop. One body serves single samples and columns;
 * the metrics are constants in it, so that each combination is compiled by itself.
 */
#ifndef CAPTURE_LENS_H
#define CAPTURE_LENS_H

#include <math.h>

#include "rule.h"
#include "samples.h"

/* The two limits at a density. */
typedef struct {
    float slop;       /* dp, as configured; whole px where places are */
    float slop_in;    /* dp, the largest inside */
    float slop_px;    /* squared px, the largest inside; below 0 where nothing is */
    float drag;
    float drag_in;
    float drag_px;    /* squared where the drag metric is a straight line */
} capture_edges;

/* The state of a stroke. */
typedef struct {
    float most2;      /* largest squared way, px */
    float drag;       /* largest way along the axes of the drag metric, px; 0 where that is a straight line */
    float end2;       /* squared way to the last counted sample */
    int32_t axis;     /* of the first sample beyond the drag distance: 1 x, 2 y; 0 none */
    float sign;       /* the way along it there */
    int64_t slop_ns;  /* when the slop was passed; -1: not */
    double early_x;   /* the fastest way from the DOWN at an early MOVE, dp/s */
    double early_y;
    double early2;
} capture_view;

enum { CAPTURE_AXIS_NONE, CAPTURE_AXIS_X, CAPTURE_AXIS_Y };
enum { CAPTURE_NO_LENS = -1 }; /* beside the metrics: strokes are measured and not seen */

static inline int64_t capture_since(int64_t earlier, int64_t later)
{
    return (int64_t)((uint64_t)later - (uint64_t)earlier);
}

static inline int64_t capture_span(int64_t earlier, int64_t later)
{
    const int64_t span = capture_since(earlier, later);
    return span > 0 ? span : 0;
}

static inline float capture_dp(float px, double density)
{
    return (float)(px / density);
}

/* The largest float32, squared or not, whose dp value is not above `inside`; -1 where even 0 is. */
static inline float capture_largest(float inside, double density, int squared)
{
    uint32_t low = 0, high = 0x7f800000u, middle; /* as bits, which are in the order of the values */
    float value = 0;
    if (!(capture_dp(0.0f, density) <= inside))
        return -1.0f;
    while (low < high) {
        middle = low + (high - low + 1) / 2;
        memcpy(&value, &middle, sizeof value);
        if (capture_dp(squared ? sqrtf(value) : value, density) <= inside)
            low = middle;
        else
            high = middle - 1;
    }
    memcpy(&value, &low, sizeof value);
    return value;
}

/* A limit at a density, as configured and the largest inside: whole px with the metric of whole px. */
static inline void capture_edge(
    const capture_limit *limit, int whole_px, double density, float *given, float *inside)
{
    const int open = limit->inside != limit->given;
    double px;
    *given = limit->given;
    if (whole_px && !isinf(limit->value)) {
        px = floor(limit->value * density + 0.5);
        *given = (float)((px < 1 ? 1 : px) / density);
    }
    *inside = open ? nextafterf(*given, -INFINITY) : *given;
}

static inline void capture_edges_at(double density, const capture_thresholds *limits, capture_edges *edges)
{
    const int whole = limits->slop_metric == CAPTURE_SLOP_METRIC_TRUNC;
    capture_edge(&limits->touch_slop_dp, whole, density, &edges->slop, &edges->slop_in);
    capture_edge(&limits->drag_distance_dp, whole, density, &edges->drag, &edges->drag_in);
    edges->slop_px = capture_largest(edges->slop_in, density, 1);
    edges->drag_px = capture_largest(edges->drag_in, density, limits->drag_metric == CAPTURE_DRAG_METRIC_EUCLID);
}

static inline void capture_view_begin(capture_view *view)
{
    memset(view, 0, sizeof *view);
    view->slop_ns = -1;
}

/* floor(v + 0.5) without a wider type: the part of v above its floor is compared with a half, and rounding
 * moves nothing across that. */
static inline float capture_whole(float v)
{
    const float below = floorf(v);
    return below + (v - below >= 0.5f ? 1.0f : 0.0f);
}

/* The way from the DOWN as the metric has it. */
static inline void capture_way(float x0, float y0, float x, float y, int metric, float *dx, float *dy)
{
    if (metric == CAPTURE_SLOP_METRIC_ROUND) {
        *dx = capture_whole(x) - capture_whole(x0);
        *dy = capture_whole(y) - capture_whole(y0);
        return;
    }
    *dx = x - x0;
    *dy = y - y0;
    if (metric == CAPTURE_SLOP_METRIC_TRUNC) {
        *dx = truncf(*dx);
        *dy = truncf(*dy);
    }
}

static inline float capture_along(float dx, float dy, int drag_metric)
{
    const float x = fabsf(dx), y = fabsf(dy);
    if (drag_metric == CAPTURE_DRAG_METRIC_X)
        return x;
    if (drag_metric == CAPTURE_DRAG_METRIC_Y)
        return y;
    return x > y ? x : y;
}

/* Whether a way that passes the drag distance does so in x. */
static inline int capture_crosses_x(float dx, float dy, int drag_metric, float edge)
{
    if (drag_metric == CAPTURE_DRAG_METRIC_EUCLID)
        return fabsf(dx) > fabsf(dy);
    if (drag_metric == CAPTURE_DRAG_METRIC_AXIS)
        return !(fabsf(dy) > edge);
    return drag_metric == CAPTURE_DRAG_METRIC_X;
}

/* Look at one counted sample. */
static inline void capture_look(
    capture_view *view, float x0, float y0, int64_t since, float x, float y, const capture_edges *edges,
    int metric, int drag_metric)
{
    float dx, dy, way2, along;
    capture_way(x0, y0, x, y, metric, &dx, &dy);
    way2 = dx * dx + dy * dy;
    view->end2 = way2;
    if (way2 > view->most2)
        view->most2 = way2;
    if (way2 > edges->slop_px && view->slop_ns < 0)
        view->slop_ns = since > 0 ? since : 0;
    if (drag_metric == CAPTURE_DRAG_METRIC_EUCLID) {
        along = way2;
    } else {
        along = capture_along(dx, dy, drag_metric);
        if (along > view->drag)
            view->drag = along;
    }
    if (along > edges->drag_px && view->axis == CAPTURE_AXIS_NONE) {
        const int by_x = capture_crosses_x(dx, dy, drag_metric, edges->drag_px);
        view->axis = by_x ? CAPTURE_AXIS_X : CAPTURE_AXIS_Y;
        view->sign = by_x ? dx : dy;
    }
}

/* Keep the fastest way from the DOWN: of the MOVEs before `early_ns`, the first of equals. */
static inline void capture_look_early(
    capture_view *view, float x0, float y0, int64_t since, float x, float y, double density, int64_t early_ns)
{
    double vx, vy, both;
    if (since <= 0 || since >= early_ns)
        return;
    vx = (double)(x - x0) / density * 1e9 / (double)since;
    vy = (double)(y - y0) / density * 1e9 / (double)since;
    both = vx * vx + vy * vy;
    if (both > view->early2) {
        view->early2 = both;
        view->early_x = vx;
        view->early_y = vy;
    }
}

/* ---- of samples in columns, for the kernels --------------------------------------------------- */

static inline void capture_way_to(
    const capture_columns *c, int64_t down, int64_t k, int metric, float *dx, float *dy)
{
    capture_way(c->x[down], c->y[down], c->x[k], c->y[k], metric, dx, dy);
}

/* The sample of the lowest bit; `first` without one. */
static inline int64_t capture_place_of(uint64_t bits, int64_t first, int32_t *found)
{
    *found = bits != 0;
    return first + (capture_lowest(bits | (uint64_t)1 << 63) & -*found);
}

/* The first sample from `first` to `last` whose way from the one before `first` is beyond a limit, else `first`. */
static inline int64_t capture_first_beyond(
    const capture_columns *c, int64_t first, int64_t last, float edge, int metric, int drag_metric, int32_t *found)
{
    int64_t k;
    float dx, dy;
    for (k = first; k <= last; k++) {
        capture_way_to(c, first - 1, k, metric, &dx, &dy);
        *found = drag_metric == CAPTURE_DRAG_METRIC_EUCLID ? dx * dx + dy * dy > edge
                                                           : capture_along(dx, dy, drag_metric) > edge;
        if (*found)
            return k;
    }
    return first;
}

/* The fastest way from the DOWN of the early MOVEs. */
static inline void capture_look_early_along(
    const capture_columns *c, int64_t down, int64_t up, double density, int64_t early_ns, double *vx, double *vy)
{
    capture_view view;
    int64_t k;
    capture_view_begin(&view);
    for (k = down + 1; k < up && capture_since(c->time[down], c->time[k]) < early_ns; k++)
        capture_look_early(
            &view, c->x[down], c->y[down], capture_since(c->time[down], c->time[k]), c->x[k], c->y[k], density,
            early_ns);
    *vx = view.early_x;
    *vy = view.early_y;
}

/* The variant of a metric for each drag metric. */
#define CAPTURE_BY_DRAG(call, metric)                                     \
    switch (limits->drag_metric) {                                        \
    case CAPTURE_DRAG_METRIC_EUCLID: call(metric, CAPTURE_DRAG_METRIC_EUCLID); break; \
    case CAPTURE_DRAG_METRIC_AXIS: call(metric, CAPTURE_DRAG_METRIC_AXIS); break;     \
    case CAPTURE_DRAG_METRIC_X: call(metric, CAPTURE_DRAG_METRIC_X); break;           \
    default: call(metric, CAPTURE_DRAG_METRIC_Y); break;                  \
    }
#define CAPTURE_BY_METRIC(call)                                           \
    switch (limits->slop_metric) {                                        \
    case CAPTURE_SLOP_METRIC_EUCLID: CAPTURE_BY_DRAG(call, CAPTURE_SLOP_METRIC_EUCLID); break; \
    case CAPTURE_SLOP_METRIC_TRUNC: CAPTURE_BY_DRAG(call, CAPTURE_SLOP_METRIC_TRUNC); break;   \
    default: CAPTURE_BY_DRAG(call, CAPTURE_SLOP_METRIC_ROUND); break;     \
    }

static inline void capture_look_at(
    capture_view *view, float x0, float y0, int64_t since, float x, float y, const capture_edges *edges,
    const capture_thresholds *limits)
{
#define CAPTURE_CALL(metric, drag) capture_look(view, x0, y0, since, x, y, edges, metric, drag)
    CAPTURE_BY_METRIC(CAPTURE_CALL)
#undef CAPTURE_CALL
}

#endif
