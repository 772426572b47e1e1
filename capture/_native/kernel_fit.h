/* The release velocities that are estimated from a stroke's recent samples (velocity.pyx has them sample by sample);
 * a part of kernel_body.h.
 *
 * Four strokes are fitted at a time, one in each lane, whose histories hold equally many samples. Nothing hangs on a
 * branch, and each lane takes its samples from the oldest to the newest. Every sum, product and quotient is one of the
 * same numbers as in the plain loop, so that the bits are the same.
 */

#if defined(CAPTURE_FOURS)
#define FOUR(name, from) memcpy(&(name), (from), sizeof(name))
#define SAME4(v) (capture_spans){(v), (v), (v), (v)}

/* Seconds before the newest sample, negative: a whole number below 2**52 in the low bits of 2**52. */
#define SECONDS4(then, base) \
    ((4503599627370496.0 - (capture_doubles)(((base) - (then)) | SAME4(0x4330000000000000))) * 1e-9)

/* Bits of the samples from `i` on, of 20, that are the last ones before a history: the next one is too late or of the
 * same time, or they are too old. */
#define BREAKS(i)                                                                                     \
    do {                                                                                              \
        capture_spans then, gap;                                                                      \
        FOUR(then, time + newest - 20 + (i));                                                         \
        FOUR(gap, time + newest - 19 + (i));                                                          \
        gap -= then;                                                                                  \
        breaks |= MASK4((gap > stop) | (one > gap) | (oldest > then)) << (i);                         \
    } while (0)

/* How many samples the history holds whose newest one is given, which has at least 20 before it; 0 where two may be
 * of one time. Samples before the stroke's first one count. */
KERNEL_TARGET static inline int NAME(window)(const int64_t *time, int64_t newest, int64_t stop_ns)
{
    const capture_spans stop = SAME4(stop_ns), one = SAME4(1), oldest = SAME4(time[newest] - CAPTURE_HORIZON_NS);
    uint32_t breaks = 1;
    int last;
    if (time[newest] < INT64_MIN + CAPTURE_HORIZON_NS)
        return 0;
    BREAKS(16);
    BREAKS(12);
    BREAKS(8);
    BREAKS(4);
    BREAKS(0);
    last = 31 - __builtin_clz(breaks);
    return time[newest - 20 + last] == time[newest - 19 + last] ? 0 : 20 - last;
}

/* The four rows become columns. */
#define TURN(a, b, c, d)                                                                              \
    do {                                                                                              \
        const __typeof__(a) ab = __builtin_shufflevector(a, b, 0, 4, 2, 6);                           \
        const __typeof__(a) cd = __builtin_shufflevector(c, d, 0, 4, 2, 6);                           \
        const __typeof__(a) ba = __builtin_shufflevector(a, b, 1, 5, 3, 7);                           \
        const __typeof__(a) dc = __builtin_shufflevector(c, d, 1, 5, 3, 7);                           \
        a = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);                                              \
        b = __builtin_shufflevector(ba, dc, 0, 1, 4, 5);                                              \
        c = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);                                              \
        d = __builtin_shufflevector(ba, dc, 2, 3, 6, 7);                                              \
    } while (0)

/* Read the newest n samples of four strokes, and up to three behind them. */
KERNEL_TARGET static inline void NAME(gather)(
    const capture_columns *c, const int64_t *newest, int n, capture_doubles *t, capture_doubles *x, capture_doubles *y)
{
    const int64_t *const time = c->time;
    const capture_spans base = {time[newest[0]], time[newest[1]], time[newest[2]], time[newest[3]]};
    const int64_t at[4] = {newest[0] + 1 - n, newest[1] + 1 - n, newest[2] + 1 - n, newest[3] + 1 - n};
    int i;
    for (i = 0; i < n; i += 4) {
        capture_spans then[4];
        FOUR(then[0], time + at[0] + i);
        FOUR(then[1], time + at[1] + i);
        FOUR(then[2], time + at[2] + i);
        FOUR(then[3], time + at[3] + i);
        TURN(then[0], then[1], then[2], then[3]);
        t[i] = SECONDS4(then[0], base);
        t[i + 1] = SECONDS4(then[1], base);
        t[i + 2] = SECONDS4(then[2], base);
        t[i + 3] = SECONDS4(then[3], base);
    }
#define PLACES_OF(v)                                                                                  \
    for (i = 0; i < n; i += 4) {                                                                      \
        v[i] = PLACES(c->v + at[0] + i);                                                              \
        v[i + 1] = PLACES(c->v + at[1] + i);                                                          \
        v[i + 2] = PLACES(c->v + at[2] + i);                                                          \
        v[i + 3] = PLACES(c->v + at[3] + i);                                                          \
        TURN(v[i], v[i + 1], v[i + 2], v[i + 3]);                                                     \
    }
    PLACES_OF(x)
    PLACES_OF(y)
#undef PLACES_OF
}

