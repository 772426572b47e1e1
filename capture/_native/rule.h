/* Made by scripts/make_rule.py from capture.gestures.kinds and capture.GestureConfig: do not edit. */
#ifndef CAPTURE_RULE_H
#define CAPTURE_RULE_H

#include "thresholds.h"

enum { CAPTURE_KIND_NONE = 0, CAPTURE_KIND_TAP = 6, CAPTURE_KIND_LONG_PRESS = 8, CAPTURE_KIND_DRAG = 9,
    CAPTURE_KIND_FLING = 10 };
enum { CAPTURE_REASON_RECOGNIZED = 0, CAPTURE_REASON_BETWEEN_SLOP_AND_DRAG = 1,
    CAPTURE_REASON_MULTI_TOUCH = 2, CAPTURE_REASON_CANCELED = 3, CAPTURE_REASON_INCOMPLETE = 4,
    CAPTURE_REASON_MALFORMED = 5 };
enum { CAPTURE_DIRECTION_NONE = 0, CAPTURE_DIRECTION_UP = 1, CAPTURE_DIRECTION_DOWN = 2,
    CAPTURE_DIRECTION_LEFT = 3, CAPTURE_DIRECTION_RIGHT = 4, CAPTURE_DIRECTION_COMPLEX_PATTERN = 5 };
enum { CAPTURE_VELOCITY_STRATEGY_MEAN, CAPTURE_VELOCITY_STRATEGY_LSQ2, CAPTURE_VELOCITY_STRATEGY_IMPULSE };

/* GestureConfig: dp, dp/s and ns. */
typedef struct {
    int64_t tap_timeout_ns;
    capture_limit touch_slop_dp;
    capture_limit drag_distance_dp;
    capture_limit fling_velocity_dp_s;
    int32_t velocity_strategy;
    capture_limit max_fling_velocity_dp_s;
    int64_t multi_tap_timeout_ns;
    capture_limit multi_tap_slop_dp;
    int32_t rage_tap_count;
    int64_t rage_tap_timeout_ns;
    capture_limit rage_tap_radius_dp;
} capture_thresholds;

enum { CAPTURE_SETTINGS = 11 };
static const capture_setting capture_settings[CAPTURE_SETTINGS] = {
    {"tap_timeout_ms", CAPTURE_NANOSECONDS, offsetof(capture_thresholds, tap_timeout_ns), ""},
    {"touch_slop_dp", CAPTURE_LIMIT, offsetof(capture_thresholds, touch_slop_dp), ""},
    {"drag_distance_dp", CAPTURE_LIMIT, offsetof(capture_thresholds, drag_distance_dp), ""},
    {"fling_velocity_dp_s", CAPTURE_LIMIT, offsetof(capture_thresholds, fling_velocity_dp_s), ""},
    {"velocity_strategy", CAPTURE_WORD, offsetof(capture_thresholds, velocity_strategy), "mean lsq2 impulse"},
    {"max_fling_velocity_dp_s", CAPTURE_LIMIT, offsetof(capture_thresholds, max_fling_velocity_dp_s), ""},
    {"multi_tap_timeout_ms", CAPTURE_NANOSECONDS, offsetof(capture_thresholds, multi_tap_timeout_ns), ""},
    {"multi_tap_slop_dp", CAPTURE_LIMIT, offsetof(capture_thresholds, multi_tap_slop_dp), ""},
    {"rage_tap_count", CAPTURE_COUNT, offsetof(capture_thresholds, rage_tap_count), ""},
    {"rage_tap_timeout_ms", CAPTURE_NANOSECONDS, offsetof(capture_thresholds, rage_tap_timeout_ns), ""},
    {"rage_tap_radius_dp", CAPTURE_LIMIT, offsetof(capture_thresholds, rage_tap_radius_dp), ""},
};

/* The first row whose conditions all hold, so rows are tried from the last to the first. */
static inline int32_t capture_kind_of(
    float distance, float velocity, int64_t duration_ns, const capture_thresholds *limits)
{
    int32_t is, kind = CAPTURE_KIND_NONE;
    is = -((distance >= limits->touch_slop_dp.below) & (!(distance > limits->drag_distance_dp.above)));
    kind = (is & CAPTURE_KIND_NONE) | (~is & kind);
    is = -((distance > limits->drag_distance_dp.above) & (velocity > limits->fling_velocity_dp_s.above));
    kind = (is & CAPTURE_KIND_FLING) | (~is & kind);
    is = -((distance > limits->drag_distance_dp.above) & (!(velocity > limits->fling_velocity_dp_s.above)));
    kind = (is & CAPTURE_KIND_DRAG) | (~is & kind);
    is = -((duration_ns > limits->tap_timeout_ns) & (distance < limits->touch_slop_dp.below));
    kind = (is & CAPTURE_KIND_LONG_PRESS) | (~is & kind);
    is = -((duration_ns <= limits->tap_timeout_ns) & (distance < limits->touch_slop_dp.below));
    kind = (is & CAPTURE_KIND_TAP) | (~is & kind);
    return kind;
}

/* -1 for kinds that have a direction, else 0. */
static inline int32_t capture_moves(int32_t kind)
{
    return -(int32_t)((kind == CAPTURE_KIND_DRAG) | (kind == CAPTURE_KIND_FLING));
}

/* -1 for kinds that form runs, else 0. */
static inline int32_t capture_runs(int32_t kind)
{
    return -(int32_t)((kind == CAPTURE_KIND_TAP));
}

#endif
