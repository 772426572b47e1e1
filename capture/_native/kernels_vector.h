/* The kernels in GNU vector types, which GCC and clang turn into the vector code of any machine that has
 * some: eight lanes are two vectors of four. AArch64 has single instructions for three operations that
 * take several as generic vectors. */
#if defined(__aarch64__) && !defined(__AARCH64EB__)
#include <arm_neon.h>
#define CAPTURE_NEON
#endif

typedef float capture_floats __attribute__((vector_size(16)));
typedef int32_t capture_mask __attribute__((vector_size(16)));
typedef int64_t capture_times __attribute__((vector_size(16)));
typedef struct { capture_floats lo, hi; } capture_lanes;

static inline capture_floats capture_either(capture_mask mask, capture_floats a, capture_floats b)
{ return (capture_floats)(((capture_mask)a & mask) | ((capture_mask)b & ~mask)); }
static inline capture_floats capture_add_floats(capture_floats a, capture_floats b)
{ return a + b; }
/* Where a lane is no number, machines differ in the result; the path is no number then either, and the
 * stroke is measured sample by sample. */
static inline capture_floats capture_max_floats(capture_floats a, capture_floats b)
{
#if defined(CAPTURE_NEON)
    return (capture_floats)vmaxq_f32((float32x4_t)a, (float32x4_t)b);
#else
    return capture_either(a > b, a, b);
#endif
}
static inline capture_floats capture_min_floats(capture_floats a, capture_floats b)
{
#if defined(CAPTURE_NEON)
    return (capture_floats)vminq_f32((float32x4_t)a, (float32x4_t)b);
#else
    return capture_either(a < b, a, b);
#endif
}
static inline float capture_total_floats(capture_floats s)
{ return (s[0] + s[2]) + (s[1] + s[3]); }
static inline float capture_top_floats(capture_floats s)
{
#if defined(CAPTURE_NEON)
    return vmaxvq_f32((float32x4_t)s);
#else
    const float a = s[0] > s[1] ? s[0] : s[1], b = s[2] > s[3] ? s[2] : s[3];
    return a > b ? a : b;
#endif
}
static inline void capture_spread_floats(
    capture_floats far, capture_floats high_x, capture_floats high_y, capture_floats low_x, capture_floats low_y,
    float *farthest2, float *width, float *height)
{
    *farthest2 = capture_top_floats(far);
    *width = capture_top_floats(high_x) + capture_top_floats(-low_x) + 0.0f;
    *height = capture_top_floats(high_y) + capture_top_floats(-low_y) + 0.0f;
}

#define LANEWISE(name, operation) \
    static inline capture_lanes name(capture_lanes a, capture_lanes b) \
    { capture_lanes r; r.lo = operation(a.lo, b.lo); r.hi = operation(a.hi, b.hi); return r; }
#define SUM(a, b) ((a) + (b))
#define DIFFERENCE(a, b) ((a) - (b))
#define PRODUCT(a, b) ((a) * (b))
LANEWISE(capture_add_lanes, SUM)
LANEWISE(capture_sub_lanes, DIFFERENCE)
LANEWISE(capture_mul_lanes, PRODUCT)
LANEWISE(capture_max_lanes, capture_max_floats)
LANEWISE(capture_min_lanes, capture_min_floats)
static inline capture_lanes capture_same_lanes(float v)
{ capture_lanes r; r.lo = r.hi = (capture_floats){v, v, v, v}; return r; }
static inline capture_lanes capture_load_lanes(const float *p)
{ capture_lanes r; memcpy(&r, p, sizeof r); return r; }
static inline capture_floats capture_sqrt_floats(capture_floats a)
{
#if defined(CAPTURE_NEON)
    return (capture_floats)vsqrtq_f32((float32x4_t)a);
#else
    return (capture_floats){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])};
