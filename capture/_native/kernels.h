/* Measures of whole strokes, eight samples at a time.
 *
 * One body (kernel_body.h) is compiled for each instruction set below and chosen when the module is
 * imported. All give the same bits: positions and lengths are float32, nothing is contracted, maxima
 * and minima do not depend on order, and segment k of a stroke is added to partial sum k mod 8
 * (docs/gestures.md, "To the last bit"), which is lane k mod 8 here.
 */
#ifndef CAPTURE_KERNELS_H
#define CAPTURE_KERNELS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CAPTURE_BLOCK 256
enum { CAPTURE_DOWN = 0, CAPTURE_UP = 1, CAPTURE_MOVE = 2, CAPTURE_CANCEL = 3 };

/* The six columns; stream and pointer may be NULL, which stands for zeros. */
typedef struct {
    const int64_t *stream;
    const int32_t *pointer;
    const uint8_t *action;
    const int64_t *time;
    const float *x;
    const float *y;
} capture_columns;

/* Plain strokes: DOWN, MOVEs, UP, one after the other, all of one stream, positions finite, time
 * never back. Measured in px by capture_measure_*; capture_finish_* makes dp, ms and dp/s of it. */
typedef struct {
    int32_t count;
    int64_t down[CAPTURE_BLOCK];  /* index of the DOWN */
    int64_t up[CAPTURE_BLOCK];    /* index of the UP */
    int64_t span[CAPTURE_BLOCK];  /* ns */
    float farthest2[CAPTURE_BLOCK];  /* largest squared distance from the DOWN, px */
    float path[CAPTURE_BLOCK];
    float width[CAPTURE_BLOCK];
    float height[CAPTURE_BLOCK];
    float dx[CAPTURE_BLOCK];  /* px, then dp */
    float dy[CAPTURE_BLOCK];
} capture_block;

/* Where the records of a block go: columns of the output, at the first record of the block. */
typedef struct {
    uint8_t *kind;
    uint8_t *reason;
    uint8_t *direction;
    int64_t *time_down;
    int64_t *time_up;
    float *x_down;
    float *y_down;
    float *x_up;
    float *y_up;
    double *duration;
    float *distance;
    float *velocity;
    float *velocity_x;
    float *velocity_y;
    float *path_length;
    float *width;
    float *height;
    int32_t *tap_count;
    uint8_t *rage;
} capture_records;

/* Thresholds in dp, dp/s and ns. A float32 is under a double just when it is under the next float32 at
 * or above it, and over a double just when it is over the next one at or below: so float32 will do. */
typedef struct {
    float near_below;    /* touch slop, rounded up */
    float astray_above;  /* touch slop, rounded down */
    float far_above;     /* drag distance, rounded down */
    float fling_above;   /* fling velocity, rounded down */
    int64_t tap_timeout;
    float multi_tap_slop;  /* rounded down, as the next one */
    float rage_tap_radius;
    int64_t multi_tap_timeout;
    int64_t rage_tap_timeout;
    int32_t rage_tap_count;
} capture_limits;

/* The stream's last stroke, if it was a tap; taps is 0 if it was not. */
typedef struct {
    int64_t time_up;
    float x_down;
    float y_down;
    int32_t taps;
    int32_t rage_taps;
} capture_run;

/* The order in which partial sums are folded is fixed. */
static inline float capture_fold(const float *s)
{
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static inline int capture_finite(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7f800000u) != 0x7f800000u;
}

/* Number of DOWNs in an action column, eight at a time. */
static inline int64_t capture_count_downs(const uint8_t *action, int64_t count)
{
    const uint64_t low = 0x7f7f7f7f7f7f7f7fu;
    uint64_t word;
    int64_t i = 0, downs = 0;
    for (; i + 8 <= count; i += 8) {
        memcpy(&word, action + i, 8);
        /* The top bit of each byte that is zero (DOWN), no other bit. */
        word = ~(((word & low) + low) | word | low);
        downs += (int64_t)((word >> 7) * 0x0101010101010101u >> 56);
    }
    for (; i < count; i++)
        downs += action[i] == CAPTURE_DOWN;
    return downs;
}

/* Which of 64 actions are not MOVE, one bit each; portable, and what the SIMD versions do at once. */
static inline uint64_t capture_ends_plain(const uint8_t *action)
{
    uint64_t word, bits = 0;
    int i;
    for (i = 0; i < 8; i++) {
        memcpy(&word, action + 8 * i, 8);
        word ^= 0x0202020202020202u;
        /* The top bit of each byte that is not zero, gathered into eight neighbouring bits. */
        word = (((word & 0x7f7f7f7f7f7f7f7fu) + 0x7f7f7f7f7f7f7f7fu) | word) & 0x8080808080808080u;
        bits |= ((word >> 7) * 0x0102040810204080u >> 56) << (8 * i);
    }
    return bits;
}

