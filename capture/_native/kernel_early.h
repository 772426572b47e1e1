/* Further measures of strokes, for dialects that ask for them: the way to the last counted sample, and the fastest way
 * from the DOWN of the early MOVEs; a part of kernel_body.h.
 */

#if defined(CAPTURE_FOURS)
#define SAME4(v) (capture_spans){(v), (v), (v), (v)}
#define EITHER4(condition, a, b) \
    (__typeof__(a))(((capture_spans)(a) & (condition)) | ((capture_spans)(b) & ~(condition)))
#define WAY4(v) \
    do {                                                                                              \
        capture_places place;                                                                         \
        memcpy(&place, c->v + k, sizeof place);                                                       \
        v = __builtin_convertvector(place - c->v[down], capture_doubles);                             \
        if (density != 1.0)                                                                           \
            v /= density;                                                                             \
        v = v * 1e9 / seconds;                                                                        \
    } while (0)

/* Four MOVEs at a time, one in each lane; of the fastest, the first one is taken. */
KERNEL_TARGET static inline void NAME(early)(
    const capture_columns *c, int64_t down, int64_t up, double density, int64_t early_ns, double *vx, double *vy)
{
    const capture_spans begin = SAME4(c->time[down]), early = SAME4(early_ns), end = SAME4(up), zero = {0};
    capture_spans at = {down + 1, down + 2, down + 3, down + 4}, first = {0};
    capture_doubles most = {0}, most_x = {0}, most_y = {0};
    int64_t k;
    int lane, best = 0;
    for (k = down + 1; k < up && capture_since(c->time[down], c->time[k]) < early_ns; k += 4) {
        capture_spans since, is_more;
        capture_doubles x, y, both, seconds;
        memcpy(&since, c->time + k, sizeof since);
        since -= begin;
        /* A whole number below 2**52 in the low bits of 2**52. */
        seconds = (capture_doubles)(since | SAME4(0x4330000000000000)) - 4503599627370496.0;
        WAY4(x);
        WAY4(y);
        both = x * x + y * y;
        is_more = (both > most) & (since > zero) & (since < early) & (at < end);
        most = EITHER4(is_more, both, most);
        most_x = EITHER4(is_more, x, most_x);
        most_y = EITHER4(is_more, y, most_y);
        first = EITHER4(is_more, at, first);
        at += 4;
    }
    for (lane = 1; lane < 4; lane++)
        if (most[lane] > most[best] || (most[lane] == most[best] && first[lane] < first[best]))
            best = lane;
    *vx = most_x[best];
    *vy = most_y[best];
}

#undef SAME4
#undef EITHER4
#undef WAY4
#else
static inline void NAME(early)(
    const capture_columns *c, int64_t down, int64_t up, double density, int64_t early_ns, double *vx, double *vy)
{
    capture_look_early_along(c, down, up, density, early_ns, vx, vy);
}
#endif

KERNEL_TARGET static void NAME(look)(
    const capture_columns *c, capture_block *block, const capture_thresholds *limits, double density)
{
    const int32_t n = block->count;
    const int64_t early_ns = limits->early_ns;
    int32_t k;
    if (limits->tap_at == CAPTURE_TAP_AT_END)
        for (k = 0; k < n; k++) {
            float dx, dy;
            capture_way_to(c, block->down[k], block->up[k] - !limits->up_moves, limits->slop_metric, &dx, &dy);
            block->end2[k] = dx * dx + dy * dy;
        }
    if (limits->velocity_strategy != CAPTURE_VELOCITY_STRATEGY_EARLY)
        return;
    for (k = 0; k < n; k++) {
        if (early_ns < (int64_t)1 << 52)
            NAME(early)(c, block->down[k], block->up[k], density, early_ns, &block->vx[k], &block->vy[k]);
        else
            capture_look_early_along(
                c, block->down[k], block->up[k], density, early_ns, &block->vx[k], &block->vy[k]);
    }
}