#endif
}
static inline capture_lanes capture_sqrt_lanes(capture_lanes a)
{ a.lo = capture_sqrt_floats(a.lo); a.hi = capture_sqrt_floats(a.hi); return a; }
static inline capture_lanes capture_choose_lanes(capture_lanes mask, capture_lanes a, capture_lanes b)
{
    a.lo = capture_either((capture_mask)mask.lo, a.lo, b.lo);
    a.hi = capture_either((capture_mask)mask.hi, a.hi, b.hi);
    return a;
}
static inline capture_times capture_falls_times(capture_times falls, const int64_t *t)
{
    capture_times now[4], next[4];
    memcpy(now, t, sizeof now);
    memcpy(next, t + 1, sizeof next);
    return falls | (next[0] < now[0]) | (next[1] < now[1]) | (next[2] < now[2]) | (next[3] < now[3]);
}
static inline uint64_t capture_ends_vector(const uint8_t *action)
{
#if defined(CAPTURE_NEON)
    static const uint8_t places[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t place = vld1q_u8(places), move = vdupq_n_u8(CAPTURE_MOVE);
    const uint8x16_t a = vbicq_u8(place, vceqq_u8(vld1q_u8(action), move));
    const uint8x16_t b = vbicq_u8(place, vceqq_u8(vld1q_u8(action + 16), move));
    const uint8x16_t c = vbicq_u8(place, vceqq_u8(vld1q_u8(action + 32), move));
    const uint8x16_t d = vbicq_u8(place, vceqq_u8(vld1q_u8(action + 48), move));
    /* Neighbours are added three times: each byte becomes eight bits. */
    const uint8x16_t sums = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
#else
    return capture_ends_plain(action);
#endif
}

#if defined(CAPTURE_NEON)
static inline capture_floats capture_whole_floats(capture_floats v)
{
    const capture_floats below = (capture_floats)vrndmq_f32((float32x4_t)v);
    const capture_floats half = {0.5f, 0.5f, 0.5f, 0.5f}, one = {1.0f, 1.0f, 1.0f, 1.0f};
    return below + (capture_floats)((capture_mask)one & (v - below >= half));
}
static inline capture_lanes capture_trunc_lanes(capture_lanes a)
{
    a.lo = (capture_floats)vrndq_f32((float32x4_t)a.lo);
    a.hi = (capture_floats)vrndq_f32((float32x4_t)a.hi);
    return a;
}
static inline capture_lanes capture_whole_lanes(capture_lanes a)
{ a.lo = capture_whole_floats(a.lo); a.hi = capture_whole_floats(a.hi); return a; }
#else
static inline capture_lanes capture_trunc_lanes(capture_lanes a)
{
    int i;
    for (i = 0; i < 4; i++) {
        a.lo[i] = truncf(a.lo[i]);
        a.hi[i] = truncf(a.hi[i]);
    }
    return a;
}
static inline capture_lanes capture_whole_lanes(capture_lanes a)
{
    int i;
    for (i = 0; i < 4; i++) {
        a.lo[i] = capture_whole(a.lo[i]);
        a.hi[i] = capture_whole(a.hi[i]);
    }
    return a;
}
#endif
static inline capture_lanes capture_size_lanes(capture_lanes a)
{
    const capture_mask sign = {INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX};
    a.lo = (capture_floats)((capture_mask)a.lo & sign);
    a.hi = (capture_floats)((capture_mask)a.hi & sign);
    return a;
}
static inline uint32_t capture_above_lanes(capture_lanes a, capture_lanes b)
{
    const capture_mask place = {1, 2, 4, 8}, lo = (a.lo > b.lo) & place, hi = (a.hi > b.hi) & place;
    return (uint32_t)(lo[0] | lo[1] | lo[2] | lo[3]) | (uint32_t)(hi[0] | hi[1] | hi[2] | hi[3]) << 4;
}

#define NAME(part) capture_##part##_vector
#define KERNEL_TARGET
#define LANES capture_lanes
#define SAME(v) capture_same_lanes(v)
#define LOAD(p) capture_load_lanes(p)
#define LOW(v) (v).lo
#define HIGH(v) (v).hi
#define ADD(a, b) capture_add_lanes(a, b)
#define SUB(a, b) capture_sub_lanes(a, b)
#define MUL(a, b) capture_mul_lanes(a, b)
#define MAX(a, b) capture_max_lanes(a, b)
#define MIN(a, b) capture_min_lanes(a, b)
#define SQRT(a) capture_sqrt_lanes(a)
#define KEEP(a, mask) capture_choose_lanes(mask, a, capture_same_lanes(0.0f))
#define CHOOSE(mask, a, b) capture_choose_lanes(mask, a, b)
#define FALLS {0, 0}
#define FALLS_T capture_times
#define FALL(acc, t) capture_falls_times(acc, t)
#define FELL(acc) (((acc)[0] | (acc)[1]) != 0)
#define ENDS(p) capture_ends_vector(p)
#define MAX4(a, b) capture_max_floats(a, b)
#define MIN4(a, b) capture_min_floats(a, b)
#define ADD4(a, b) capture_add_floats(a, b)
#define SPREAD capture_spread_floats
#define TOTAL capture_total_floats
#define TOP4(v) capture_top_floats(v)
#define ABOVE(a, b) capture_above_lanes(a, b)
#define TRUNC(v) capture_trunc_lanes(v)
#define WHOLE(v) capture_whole_lanes(v)
#define SIZE(v) capture_size_lanes(v)
#define MASK4(v) CAPTURE_BITS4(v)
#define PLACES(p) CAPTURE_PLACES4(p)
#include "kernel_body.h"
