/* The kernels in plain C: eight floats at a time, which compilers vectorise for the machine. */

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
static inline capture_eight capture_trunc8(capture_eight a)
{ int i; for (i = 0; i < 8; i++) a.v[i] = truncf(a.v[i]); return a; }
static inline capture_eight capture_whole8(capture_eight a)
{ int i; for (i = 0; i < 8; i++) a.v[i] = capture_whole(a.v[i]); return a; }
static inline capture_eight capture_size8(capture_eight a)
{ int i; for (i = 0; i < 8; i++) a.v[i] = fabsf(a.v[i]); return a; }
static inline uint32_t capture_above8(capture_eight a, capture_eight b)
{
    uint32_t bits = 0;
    int i;
    for (i = 0; i < 8; i++)
        bits |= (uint32_t)(a.v[i] > b.v[i]) << i;
    return bits;
}
static inline int capture_falls8(const int64_t *t)
{
    int i, falls = 0;
    for (i = 0; i < 8; i++)
        falls |= t[i + 1] < t[i];
    return falls;
}

#define NAME(part) capture_##part##_plain
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
#define TOP4(v) capture_top4(v)
#define ABOVE(a, b) capture_above8(a, b)
#define TRUNC(v) capture_trunc8(v)
#define WHOLE(v) capture_whole8(v)
#define SIZE(v) capture_size8(v)
#define MASK4(v) CAPTURE_BITS4(v)
#define PLACES(p) CAPTURE_PLACES4(p)
#include "kernel_body.h"
