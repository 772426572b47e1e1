/* The least squares fit of the release velocity (velocity.pyx has it sample by sample); a part of kernel_body.h.
 *
 * Each of the ten running sums is a lane, which takes the samples from the oldest to the newest, and every product
 * and quotient is one of the same numbers: the bits are those of the plain loop.
 */

#if defined(CAPTURE_FOURS)
#define FOUR(name, from) memcpy(&(name), (from), sizeof(name))
#define SAME4(v) (capture_spans){(v), (v), (v), (v)}
#define SPLAT(v, lane) __builtin_shufflevector(v, v, lane, lane, lane, lane)
#define ADD_SAMPLE(x_y, t_q, a, b)                                                                    \
    do {                                                                                              \
        const capture_doubles sample = __builtin_shufflevector(x_y, t_q, a, b, 4 + (a), 4 + (b));     \
        plain += sample;                                                                              \
        by_t += sample * SPLAT(sample, 2);                                                            \
        by_q += sample * SPLAT(sample, 3);                                                            \
    } while (0)

/* Bits of the samples from `i` on, of 20, that are the last ones of a history: what follows is too late or of the
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
    const int64_t *last;
    uint32_t breaks = 0;
    if (time[newest] < INT64_MIN + CAPTURE_HORIZON_NS)
        return 0;
    BREAKS(16);
    BREAKS(12);
    BREAKS(8);
    if (breaks == 0) {
        BREAKS(4);
        BREAKS(0);
        if (breaks == 0)
            return 20;
    }
    breaks = 31 - (uint32_t)__builtin_clz(breaks);
    last = time + newest - 20 + breaks;
    return last[0] == last[1] ? 0 : 20 - (int)breaks;
}

/* Add four samples, the oldest first; each lane of `mask` is -1, or 0 where there is none. */
#define ADD_FOUR(at, keep)                                                                            \
    do {                                                                                              \
        capture_spans then;                                                                           \
        capture_doubles t, q, x, y, odd, even, odd_t, even_t;                                         \
        FOUR(then, c->time + (at));                                                                   \
        /* A whole number below 2**52 in the low bits of 2**52. */                                    \
        then = (base - then) | two52;                                                                 \
        t = keep((4503599627370496.0 - (capture_doubles)then) * 1e-9);                                \
        x = keep(PLACES(c->x + (at)));                                                                \
        y = keep(PLACES(c->y + (at)));                                                                \
        q = t * t;                                                                                    \
        even = __builtin_shufflevector(x, y, 0, 4, 2, 6);                                             \
        odd = __builtin_shufflevector(x, y, 1, 5, 3, 7);                                              \
        even_t = __builtin_shufflevector(t, q, 0, 4, 2, 6);                                           \
        odd_t = __builtin_shufflevector(t, q, 1, 5, 3, 7);                                            \
        ADD_SAMPLE(even, even_t, 0, 1);                                                               \
        ADD_SAMPLE(odd, odd_t, 0, 1);                                                                 \
        ADD_SAMPLE(even, even_t, 2, 3);                                                               \
        ADD_SAMPLE(odd, odd_t, 2, 3);                                                                 \
    } while (0)
#define ALL4(v) v
#define KEPT4(v) (capture_doubles)((capture_spans)(v) & mask)

/* The slope at the newest of n samples; 0 where the parabola is not determined. */
KERNEL_TARGET static inline void NAME(slope)(
    const capture_columns *c, int64_t newest, int n, double *vx, double *vy)
{
    static const int64_t edge[8] = {0, 0, 0, 0, -1, -1, -1, -1};
    const capture_spans base = SAME4(c->time[newest]), two52 = SAME4(0x4330000000000000);
    const int left_out = -n & 3; /* of the oldest four */
    const double count = n;
    capture_doubles plain = {0}, by_t = {0}, by_q = {0}, u, v;
    capture_spans mask;
    int64_t k = newest + 1 - n - left_out;
    double det;
    FOUR(mask, edge + 4 - left_out);
    ADD_FOUR(k, KEPT4);
    for (k += 4; k <= newest; k += 4)
        ADD_FOUR(k, ALL4);
    /* Lanes of u: Sxy of both axes, Sxx, Sxq; of v: Sqy of both axes, Sxq, Sqq. */
    u = by_t - plain * SPLAT(plain, 2) / count;
    v = by_q - plain * SPLAT(plain, 3) / count;
    det = u[2] * v[3] - u[3] * u[3];
    *vx = *vy = 0;
    if (det > 1e-12 * u[2] * v[3]) {
        *vx = (u[0] * v[3] - v[0] * u[3]) / det;
        *vy = (u[1] * v[3] - v[1] * u[3]) / det;
    }
}

/* Fit the strokes whose history can be read at once; return how many are left, which are noted in `rough`. */
KERNEL_TARGET static int32_t NAME(fit)(
    const capture_columns *c, capture_block *block, const capture_thresholds *limits)
{
    const int64_t *restrict time = c->time;
    const float *restrict x = c->x, *restrict y = c->y;
    const int restricted = limits->velocity_strategy == CAPTURE_VELOCITY_STRATEGY_LSQ2_RESTRICTED;
    const int offsets = limits->fling_distance_dp.value != 0, least = limits->min_samples > 3 ? limits->min_samples : 3;
    const int64_t stop_ns = limits->stop_ns, up_stop_ns = limits->up_stop_ns;
    int32_t k, left = 0;
    for (k = 0; k < block->count; k++) {
        const int64_t newest = block->up[k] - 1, here = newest - block->down[k] + 1;
        const int most = newest < 20 ? 0 : NAME(window)(time, newest, stop_ns);
        const int n = here < most ? (int)here : most;
        const int64_t oldest = newest + 1 - n;
        double vx = 0, vy = 0;
        if (n == 0 || (n == 2 && limits->min_samples <= 2)) {
            block->rough[left++] = k;
            continue;
        }
        if (n >= least && capture_since(time[newest], time[newest + 1]) <= up_stop_ns)
            NAME(slope)(c, newest, n, &vx, &vy);
        if (restricted && vx * ((double)x[newest] - (double)x[oldest]) + vy * ((double)y[newest] - (double)y[oldest]) < 0)
            vx = vy = 0;
        block->vx[k] = vx;
        block->vy[k] = vy;
        if (offsets) {
            block->offset_x[k] = x[newest] - x[oldest];
            block->offset_y[k] = y[newest] - y[oldest];
        }
    }
    return left;
}

#undef FOUR
#undef SAME4
#undef SPLAT
#undef ADD_SAMPLE
#undef BREAKS
#undef ADD_FOUR
#undef ALL4
#undef KEPT4
#else
KERNEL_TARGET static int32_t NAME(fit)(const capture_columns *c, capture_block *block, const capture_thresholds *limits)
{
    int32_t k;
    (void)c, (void)limits;
    for (k = 0; k < block->count; k++)
        block->rough[k] = k;
    return block->count;
}
#endif