#define WHERE4(condition, v) (capture_doubles)((capture_spans)(v) & (condition))

/* The slopes at the newest of n samples of four strokes; 0 where the parabola is not determined. */
KERNEL_TARGET static inline void NAME(slopes)(
    const capture_columns *c, const int64_t *newest, int n, capture_doubles *vx, capture_doubles *vy)
{
    const double count = n;
    capture_doubles t[24], x[24], y[24];
    capture_doubles s1 = {0}, s2 = {0}, s3 = {0}, s4 = {0};
    capture_doubles x1 = {0}, sx = {0}, s2x = {0}, y1 = {0}, sy = {0}, s2y = {0};
    capture_doubles sxx, sxq, sqq, det;
    capture_spans is_determined;
    int i;
    NAME(gather)(c, newest, n, t, x, y);
    for (i = 0; i < n; i++) {
        const capture_doubles q = t[i] * t[i];
        s1 += t[i];
        s2 += q;
        s3 += q * t[i];
        s4 += q * q;
        x1 += x[i];
        sx += t[i] * x[i];
        s2x += q * x[i];
        y1 += y[i];
        sy += t[i] * y[i];
        s2y += q * y[i];
    }
    sxx = s2 - s1 * s1 / count;
    sxq = s3 - s1 * s2 / count;
    sqq = s4 - s2 * s2 / count;
    det = sxx * sqq - sxq * sxq;
    is_determined = det > 1e-12 * sxx * sqq;
    *vx = WHERE4(is_determined, ((sx - s1 * x1 / count) * sqq - (s2x - s2 * x1 / count) * sxq) / det);
    *vy = WHERE4(is_determined, ((sy - s1 * y1 / count) * sqq - (s2y - s2 * y1 / count) * sxq) / det);
}

/* Fit the first four strokes of these, or as many as there are, whose histories hold n samples. */
KERNEL_TARGET static inline void NAME(fit_four)(
    const capture_columns *c, capture_block *block, const int32_t *strokes, int32_t count, int n)
{
    capture_doubles vx, vy;
    int64_t newest[4];
    int i;
    for (i = 0; i < 4; i++)
        newest[i] = block->up[strokes[i < count ? i : 0]] - 1;
    NAME(slopes)(c, newest, n, &vx, &vy);
    for (i = 0; i < 4 && i < count; i++) {
        block->vx[strokes[i]] = vx[i];
        block->vy[strokes[i]] = vy[i];
    }
}

/* Fit parabolas to the strokes whose histories can be read at once; return how many are left, which are noted in `rough`. */
KERNEL_TARGET static int32_t NAME(fit_parabolas)(
    const capture_columns *c, capture_block *block, const capture_thresholds *limits)
{
    const int64_t *restrict time = c->time, *restrict up = block->up;
    const float *restrict x = c->x, *restrict y = c->y;
    double *restrict vx = block->vx, *restrict vy = block->vy;
    const int least = limits->min_samples > 3 ? limits->min_samples : 3, few = limits->min_samples <= 2;
    const int64_t stop_ns = limits->stop_ns, up_stop_ns = limits->up_stop_ns;
    int32_t size[CAPTURE_BLOCK], fitted[CAPTURE_BLOCK], order[CAPTURE_BLOCK], ends[CAPTURE_RECENT + 2] = {0};
    int32_t k, n, left = 0;
    for (k = 0; k < block->count; k++) {
        const int64_t newest = up[k] - 1, here = up[k] - block->down[k];
        const int most = newest < 20 ? 0 : NAME(window)(time, newest, stop_ns);
        size[k] = here < most ? (int32_t)here : most;
        block->rough[left] = k;
        left += (size[k] == 0) | ((size[k] == 2) & few);
        fitted[k] = (capture_since(time[newest], time[newest + 1]) <= up_stop_ns) & (size[k] >= least) ? size[k] : 0;
        ends[fitted[k] + 1]++;
        vx[k] = vy[k] = 0;
    }
    for (n = 1; n <= CAPTURE_RECENT; n++)
        ends[n] += ends[n - 1];
    for (k = 0; k < block->count; k++)
        order[ends[fitted[k]]++] = k;
    for (n = least; n <= CAPTURE_RECENT; n++)
        for (k = ends[n - 1]; k < ends[n]; k += 4)
            NAME(fit_four)(c, block, order + k, ends[n] - k, n);
    if (limits->velocity_strategy == CAPTURE_VELOCITY_STRATEGY_LSQ2_RESTRICTED)
        for (k = 0; k < block->count; k++) {
            const int64_t newest = up[k] - 1, oldest = up[k] - size[k];
            if (vx[k] * ((double)x[newest] - (double)x[oldest]) + vy[k] * ((double)y[newest] - (double)y[oldest]) < 0)
                vx[k] = vy[k] = 0;
        }
    if (limits->fling_distance_dp.value != 0)
        for (k = 0; k < block->count; k++) {
            block->offset_x[k] = x[up[k] - 1] - x[up[k] - size[k]];
            block->offset_y[k] = y[up[k] - 1] - y[up[k] - size[k]];
        }
    return left;
}

