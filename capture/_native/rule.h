/* Made by scripts/make_rule.py from capture.gestures.kinds and capture.GestureConfig: do not edit. */
#ifndef CAPTURE_RULE_H
#define CAPTURE_RULE_H

#include "thresholds.h"

enum { CAPTURE_KIND_NONE = 0, CAPTURE_KIND_TAP = 6, CAPTURE_KIND_LONG_PRESS = 8, CAPTURE_KIND_DRAG = 9,
    CAPTURE_KIND_FLING = 10 };
enum { CAPTURE_REASON_RECOGNIZED = 0, CAPTURE_REASON_BETWEEN_SLOP_AND_DRAG = 1,
    CAPTURE_REASON_MULTI_TOUCH = 2, CAPTURE_REASON_CANCELED = 3, CAPTURE_REASON_INCOMPLETE = 4,
    CAPTURE_REASON_MALFORMED = 5, CAPTURE_REASON_BETWEEN_TAP_AND_HOLD = 6 };
enum { CAPTURE_DIRECTION_NONE = 0, CAPTURE_DIRECTION_UP = 1, CAPTURE_DIRECTION_DOWN = 2,
    CAPTURE_DIRECTION_LEFT = 3, CAPTURE_DIRECTION_RIGHT = 4, CAPTURE_DIRECTION_COMPLEX_PATTERN = 5 };
enum { CAPTURE_VELOCITY_STRATEGY_MEAN, CAPTURE_VELOCITY_STRATEGY_LSQ2, CAPTURE_VELOCITY_STRATEGY_IMPULSE, CAPTURE_VELOCITY_STRATEGY_LSQ2_RESTRICTED, CAPTURE_VELOCITY_STRATEGY_IOS, CAPTURE_VELOCITY_STRATEGY_EARLY };
enum { CAPTURE_SLOP_METRIC_EUCLID, CAPTURE_SLOP_METRIC_TRUNC, CAPTURE_SLOP_METRIC_ROUND };
enum { CAPTURE_DRAG_METRIC_EUCLID, CAPTURE_DRAG_METRIC_AXIS, CAPTURE_DRAG_METRIC_X, CAPTURE_DRAG_METRIC_Y };
enum { CAPTURE_TAP_AT_FARTHEST, CAPTURE_TAP_AT_END };
enum { CAPTURE_CLAMP_LENGTH, CAPTURE_CLAMP_AXIS, CAPTURE_CLAMP_NONE };
enum { CAPTURE_FLING_ON_SPEED, CAPTURE_FLING_ON_AXIS, CAPTURE_FLING_ON_DRAG_AXIS };
enum { CAPTURE_FLING_OVER_WINDOW, CAPTURE_FLING_OVER_STROKE };
enum { CAPTURE_AFTER_HOLD_WHOLE, CAPTURE_AFTER_HOLD_KEEP, CAPTURE_AFTER_HOLD_DRAG };
enum { CAPTURE_DIRECTION_BOX, CAPTURE_DIRECTION_TRAVEL, CAPTURE_DIRECTION_VELOCITY, CAPTURE_DIRECTION_AXIS };
enum { CAPTURE_TIE_VERTICAL, CAPTURE_TIE_HORIZONTAL };
enum { CAPTURE_SECOND_FINGER_VOID, CAPTURE_SECOND_FINGER_IGNORE };
enum { CAPTURE_MULTI_TAP_FROM_UP, CAPTURE_MULTI_TAP_FROM_DOWN, CAPTURE_MULTI_TAP_FROM_UP_UP };
enum { CAPTURE_MULTI_TAP_MIN_FROM_UP, CAPTURE_MULTI_TAP_MIN_FROM_DOWN };
enum { CAPTURE_MODES_PINCH, CAPTURE_MODES_ROTATE, CAPTURE_MODES_PAN };

