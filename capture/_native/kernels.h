/* Measures of whole strokes, eight samples at a time.
 *
 * One body (kernel_body.h) is compiled for each instruction set below and chosen when the module is
 * imported. All give the same bits: positions and lengths are float32, nothing is contracted, maxima
 * and minima do not depend on order, and segment k of a stroke is added to partial sum k mod 8
 * (gestures.md, section 7), which is lane k mod 8 here.
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

/* Plain strokes, measured in px: DOWN, MOVEs, UP, one after the other, all of one stream, positions
 * finite, time never back. */
typedef struct {
    int32_t count;
    int64_t down[CAPTURE_BLOCK];  /* index of the DOWN */
    int64_t up[CAPTURE_BLOCK];    /* index of the UP */
    float farthest2[CAPTURE_BLOCK];  /* largest squared distance from the DOWN */
    float path[CAPTURE_BLOCK];
    float width[CAPTURE_BLOCK];
    float height[CAPTURE_BLOCK];
} capture_block;

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

/* First index in [i, end) whose action is not MOVE, else end. */
static inline int64_t capture_skip_moves(const uint8_t *action, int64_t i, int64_t end)
{
    const uint64_t moves = 0x0202020202020202u;
    uint64_t word;
    for (; i + 8 <= end; i += 8) {
        memcpy(&word, action + i, 8);
        if ((word ^= moves) != 0)
            break;
    }
    while (i < end && action[i] == CAPTURE_MOVE)
        i++;
    return i;
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

#define KERNEL_NAME capture_measure_avx2
#define KERNEL_TARGET __attribute__((target("avx2")))
#define LANES __m256
#define SAME(v) _mm256_set1_ps(v)
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
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

#define KERNEL_NAME capture_measure_base
#define KERNEL_TARGET
#define LANES capture_pair
#define SAME(v) capture_same2(v)
#define LOAD(p) capture_load2(p)
#define STORE(p, v) (_mm_storeu_ps(p, (v).lo), _mm_storeu_ps((p) + 4, (v).hi))
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
#include "kernel_body.h"

#else /* no x86-64: eight plain floats, which compilers turn into whatever the machine has */

typedef struct { float v[8]; } capture_eight;
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

#define KERNEL_NAME capture_measure_base
#define KERNEL_TARGET
#define LANES capture_eight
#define SAME(v) capture_same8(v)
#define LOAD(p) capture_load8(p)
#define STORE(p, a) memcpy(p, (a).v, sizeof (a).v)
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
#include "kernel_body.h"
#endif

typedef int64_t (*capture_measure_fn)(const capture_columns *, int64_t, int64_t, int64_t, capture_block *);

/* Choose the kernel for this machine; wide = 0 asks for the baseline, which the tests compare with. */
static inline capture_measure_fn capture_choose_kernel(int wide)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (wide && __builtin_cpu_supports("avx2"))
        return capture_measure_avx2;
#endif
    (void)wide;
    return capture_measure_base;
}

#endif