/* ---- the last three segments, weighed ---------------------------------------------------------- */

/* How many of the newest four samples count; 0 where two may be of one time. */
KERNEL_TARGET static inline int NAME(segments)(const int64_t *time, int64_t newest, int64_t stop_ns)
{
    const capture_spans stop = SAME4(stop_ns), one = SAME4(1), oldest = SAME4(time[newest] - CAPTURE_HORIZON_NS);
    capture_spans then, gap;
    uint32_t breaks;
    int last;
    if (time[newest] < INT64_MIN + CAPTURE_HORIZON_NS)
        return 0;
    FOUR(then, time + newest - 4);
    FOUR(gap, time + newest - 3);
    gap -= then;
    breaks = MASK4((gap > stop) | (one > gap) | (oldest > then)) | 1;
    last = 31 - __builtin_clz(breaks);
    return time[newest - 4 + last] == time[newest - 3 + last] ? 0 : 4 - last;
}

/* Each lane's difference from the lane before it. */
#define STEPS4(v) ((v) - __builtin_shufflevector(v, v, 0, 0, 1, 2))

/* Weigh the last three segments of strokes, a missing one as 0; return how many strokes are left, as above. */
KERNEL_TARGET static int32_t NAME(weigh_segments)(
    const capture_columns *c, capture_block *block, const capture_thresholds *limits)
{
    static const int64_t edge[7] = {0, 0, 0, 0, -1, -1, -1};
    const int64_t *restrict time = c->time;
    const int64_t stop_ns = limits->stop_ns, up_stop_ns = limits->up_stop_ns;
    const int least = limits->min_samples > 2 ? limits->min_samples : 2;
    const capture_doubles weight = {0, 0.6, 0.35, 0.05};
    int32_t k, left = 0;
    for (k = 0; k < block->count; k++) {
        const int64_t newest = block->up[k] - 1, here = block->up[k] - block->down[k];
        const int most = newest < 4 ? 0 : NAME(segments)(time, newest, stop_ns), n = here < most ? (int)here : most;
        const int fits = (capture_since(time[newest], time[newest + 1]) <= up_stop_ns) & (n >= least);
        capture_doubles t, x, y;
        capture_spans then, counted;
        if (n == 0) {
            block->rough[left++] = k;
            continue;
        }
        FOUR(then, time + newest - 3);
        FOUR(counted, edge + (fits ? n - 1 : 0));
        t = SECONDS4(then, SAME4(time[newest]));
        x = PLACES(c->x + newest - 3);
        y = PLACES(c->y + newest - 3);
        x = WHERE4(counted, STEPS4(x) / STEPS4(t)) * weight;
        y = WHERE4(counted, STEPS4(y) / STEPS4(t)) * weight;
        block->vx[k] = x[1] + x[2] + x[3];
        block->vy[k] = y[1] + y[2] + y[3];
    }
    return left;
}

#undef FOUR
#undef SAME4
#undef SECONDS4
#undef BREAKS
#undef TURN
#undef WHERE4
#undef STEPS4
#endif

/* Estimate the release velocities; return how many strokes are left, which are noted in `rough`. */
KERNEL_TARGET static int32_t NAME(fit)(
    const capture_columns *c, capture_block *block, const capture_thresholds *limits)
{
    int32_t k;
#if defined(CAPTURE_FOURS)
    const int whole = limits->fling_distance_dp.value != 0 && limits->fling_over != CAPTURE_FLING_OVER_STROKE;
    switch (limits->velocity_strategy) {
    case CAPTURE_VELOCITY_STRATEGY_LSQ2:
    case CAPTURE_VELOCITY_STRATEGY_LSQ2_RESTRICTED:
        return NAME(fit_parabolas)(c, block, limits);
    case CAPTURE_VELOCITY_STRATEGY_IOS:
        if (limits->min_samples <= 4 && !whole)
            return NAME(weigh_segments)(c, block, limits);
    }
#endif
    (void)c, (void)limits;
    for (k = 0; k < block->count; k++)
        block->rough[k] = k;
    return block->count;
}