/* GestureConfig: dp, dp/s and ns; derived values come last. */
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
    int64_t hold_ns;
    int32_t slop_metric;
    int32_t drag_metric;
    int32_t tap_at;
    int32_t up_moves;
    int32_t min_samples;
    int64_t stop_ns;
    int64_t up_stop_ns;
    int32_t clamp;
    int64_t early_ns;
    int32_t fling_on;
    capture_limit fling_distance_dp;
    int32_t fling_over;
    int32_t after_hold;
    int32_t direction;
    int32_t tie;
    int32_t second_finger;
    int64_t multi_tap_min_ns;
    int32_t multi_tap_from;
    int32_t multi_tap_min_from;
    int32_t multi_tap_count;
    int32_t run_drag;
    int32_t run_hold;
    int32_t modes;
    capture_limit transform_slop_dp;
    capture_limit pinch_scale;
    capture_limit rotate_deg;
    capture_limit min_span_dp;
    int32_t chord_fingers;
    int64_t chord_timeout_ns;
    capture_limit chord_separation_dp;
    capture_limit swipe_velocity_dp_s;
    capture_limit swipe_ratio;
    int32_t free_fingers;
    int64_t frame_ns;
    double tap_timeout_value; /* ms, as configured */
    double hold_value;
    double chord_timeout_value;
    int32_t plain;    /* the decision is that of the default dialect */
    int32_t verdicts; /* records have the verdict columns */
    int32_t seen;     /* strokes are looked at as dialects do */
    int32_t history;  /* recent samples are kept */
} capture_thresholds;

enum { CAPTURE_SETTINGS = 46 };
static const capture_setting capture_settings[CAPTURE_SETTINGS] = {
    {"tap_timeout_ms", CAPTURE_NANOSECONDS, offsetof(capture_thresholds, tap_timeout_ns), ""},
    {"touch_slop_dp", CAPTURE_LIMIT, offsetof(capture_thresholds, touch_slop_dp), ""},
    {"drag_distance_dp", CAPTURE_LIMIT, offsetof(capture_thresholds, drag_distance_dp), ""},
    {"fling_velocity_dp_s", CAPTURE_LIMIT, offsetof(capture_thresholds, fling_velocity_dp_s), ""},
    {"velocity_strategy", CAPTURE_WORD, offsetof(capture_thresholds, velocity_strategy), "mean lsq2 impulse lsq2_restricted ios early"},
    {"max_fling_velocity_dp_s", CAPTURE_LIMIT, offsetof(capture_thresholds, max_fling_velocity_dp_s), ""},
    {"multi_tap_timeout_ms", CAPTURE_NANOSECONDS, offsetof(capture_thresholds, multi_tap_timeout_ns), ""},
    {"multi_tap_slop_dp", CAPTURE_LIMIT, offsetof(capture_thresholds, multi_tap_slop_dp), ""},
    {"rage_tap_count", CAPTURE_COUNT, offsetof(capture_thresholds, rage_tap_count), ""},
    {"rage_tap_timeout_ms", CAPTURE_NANOSECONDS, offsetof(capture_thresholds, rage_tap_timeout_ns), ""},
    {"rage_tap_radius_dp", CAPTURE_LIMIT, offsetof(capture_thresholds, rage_tap_radius_dp), ""},
    {"hold_ms", CAPTURE_FROM_BELOW, offsetof(capture_thresholds, hold_ns), ""},
    {"slop_metric", CAPTURE_WORD, offsetof(capture_thresholds, slop_metric), "euclid trunc round"},
    {"drag_metric", CAPTURE_WORD, offsetof(capture_thresholds, drag_metric), "euclid axis x y"},
    {"tap_at", CAPTURE_WORD, offsetof(capture_thresholds, tap_at), "farthest end"},
    {"up_moves", CAPTURE_FLAG, offsetof(capture_thresholds, up_moves), ""},
    {"min_samples", CAPTURE_COUNT, offsetof(capture_thresholds, min_samples), ""},
    {"stop_ms", CAPTURE_NANOSECONDS, offsetof(capture_thresholds, stop_ns), ""},
    {"up_stop_ms", CAPTURE_NANOSECONDS, offsetof(capture_thresholds, up_stop_ns), ""},
    {"clamp", CAPTURE_WORD, offsetof(capture_thresholds, clamp), "length axis none"},
    {"early_ms", CAPTURE_NANOSECONDS, offsetof(capture_thresholds, early_ns), ""},
    {"fling_on", CAPTURE_WORD, offsetof(capture_thresholds, fling_on), "speed axis drag_axis"},
    {"fling_distance_dp", CAPTURE_LIMIT, offsetof(capture_thresholds, fling_distance_dp), ""},
    {"fling_over", CAPTURE_WORD, offsetof(capture_thresholds, fling_over), "window stroke"},
    {"after_hold", CAPTURE_WORD, offsetof(capture_thresholds, after_hold), "whole keep drag"},
    {"direction", CAPTURE_WORD, offsetof(capture_thresholds, direction), "box travel velocity axis"},
    {"tie", CAPTURE_WORD, offsetof(capture_thresholds, tie), "vertical horizontal"},
    {"second_finger", CAPTURE_WORD, offsetof(capture_thresholds, second_finger), "void ignore"},
    {"multi_tap_min_ms", CAPTURE_FROM_BELOW, offsetof(capture_thresholds, multi_tap_min_ns), ""},
    {"multi_tap_from", CAPTURE_WORD, offsetof(capture_thresholds, multi_tap_from), "up down up_up"},
    {"multi_tap_min_from", CAPTURE_WORD, offsetof(capture_thresholds, multi_tap_min_from), "up down"},
    {"multi_tap_count", CAPTURE_COUNT, offsetof(capture_thresholds, multi_tap_count), ""},
    {"run_drag", CAPTURE_FLAG, offsetof(capture_thresholds, run_drag), ""},
    {"run_hold", CAPTURE_FLAG, offsetof(capture_thresholds, run_hold), ""},
    {"modes", CAPTURE_WORDS, offsetof(capture_thresholds, modes), "pinch rotate pan"},
    {"transform_slop_dp", CAPTURE_LIMIT, offsetof(capture_thresholds, transform_slop_dp), ""},
    {"pinch_scale", CAPTURE_NUMBER, offsetof(capture_thresholds, pinch_scale), ""},
    {"rotate_deg", CAPTURE_NUMBER, offsetof(capture_thresholds, rotate_deg), ""},
    {"min_span_dp", CAPTURE_LIMIT, offsetof(capture_thresholds, min_span_dp), ""},
    {"chord_fingers", CAPTURE_COUNT, offsetof(capture_thresholds, chord_fingers), ""},
    {"chord_timeout_ms", CAPTURE_NANOSECONDS, offsetof(capture_thresholds, chord_timeout_ns), ""},
    {"chord_separation_dp", CAPTURE_LIMIT, offsetof(capture_thresholds, chord_separation_dp), ""},
    {"swipe_velocity_dp_s", CAPTURE_LIMIT, offsetof(capture_thresholds, swipe_velocity_dp_s), ""},
    {"swipe_ratio", CAPTURE_NUMBER, offsetof(capture_thresholds, swipe_ratio), ""},
    {"free_fingers", CAPTURE_COUNT, offsetof(capture_thresholds, free_fingers), ""},
    {"frame_ms", CAPTURE_NANOSECONDS, offsetof(capture_thresholds, frame_ns), ""},
};

