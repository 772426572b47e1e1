/* The kernels in x86-64 vector code: AVX2, and SSE2, which every such machine has. */
#include <immintrin.h>

static inline float capture_top_sse(__m128 v)
{
    v = _mm_max_ps(v, _mm_movehl_ps(v, v));
    return _mm_cvtss_f32(_mm_max_ss(v, _mm_shuffle_ps(v, v, 1)));
}

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
    *farthest2 = capture_top_sse(far);
    *width = _mm_cvtss_f32(extent);
    *height = _mm_cvtss_f32(_mm_shuffle_ps(extent, extent, 1));
}

/* (0+2)+(1+3) of four lanes, which are 0+4, 1+5, 2+6 and 3+7 of the eight: the fixed order. */
static inline float capture_total_sse(__m128 sums)
{
    sums = _mm_add_ps(sums, _mm_movehl_ps(sums, sums));
    return _mm_cvtss_f32(_mm_add_ss(sums, _mm_shuffle_ps(sums, sums, 1)));
}

__attribute__((target("avx2"))) static inline __m256 capture_whole_avx(__m256 v)
{
    const __m256 below = _mm256_floor_ps(v);
    const __m256 up = _mm256_cmp_ps(_mm256_sub_ps(v, below), _mm256_set1_ps(0.5f), _CMP_GE_OQ);
    return _mm256_add_ps(below, _mm256_and_ps(up, _mm256_set1_ps(1.0f)));
}

#define NAME(part) capture_##part##_avx2
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
#define TOP4(v) capture_top_sse(v)
#define ABOVE(a, b) (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ))
#define TRUNC(v) _mm256_round_ps(v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)
#define WHOLE(v) capture_whole_avx(v)
#define SIZE(v) _mm256_andnot_ps(_mm256_set1_ps(-0.0f), v)
#define MASK4(v) (uint32_t)_mm256_movemask_pd((__m256d)(v))
#define PLACES(p) (capture_doubles)_mm256_cvtps_pd(_mm_loadu_ps(p))
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
static inline int capture_falls_sse(const int64_t *t)
{
    int i, falls = 0;
    for (i = 0; i < 8; i++)
        falls |= t[i + 1] < t[i];
    return falls;
}
/* SSE2 rounds to int32_t only; a float above 2**23 is whole. */
static inline __m128 capture_trunc_sse(__m128 v)
{
    const __m128 size = _mm_andnot_ps(_mm_set1_ps(-0.0f), v);
    const __m128 small = _mm_cmplt_ps(size, _mm_set1_ps(8388608.0f));
    return _mm_or_ps(_mm_and_ps(small, _mm_cvtepi32_ps(_mm_cvttps_epi32(v))), _mm_andnot_ps(small, v));
}
static inline __m128 capture_whole_sse(__m128 v)
{
    const __m128 one = _mm_set1_ps(1.0f);
    __m128 below = capture_trunc_sse(v);
    below = _mm_sub_ps(below, _mm_and_ps(_mm_cmpgt_ps(below, v), one));
    return _mm_add_ps(below, _mm_and_ps(_mm_cmpge_ps(_mm_sub_ps(v, below), _mm_set1_ps(0.5f)), one));
}
static inline capture_pair capture_trunc2(capture_pair a)
{ a.lo = capture_trunc_sse(a.lo); a.hi = capture_trunc_sse(a.hi); return a; }
static inline capture_pair capture_whole2(capture_pair a)
{ a.lo = capture_whole_sse(a.lo); a.hi = capture_whole_sse(a.hi); return a; }
static inline uint32_t capture_above2(capture_pair a, capture_pair b)
{
    return (uint32_t)_mm_movemask_ps(_mm_cmpgt_ps(a.lo, b.lo))
        | (uint32_t)_mm_movemask_ps(_mm_cmpgt_ps(a.hi, b.hi)) << 4;
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

#define NAME(part) capture_##part##_sse2
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
#define FALL(acc, t) ((acc) | capture_falls_sse(t))
#define FELL(acc) (acc)
#define ENDS(p) capture_ends_sse(p)
#define MAX4(a, b) _mm_max_ps(a, b)
#define MIN4(a, b) _mm_min_ps(a, b)
#define ADD4(a, b) _mm_add_ps(a, b)
#define SPREAD capture_spread_sse
#define TOTAL capture_total_sse
#define TOP4(v) capture_top_sse(v)
#define ABOVE(a, b) capture_above2(a, b)
#define TRUNC(v) capture_trunc2(v)
#define WHOLE(v) capture_whole2(v)
#define SIZE(v) capture_andnot2(capture_same2(-0.0f), v)
#define MASK4(v) CAPTURE_BITS4(v)
#define PLACES(p) CAPTURE_PLACES4(p)
#include "kernel_body.h"