static inline int capture_lowest(uint64_t bits)
{
#if defined(__GNUC__)
    return __builtin_ctzll(bits);
#else
    int n = 0;
    while (!(bits & 1)) {
        bits >>= 1;
        n++;
    }
    return n;
#endif
}

/* Whether samples [first, last] all carry the stream and the pointer of the first. */
static inline int capture_one_pointer(const capture_columns *c, int64_t first, int64_t last)
{
    int64_t i, other = 0;
    if (c->stream != NULL)
        for (i = first + 1; i <= last; i++)
            other |= c->stream[i] ^ c->stream[first];
    if (c->pointer != NULL)
        for (i = first + 1; i <= last; i++)
            other |= c->pointer[i] ^ c->pointer[first];
    return other == 0;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

/* Largest of four lanes, and extents in x and y: high - low, for two axes at once. */
static inline void capture_spread_sse(
    __m128 far, __m128 high_x, __m128 high_y, __m128 low_x, __m128 low_y, float *farthest2, float *width, float *height)
{
    const __m128 sign = _mm_set1_ps(-0.0f);
    /* max(-low) is -min(low): one transposition then serves all four. */
    const __m128 high = _mm_max_ps(_mm_unpacklo_ps(high_x, high_y), _mm_unpackhi_ps(high_x, high_y));
    const __m128 low = _mm_max_ps(
        _mm_unpacklo_ps(_mm_xor_ps(low_x, sign), _mm_xor_ps(low_y, sign)),
        _mm_unpackhi_ps(_mm_xor_ps(low_x, sign), _mm_xor_ps(low_y, sign)));
    const __m128 ends = _mm_max_ps(_mm_movelh_ps(high, low), _mm_movehl_ps(low, high));
    /* + 0: the difference of a positive and a negative zero has no sign of its own. */
    const __m128 extent = _mm_add_ps(_mm_add_ps(ends, _mm_movehl_ps(ends, ends)), _mm_setzero_ps());
    far = _mm_max_ps(far, _mm_movehl_ps(far, far));
    far = _mm_max_ss(far, _mm_shuffle_ps(far, far, 1));
    *farthest2 = _mm_cvtss_f32(far);
    *width = _mm_cvtss_f32(extent);
    *height = _mm_cvtss_f32(_mm_shuffle_ps(extent, extent, 1));
}

/* (0+2)+(1+3) of four lanes, which are 0+4, 1+5, 2+6 and 3+7 of the eight: the fixed order. */
static inline float capture_total_sse(__m128 sums)
{
    sums = _mm_add_ps(sums, _mm_movehl_ps(sums, sums));
    return _mm_cvtss_f32(_mm_add_ss(sums, _mm_shuffle_ps(sums, sums, 1)));
}

#define MEASURE capture_measure_avx2
#define FINISH capture_finish_avx2
#define DECIDE capture_decide_avx2
#define COUNT_TAPS capture_count_taps_avx2
#define KERNEL_TARGET __attribute__((target("avx2")))
#define LANES __m256
#define SAME(v) _mm256_set1_ps(v)
#define LOAD(p) _mm256_loadu_ps(p)
#define LOW(v) _mm256_castps256_ps128(v)
#define HIGH(v) _mm256_extractf128_ps(v, 1)
#define ADD(a, b) _mm256_add_ps(a, b)
#define SUB(a, b) _mm256_sub_ps(a, b)
#define MUL(a, b) _mm256_mul_ps(a, b)
#define MAX(a, b) _mm256_max_ps(a, b)
#define MIN(a, b) _mm256_min_ps(a, b)
#define SQRT(a) _mm256_sqrt_ps(a)
#define KEEP(a, mask) _mm256_and_ps(a, mask)
#define CHOOSE(mask, a, b) _mm256_blendv_ps(b, a, mask)
#define FALLS _mm256_setzero_si256()
#define FALLS_T __m256i
#define FALL(acc, t) \
    _mm256_or_si256(acc, _mm256_or_si256( \
        _mm256_cmpgt_epi64(_mm256_loadu_si256((const __m256i *)(t)), _mm256_loadu_si256((const __m256i *)((t) + 1))), \
        _mm256_cmpgt_epi64(_mm256_loadu_si256((const __m256i *)((t) + 4)), _mm256_loadu_si256((const __m256i *)((t) + 5)))))
#define FELL(acc) (!_mm256_testz_si256(acc, acc))
#define ENDS(p) \
    ~((uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(p)), _mm256_set1_epi8(CAPTURE_MOVE))) \
      | (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)((p) + 32)), _mm256_set1_epi8(CAPTURE_MOVE))) << 32)