/* The first row whose conditions all hold, so rows are tried from the last to the first. This
 * is the decision of the default dialect; `plain` is whether a configuration has it. */
static inline int32_t capture_kind_of(
    float distance, float velocity, int64_t duration_ns, const capture_thresholds *limits)
{
    int32_t is, kind = CAPTURE_KIND_NONE;
    is = -((distance > limits->touch_slop_dp.inside) & (!(distance > limits->drag_distance_dp.inside)));
    kind = (is & CAPTURE_KIND_NONE) | (~is & kind);
    is = -((distance > limits->drag_distance_dp.inside) & (velocity > limits->fling_velocity_dp_s.inside));
    kind = (is & CAPTURE_KIND_FLING) | (~is & kind);
    is = -((distance > limits->drag_distance_dp.inside) & (!(velocity > limits->fling_velocity_dp_s.inside)));
    kind = (is & CAPTURE_KIND_DRAG) | (~is & kind);
    is = -((duration_ns > limits->tap_timeout_ns) & (!(distance > limits->touch_slop_dp.inside)));
    kind = (is & CAPTURE_KIND_LONG_PRESS) | (~is & kind);
    is = -((duration_ns <= limits->tap_timeout_ns) & (!(distance > limits->touch_slop_dp.inside)));
    kind = (is & CAPTURE_KIND_TAP) | (~is & kind);
    return kind;
}

/* The same by a dialect's facts of a stroke: 0 or 1 each, near and dragged not both. */
static inline int32_t capture_kind_by(
    int near, int dragged, int in_time, int pressed, int flung,
    float distance, float velocity, int64_t duration_ns, const capture_thresholds *limits)
{
    int32_t is, kind = CAPTURE_KIND_NONE;
    (void)distance, (void)velocity, (void)duration_ns, (void)limits; /* of settings of your own */
    is = -((!near) & (!dragged));
    kind = (is & CAPTURE_KIND_NONE) | (~is & kind);
    is = -((dragged) & (flung));
    kind = (is & CAPTURE_KIND_FLING) | (~is & kind);
    is = -((dragged) & (!flung));
    kind = (is & CAPTURE_KIND_DRAG) | (~is & kind);
    is = -((pressed) & (near));
    kind = (is & CAPTURE_KIND_LONG_PRESS) | (~is & kind);
    is = -((in_time) & (near));
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
