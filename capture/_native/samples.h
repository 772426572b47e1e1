/* The columns of touch samples as the core reads them. */
#ifndef CAPTURE_SAMPLES_H
#define CAPTURE_SAMPLES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "actions.h"

/* The six columns; stream and pointer may be NULL, which stands for zeros. */
typedef struct {
    const int64_t *stream;
    const int32_t *pointer;
    const uint8_t *action;
    const int64_t *time;
    const float *x;
    const float *y;
} capture_columns;

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

/* The place of the lowest bit that is set. */
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

/* Number of DOWNs in an action column. Bytes are counted in bytes, which vector code does for many at a time, and
 * the sums are folded before one can overflow. */
static inline int64_t capture_count_downs(const uint8_t *action, int64_t count)
{
    enum { LANES = 32, MOST = 255 };
    int64_t i = 0, downs = 0;
    while (i + LANES <= count) {
        const int64_t end = count - i < LANES * MOST ? count : i + LANES * MOST;
        uint8_t sums[LANES] = {0};
        int lane;
        for (; i + LANES <= end; i += LANES)
            for (lane = 0; lane < LANES; lane++)
                sums[lane] += action[i + lane] == CAPTURE_DOWN;
        for (lane = 0; lane < LANES; lane++)
            downs += sums[lane];
    }
    for (; i < count; i++)
        downs += action[i] == CAPTURE_DOWN;
    return downs;
}

#endif