#define MAX4(a, b) _mm_max_ps(a, b)
#define MIN4(a, b) _mm_min_ps(a, b)
#define ADD4(a, b) _mm_add_ps(a, b)
#define SPREAD capture_spread_sse
#define TOTAL capture_total_sse
#include "kernel_body.h"

typedef struct { __m128 lo, hi; } capture_pair;
#define PAIR(name, op) \
    static inline capture_pair name(capture_pair a, capture_pair b) \
    { capture_pair r; r.lo = op(a.lo, b.lo); r.hi = op(a.hi, b.hi); return r; }
PAIR(capture_add2, _mm_add_ps)
PAIR(capture_sub2, _mm_sub_ps)
PAIR(capture_mul2, _mm_mul_ps)
PAIR(capture_max2, _mm_max_ps)
PAIR(capture_min2, _mm_min_ps)
PAIR(capture_and2, _mm_and_ps)
PAIR(capture_andnot2, _mm_andnot_ps)
PAIR(capture_or2, _mm_or_ps)
static inline capture_pair capture_same2(float v)
{ capture_pair r; r.lo = r.hi = _mm_set1_ps(v); return r; }
static inline capture_pair capture_load2(const float *p)
{ capture_pair r; r.lo = _mm_loadu_ps(p); r.hi = _mm_loadu_ps(p + 4); return r; }
static inline capture_pair capture_sqrt2(capture_pair a)
{ capture_pair r; r.lo = _mm_sqrt_ps(a.lo); r.hi = _mm_sqrt_ps(a.hi); return r; }
static inline int capture_falls8(const int64_t *t)
{
    int i, falls = 0;
    for (i = 0; i < 8; i++)
        falls |= t[i + 1] < t[i];
    return falls;
}
static inline uint64_t capture_ends_sse(const uint8_t *action)
{
    const __m128i move = _mm_set1_epi8(CAPTURE_MOVE);
    uint64_t moves = 0;
    int i;
    for (i = 0; i < 4; i++)
        moves |= (uint64_t)(uint32_t)_mm_movemask_epi8(
            _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(action + 16 * i)), move)) << (16 * i);
    return ~moves;
}

#define MEASURE capture_measure_base
#define FINISH capture_finish_base
#define DECIDE capture_decide_base
#define COUNT_TAPS capture_count_taps_base
#define KERNEL_TARGET
#define LANES capture_pair
#define SAME(v) capture_same2(v)
#define LOAD(p) capture_load2(p)
#define LOW(v) (v).lo
#define HIGH(v) (v).hi
#define ADD(a, b) capture_add2(a, b)
#define SUB(a, b) capture_sub2(a, b)
#define MUL(a, b) capture_mul2(a, b)
#define MAX(a, b) capture_max2(a, b)
#define MIN(a, b) capture_min2(a, b)
#define SQRT(a) capture_sqrt2(a)
#define KEEP(a, mask) capture_and2(a, mask)
#define CHOOSE(mask, a, b) capture_or2(capture_and2(mask, a), capture_andnot2(mask, b))
#define FALLS 0
#define FALLS_T int
#define FALL(acc, t) ((acc) | capture_falls8(t))
#define FELL(acc) (acc)
#define ENDS(p) capture_ends_sse(p)
#define MAX4(a, b) _mm_max_ps(a, b)
#define MIN4(a, b) _mm_min_ps(a, b)
#define ADD4(a, b) _mm_add_ps(a, b)
#define SPREAD capture_spread_sse
#define TOTAL capture_total_sse
#include "kernel_body.h"

#else /* no x86-64: eight plain floats, which compilers turn into whatever the machine has */

typedef struct { float v[8]; } capture_eight;
typedef struct { float v[4]; } capture_four;
#define EACH4(name, expression) \
    static inline capture_four name(capture_four a, capture_four b) \
    { capture_four r; int i; for (i = 0; i < 4; i++) r.v[i] = (expression); return r; }
EACH4(capture_add4, a.v[i] + b.v[i])
EACH4(capture_max4, a.v[i] > b.v[i] ? a.v[i] : b.v[i])
EACH4(capture_min4, a.v[i] < b.v[i] ? a.v[i] : b.v[i])
static inline capture_four capture_half8(capture_eight a, int half)
{ capture_four r; memcpy(r.v, a.v + 4 * half, sizeof r.v); return r; }
static inline float capture_total4(capture_four s)
{ return (s.v[0] + s.v[2]) + (s.v[1] + s.v[3]); }
static inline float capture_top4(capture_four s)
{
    const float a = s.v[0] > s.v[1] ? s.v[0] : s.v[1], b = s.v[2] > s.v[3] ? s.v[2] : s.v[3];
    return a > b ? a : b;
}
static inline float capture_bottom4(capture_four s)
{
    const float a = s.v[0] < s.v[1] ? s.v[0] : s.v[1], b = s.v[2] < s.v[3] ? s.v[2] : s.v[3];
    return a < b ? a : b;
}
static inline void capture_spread4(
    capture_four far, capture_four high_x, capture_four high_y, capture_four low_x, capture_four low_y,
    float *farthest2, float *width, float *height)
{
    *farthest2 = capture_top4(far);
    *width = capture_top4(high_x) - capture_bottom4(low_x) + 0.0f;
    *height = capture_top4(high_y) - capture_bottom4(low_y) + 0.0f;
}
#define EACH(name, expression) \
    static inline capture_eight name(capture_eight a, capture_eight b) \
    { capture_eight r; int i; for (i = 0; i < 8; i++) r.v[i] = (expression); return r; }
