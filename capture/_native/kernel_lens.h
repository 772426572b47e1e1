/* Observations of a dialect (lens.h) while strokes are measured, eight samples at a time; a part of kernel_body.h. */

/* The way from the DOWN as the metric has it, of eight samples; `from`: as a straight line has it. */
#define FROM(v, v0, from) \
    (metric == CAPTURE_SLOP_METRIC_ROUND   ? SUB(WHOLE(v), v0) \
     : metric == CAPTURE_SLOP_METRIC_TRUNC ? TRUNC(from)       \
                                           : (from))

/* See eight samples, k + 1 to k + 8, of the stroke from `i` on; `keep` drops those that do not count. Which of a
 * stroke's first 64 samples are beyond a limit is kept as bits, so that nothing hangs on a branch. */
#define SEE(x, y, from_x, from_y, from2, keep)                                                        \
    do {                                                                                              \
        const LANES dx = FROM(x, whole_x0, from_x), dy = FROM(y, whole_y0, from_y);                   \
        const LANES way2 = keep(                                                                      \
            metric == CAPTURE_SLOP_METRIC_EUCLID ? (from2) : ADD(MUL(dx, dx), MUL(dy, dy)));          \
        LANES along = way2;                                                                           \
        most2 = MAX(most2, way2);                                                                     \
        if (limits_are == CAPTURE_ALONG_AXES) {                                                       \
            along = keep(MAX(KEEP(SIZE(dx), by_x), KEEP(SIZE(dy), by_y)));                            \
            most = MAX(most, along);                                                                  \
        }                                                                                             \
        if (k - i < 64) {                                                                             \
            passed |= (uint64_t)ABOVE(way2, slop) << (k - i);                                         \
            if (limits_are != CAPTURE_ONE_LIMIT)                                                      \
                crossed |= (uint64_t)ABOVE(along, drag) << (k - i);                                   \
        }                                                                                             \
    } while (0)

/* Note when stroke n passed the slop, and the way from its DOWN where it passed the drag distance. The sample is only
 * looked for where a stroke of more than 64 passes one later. */
KERNEL_TARGET static inline CAPTURE_INLINE void NAME(note)(
    const capture_columns *c, capture_block *block, int32_t n, int64_t down, int64_t last, uint64_t passed,
    uint64_t crossed, const capture_edges *edges, int metric, int drag_metric, int limits_are)
{
    const int64_t length = last - down;
    const uint64_t counted = length < 64 ? ((uint64_t)1 << length) - 1 : ~(uint64_t)0;
    int32_t has_slop, has_drag;
    int64_t at_drag, at_slop = capture_place_of(passed & counted, down + 1, &has_slop);
    if (length > 64 && !has_slop)
        at_slop = capture_first_beyond(
            c, down + 1, last, edges->slop_px, metric, CAPTURE_DRAG_METRIC_EUCLID, &has_slop);
    at_drag = at_slop;
    has_drag = has_slop;
    if (limits_are != CAPTURE_ONE_LIMIT) {
        at_drag = capture_place_of(crossed & counted, down + 1, &has_drag);
        if (length > 64 && !has_drag)
            at_drag = capture_first_beyond(c, down + 1, last, edges->drag_px, metric, drag_metric, &has_drag);
    }
    block->slop_ns[n] = (capture_span(c->time[down], c->time[at_slop]) & -(int64_t)has_slop) | -(int64_t)!has_slop;
    block->axis[n] = -has_drag;
    capture_way_to(c, down, at_drag, metric, &block->sign[n], &block->sign_y[n]);
}

/* Which axis the drag distance was passed on, and the way along it there. */
KERNEL_TARGET static inline void NAME(cross)(capture_block *block, int drag_metric, float edge)
{
    int32_t *restrict axis = block->axis;
    float *restrict sign = block->sign;
    const float *restrict dy = block->sign_y;
    const int32_t count = block->count;
    int32_t n;
#define CROSSINGS(drag_metric)                                                                        \
    case drag_metric:                                                                                 \
        for (n = 0; n < count; n++) {                                                                 \
            const int32_t across = -(capture_crosses_x(sign[n], dy[n], drag_metric, edge) != 0);      \
            axis[n] &= (across & CAPTURE_AXIS_X) | (~across & CAPTURE_AXIS_Y);                        \
            sign[n] = across ? sign[n] : dy[n];                                                       \
        }                                                                                             \
        break
    switch (drag_metric) {
        CROSSINGS(CAPTURE_DRAG_METRIC_EUCLID);
        CROSSINGS(CAPTURE_DRAG_METRIC_AXIS);
        CROSSINGS(CAPTURE_DRAG_METRIC_X);
        CROSSINGS(CAPTURE_DRAG_METRIC_Y);
    }
#undef CROSSINGS
}
