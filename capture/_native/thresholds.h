/* Thresholds as the core compares them. */
#ifndef CAPTURE_THRESHOLDS_H
#define CAPTURE_THRESHOLDS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* A limit in dp or dp/s. Measures are float32, and so are their limits. A measure is inside
 * exactly when it is not above `inside`: the limit itself or, where it is open, the float32 below it. */
typedef struct {
    double value;
    float given;
    float inside;
} capture_limit;

static inline capture_limit capture_limit_of(double value, int open)
{
    capture_limit limit;
    limit.value = value;
    limit.given = (float)value;
    limit.inside = open && !isinf(value) ? nextafterf(limit.given, -INFINITY) : limit.given;
    return limit;
}

/* A time in whole ns. One that is open is 1 ns nearer, so that comparisons are closed. */
static inline int64_t capture_ns_of(double ms, int open, int from_below)
{
    int64_t ns;
    if (isinf(ms))
        return INT64_MAX;
    ns = (int64_t)rint(ms * 1e6);
    return open ? from_below ? ns + 1 : ns - 1 : ns;
}

/* How a setting of GestureConfig becomes a member of capture_thresholds. */
enum {
    CAPTURE_NANOSECONDS, /* int64_t, from milliseconds; INT64_MAX for infinity */
    CAPTURE_FROM_BELOW,  /* the same, of a time that is to be reached */
    CAPTURE_LIMIT,       /* capture_limit; None is the touch slop */
    CAPTURE_NUMBER,      /* capture_limit in double: `value` */
    CAPTURE_COUNT,       /* int32_t; INT32_MAX for infinity */
    CAPTURE_FLAG,        /* int32_t, 0 or 1 */
    CAPTURE_WORD,        /* int32_t: the position in `words` */
    CAPTURE_WORDS        /* int32_t: a bit for each of `words` */
};

typedef struct {
    const char *name;
    int type;
    size_t offset;
    const char *words; /* with blanks between */
} capture_setting;

#endif