EACH(capture_add8, a.v[i] + b.v[i])
EACH(capture_sub8, a.v[i] - b.v[i])
EACH(capture_mul8, a.v[i] * b.v[i])
EACH(capture_max8, a.v[i] > b.v[i] ? a.v[i] : b.v[i])
EACH(capture_min8, a.v[i] < b.v[i] ? a.v[i] : b.v[i])
static inline capture_eight capture_same8(float v)
{ capture_eight r; int i; for (i = 0; i < 8; i++) r.v[i] = v; return r; }
static inline capture_eight capture_load8(const float *p)
{ capture_eight r; memcpy(r.v, p, sizeof r.v); return r; }
static inline capture_eight capture_sqrt8(capture_eight a)
{ int i; for (i = 0; i < 8; i++) a.v[i] = sqrtf(a.v[i]); return a; }
static inline capture_eight capture_choose8(capture_eight mask, capture_eight a, capture_eight b)
{
    int i;
    uint32_t bits;
    for (i = 0; i < 8; i++) {
        memcpy(&bits, &mask.v[i], sizeof bits);
        if (bits == 0)
            a.v[i] = b.v[i];
    }
    return a;
}
static inline int capture_falls8(const int64_t *t)
{
    int i, falls = 0;
    for (i = 0; i < 8; i++)
        falls |= t[i + 1] < t[i];
    return falls;
}

#define MEASURE capture_measure_base
#define FINISH capture_finish_base
#define DECIDE capture_decide_base
#define COUNT_TAPS capture_count_taps_base
#define KERNEL_TARGET
#define LANES capture_eight
#define SAME(v) capture_same8(v)
#define LOAD(p) capture_load8(p)
#define LOW(v) capture_half8(v, 0)
#define HIGH(v) capture_half8(v, 1)
#define ADD(a, b) capture_add8(a, b)
#define SUB(a, b) capture_sub8(a, b)
#define MUL(a, b) capture_mul8(a, b)
#define MAX(a, b) capture_max8(a, b)
#define MIN(a, b) capture_min8(a, b)
#define SQRT(a) capture_sqrt8(a)
#define KEEP(a, mask) capture_choose8(mask, a, capture_same8(0.0f))
#define CHOOSE(mask, a, b) capture_choose8(mask, a, b)
#define FALLS 0
#define FALLS_T int
#define FALL(acc, t) ((acc) | capture_falls8(t))
#define FELL(acc) (acc)
#define ENDS(p) capture_ends_plain(p)
#define MAX4(a, b) capture_max4(a, b)
#define MIN4(a, b) capture_min4(a, b)
#define ADD4(a, b) capture_add4(a, b)
#define SPREAD capture_spread4
#define TOTAL capture_total4
#include "kernel_body.h"
#endif

typedef struct {
    int64_t (*measure)(const capture_columns *, int64_t, int64_t, int64_t, capture_block *);
    void (*finish)(const capture_columns *, capture_block *, double, int, const capture_records *);
    void (*decide)(const capture_block *, const capture_limits *, const capture_records *);
    void (*count_taps)(int32_t, capture_run *, double, const capture_limits *, const capture_records *);
} capture_kernel;

/* Choose the kernel for this machine; wide = 0 asks for the baseline, which the tests compare with. */
static inline capture_kernel capture_choose_kernel(int wide)
{
    const capture_kernel base = {
        capture_measure_base, capture_finish_base, capture_decide_base, capture_count_taps_base};
#if defined(__x86_64__) && defined(__GNUC__)
    const capture_kernel avx2 = {
        capture_measure_avx2, capture_finish_avx2, capture_decide_avx2, capture_count_taps_avx2};
    if (wide && __builtin_cpu_supports("avx2"))
        return avx2;
#endif
    (void)wide;
    return base;
}

/* Nearest float32 on the given side of a threshold. */
static inline float capture_round_up(double value)
{
    const float f = (float)value;
    return f < value ? nextafterf(f, INFINITY) : f;
}

static inline float capture_round_down(double value)
{
    const float f = (float)value;
    return f > value ? nextafterf(f, -INFINITY) : f;
}

#endif
