/* Measures of whole strokes, eight samples at a time.
 *
 * One body (kernel_body.h) is compiled for each instruction set below and chosen when the module is
 * imported. All give the same bits: positions and lengths are float32, nothing is contracted, maxima
 * and minima do not depend on order. Segment k of a stroke is added to partial sum k mod 8
 * (docs/gestures.md, "To the last bit"), which is lane k mod 8 here.
 */
#ifndef CAPTURE_KERNELS_H
#define CAPTURE_KERNELS_H

#include "dialect.h"
#include "samples.h"

#define CAPTURE_BLOCK 1024

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
    double vx[CAPTURE_BLOCK];  /* release velocity, px/s, then dp/s */
    double vy[CAPTURE_BLOCK];
    /* Of dialects (lens.h): the observations of SEE, in px; the measures in dp; the verdict. */
    float most2[CAPTURE_BLOCK];
    float along[CAPTURE_BLOCK];
    float end2[CAPTURE_BLOCK];
    float sign[CAPTURE_BLOCK];    /* the way where the drag distance was passed: of x, then along the axis */
    float sign_y[CAPTURE_BLOCK];
    int32_t axis[CAPTURE_BLOCK];
    int64_t slop_ns[CAPTURE_BLOCK];
    float offset_x[CAPTURE_BLOCK];  /* of the fling distance */
    float offset_y[CAPTURE_BLOCK];
    float slop[CAPTURE_BLOCK];
    float drag[CAPTURE_BLOCK];
    float near[CAPTURE_BLOCK];
    float speed[CAPTURE_BLOCK];
    int32_t kind[CAPTURE_BLOCK];
    int32_t is_near[CAPTURE_BLOCK];
    uint8_t begun[CAPTURE_BLOCK];
    int32_t rough[CAPTURE_BLOCK];  /* strokes that FIT leaves to velocity.pyx */
} capture_block;

/* Comparisons of SEE: one limit; two, of one way from the DOWN; or one of that and one of the way along an axis. */
enum { CAPTURE_ONE_LIMIT, CAPTURE_TWO_LIMITS, CAPTURE_ALONG_AXES };

#if defined(__GNUC__)
#define CAPTURE_INLINE __attribute__((always_inline))
#else
#define CAPTURE_INLINE
#endif

/* Four numbers at a time, where the compiler has them: one lane for each sum of a fit. */
#if defined(__GNUC__) && !defined(__arm__) && (defined(__clang__) || __GNUC__ >= 12)
typedef double capture_doubles __attribute__((vector_size(32)));
typedef int64_t capture_spans __attribute__((vector_size(32)));
typedef float capture_places __attribute__((vector_size(16)));
#define CAPTURE_FOURS
#endif
/* Four floats in memory; the lanes of a mask as bits. */
#define CAPTURE_PLACES4(p) (capture_doubles){(p)[0], (p)[1], (p)[2], (p)[3]}
#define CAPTURE_BITS4(v) (uint32_t)(((v)[0] & 1) | ((v)[1] & 2) | ((v)[2] & 4) | ((v)[3] & 8))

/* Which of 64 actions are not MOVE, one bit each; portable form of the SIMD versions. */
static inline uint64_t capture_ends_plain(const uint8_t *action)
{
    uint64_t word, bits = 0;
    int i;
    for (i = 0; i < 8; i++) {
        memcpy(&word, action + 8 * i, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word); /* the first action is the lowest byte */
#endif
        word ^= 0x0202020202020202u;
        /* The top bit of each byte that is not zero, gathered into eight neighbouring bits. */
        word = (((word & 0x7f7f7f7f7f7f7f7fu) + 0x7f7f7f7f7f7f7f7fu) | word) & 0x8080808080808080u;
        bits |= ((word >> 7) * 0x0102040810204080u >> 56) << (8 * i);
    }
    return bits;
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
#include "kernels_x86.h"
#define CAPTURE_X86
#endif
/* 32-bit ARM's vectors flush small numbers to zero and have no square root. The checks want every kernel. */
#if defined(__GNUC__) && !defined(__arm__) && (!defined(CAPTURE_X86) || defined(CAPTURE_CHECKED))
#include "kernels_vector.h"
#define CAPTURE_VECTOR
#endif
#if !defined(CAPTURE_X86) || defined(CAPTURE_CHECKED)
#include "kernels_plain.h"
#define CAPTURE_PLAIN
#endif

enum { CAPTURE_KERNELS = 4 }; /* at most */

typedef struct {
    const char *name;
    int64_t (*measure)(const capture_columns *, int64_t, int64_t, int64_t, capture_block *);
    void (*finish)(const capture_columns *, capture_block *, double, int, const capture_stroke_columns *);
    void (*decide)(const capture_block *, const capture_thresholds *, const capture_stroke_columns *);
    int64_t (*see)(
        const capture_columns *, int64_t, int64_t, int64_t, capture_block *, const capture_edges *,
        const capture_thresholds *);
    void (*look)(const capture_columns *, capture_block *, const capture_thresholds *, double);
    int32_t (*fit)(const capture_columns *, capture_block *, const capture_thresholds *);
    void (*release)(capture_block *, double, const capture_thresholds *, const capture_stroke_columns *);
    void (*judge)(
        capture_block *, capture_run *, const capture_edges *, double, const capture_thresholds *,
        const capture_stroke_columns *);
    void (*count_taps)(int32_t, capture_run *, double, const capture_thresholds *, const capture_stroke_columns *);
} capture_kernel;

#define CAPTURE_KERNEL(name) \
    {#name, capture_measure_##name, capture_finish_##name, capture_decide_##name, capture_see_##name, \
     capture_look_##name, capture_fit_##name, capture_release_##name, capture_judge_##name, \
     capture_count_taps_##name}

/* Write the kernels that were built and that this machine can run, the fastest first; return how many. */
static inline int capture_find_kernels(capture_kernel *kernels)
{
    int count = 0;
#if defined(CAPTURE_X86)
    const capture_kernel avx2 = CAPTURE_KERNEL(avx2), sse2 = CAPTURE_KERNEL(sse2);
    if (__builtin_cpu_supports("avx2"))
        kernels[count++] = avx2;
    kernels[count++] = sse2;
#endif
#if defined(CAPTURE_VECTOR)
    const capture_kernel vector = CAPTURE_KERNEL(vector);
    kernels[count++] = vector;
#endif
#if defined(CAPTURE_PLAIN)
    const capture_kernel plain = CAPTURE_KERNEL(plain);
    kernels[count++] = plain;
#endif
    return count;
}

#endif
