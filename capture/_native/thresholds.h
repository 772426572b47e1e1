/* Thresholds as the core compares them. */
#ifndef CAPTURE_THRESHOLDS_H
#define CAPTURE_THRESHOLDS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* A threshold in dp or dp/s. A float32 is below `value` exactly when it is below `below`, the nearest float32
 * at or above `value`; it is above `value` exactly when it is above `above`, the nearest one at or below. */
typedef struct {
    double value;
    float below;
    float above;
} capture_limit;

static inline capture_limit capture_limit_of(double value)
{
    const float nearest = (float)value;
    capture_limit limit;
    limit.value = value;
    limit.below = nearest < value ? nextafterf(nearest, INFINITY) : nearest;
    limit.above = nearest > value ? nextafterf(nearest, -INFINITY) : nearest;
    return limit;
}

/* How a setting of GestureConfig becomes a member of capture_thresholds. */
enum {
    CAPTURE_NANOSECONDS, /* int64_t, from milliseconds */
    CAPTURE_LIMIT,       /* capture_limit */
    CAPTURE_COUNT,       /* int32_t */
    CAPTURE_WORD         /* int32_t: the position in `words` */
};

typedef struct {
    const char *name;
    int type;
    size_t offset;
    const char *words; /* with blanks between */
} capture_setting;

#endif
