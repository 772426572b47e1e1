/* Measures of whole strokes, eight samples at a time.
 *
 * One body (kernel_body.h) is compiled for each instruction set below and chosen when the module is
 * imported. All give the same bits: positions and lengths are float32, nothing is contracted, maxima
 * and minima do not depend on order, and segment k of a stroke is added to partial sum k mod 8
 * (docs/gestures.md, "To the last bit"), which is lane k mod 8 here.
 */
#ifndef CAPTURE_KERNELS_H
#define CAPTURE_KERNELS_H

#include "classify.h"
#include "record.h"
#include "samples.h"

#define CAPTURE_BLOCK 256

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
#include "kernels_x86.h"
#else
#include "kernels_plain.h"
#endif

typedef struct {
    int64_t (*measure)(const capture_columns *, int64_t, int64_t, int64_t, capture_block *);
    void (*finish)(const capture_columns *, capture_block *, double, int, const capture_stroke_columns *);
    void (*decide)(const capture_block *, const capture_thresholds *, const capture_stroke_columns *);
    void (*count_taps)(int32_t, capture_run *, double, const capture_thresholds *, const capture_stroke_columns *);
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

#endif
