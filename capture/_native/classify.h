/* From the measures of a stroke to kind, reason and direction, without a branch. The live step, the batch
 * kernels and the sweep all call these functions, and compilers make vector code of them. Masks are 0 or -1.
 */
#ifndef CAPTURE_CLASSIFY_H
#define CAPTURE_CLASSIFY_H

#include "rule.h"

/* The recent samples of which a release velocity is estimated. */
enum {
    CAPTURE_RECENT = 20,           /* at most */
    CAPTURE_HORIZON_NS = 100000000 /* older than this before the newest is not used */
};

/* The stream's last stroke, if it was a tap; taps is 0 if it was not. */
typedef struct {
    int64_t time_down; /* this and the place of the UP are kept where a dialect reads them */
    int64_t time_up;
    float x_down;
    float y_down;
    float x_up;
    float y_up;
    int32_t taps;
    int32_t rage_taps;
} capture_run;

static inline int32_t capture_reason_of(int32_t kind)
{
    return kind == CAPTURE_KIND_NONE ? CAPTURE_REASON_BETWEEN_SLOP_AND_DRAG : CAPTURE_REASON_RECOGNIZED;
}

/* Direction from displacement and extent in dp (docs/gestures.md, "Directions"). */
static inline int32_t capture_direction_of(
    int32_t kind, float dx, float dy, float width, float height, const capture_thresholds *limits)
{
    const float complex_above = limits->touch_slop_dp.given;
    const int32_t sideways = dx > 0 ? CAPTURE_DIRECTION_RIGHT : CAPTURE_DIRECTION_LEFT;
    const int32_t lengthways = dy > 0 ? CAPTURE_DIRECTION_DOWN : CAPTURE_DIRECTION_UP;
    const int32_t straight = fabsf(dx) > fabsf(dy) ? sideways : lengthways;
    /* Backtrack on the dominant axis and wander on the other have the same limit. */
    const int32_t complex_x = width - fabsf(dx) > complex_above ? -1 : 0;
    const int32_t complex_y = height - fabsf(dy) > complex_above ? -1 : 0;
    const int32_t is_complex = complex_x | complex_y;
    return ((is_complex & CAPTURE_DIRECTION_COMPLEX_PATTERN) | (~is_complex & straight)) & capture_moves(kind);
}

/* Clamp a velocity (dp/s) and return its length. */
static inline double capture_clamp(double *vx, double *vy, const capture_thresholds *limits)
{
    const double length = sqrt(*vx * *vx + *vy * *vy), limit = limits->max_fling_velocity_dp_s.value;
    if (limits->clamp == CAPTURE_CLAMP_LENGTH && length > limit) {
        *vx *= limit / length;
        *vy *= limit / length;
        return limit;
    }
    if (limits->clamp == CAPTURE_CLAMP_AXIS && (fabs(*vx) > limit || fabs(*vy) > limit)) {
        *vx = *vx > limit ? limit : *vx < -limit ? -limit : *vx;
        *vy = *vy > limit ? limit : *vy < -limit ? -limit : *vy;
        return sqrt(*vx * *vx + *vy * *vy);
    }
    return length;
}

#endif
