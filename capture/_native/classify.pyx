"""From the measures of a finished stroke to its record: thresholds, and steps for few strokes."""

from libc.stdint cimport INT32_MAX, INT64_MAX, int32_t, int64_t

from capture._native.record cimport Record


cdef extern from "rule.h" nogil:
    enum:
        SETTINGS "CAPTURE_SETTINGS"
        NANOSECONDS "CAPTURE_NANOSECONDS"
        FROM_BELOW "CAPTURE_FROM_BELOW"
        LIMIT "CAPTURE_LIMIT"
        NUMBER "CAPTURE_NUMBER"
        COUNT "CAPTURE_COUNT"
        FLAG "CAPTURE_FLAG"
        WORD "CAPTURE_WORD"
        WORDS "CAPTURE_WORDS"
        AT_ANY_PLACE "CAPTURE_TAP_AT_FARTHEST"
        ON_SPEED "CAPTURE_FLING_ON_SPEED"
        WHOLE "CAPTURE_AFTER_HOLD_WHOLE"
        BY_BOX "CAPTURE_DIRECTION_BOX"
        EUCLID "CAPTURE_SLOP_METRIC_EUCLID"
        FROM_UP "CAPTURE_MULTI_TAP_FROM_UP"
    ctypedef struct Setting "capture_setting":
        const char *name
        int type
        size_t offset
        const char *words
    const Setting[SETTINGS] settings "capture_settings"
    Limit limit_of "capture_limit_of"(double value, int opened) noexcept
    int64_t ns_of "capture_ns_of"(double ms, int opened, int from_below) noexcept


cdef int read_thresholds(object gestures, Thresholds *limits) except -1:
    """Fill the thresholds, by name, from the attributes of a `GestureConfig`."""
    cdef const Setting *setting
    cdef int i
    cdef bint opened
    for i in range(SETTINGS):
        setting = &settings[i]
        name = setting.name.decode()
        opened = name in gestures.open
        read_setting(setting, getattr(gestures, name), opened, <char *>limits + setting.offset)
    if gestures.transform_slop_dp is None:
        limits.transform_slop_dp = limits.touch_slop_dp
        limits.transform_slop_dp.value = -1  # not set
    limits.tap_timeout_value = gestures.tap_timeout_ms
    limits.hold_value = gestures.hold_ms
    limits.chord_timeout_value = gestures.chord_timeout_ms
    limits.verdicts = gestures.has_verdicts
    limits.plain = is_plain(limits)
    limits.seen = limits.verdicts or not limits.plain
    limits.history = (limits.velocity_strategy != MEAN and limits.velocity_strategy != EARLY) or (
        limits.fling_distance_dp.value != 0 and limits.fling_over != OVER_STROKE)
    return 0


cdef int read_setting(const Setting *setting, value, bint opened, char *to) except -1:
    cdef int i
    if setting.type == NANOSECONDS or setting.type == FROM_BELOW:
        (<int64_t *>to)[0] = ns_of(value, opened, setting.type == FROM_BELOW)
    elif setting.type == LIMIT or setting.type == NUMBER:
        (<Limit *>to)[0] = limit_of(0 if value is None else value, opened)
    elif setting.type == COUNT or setting.type == FLAG:
        (<int32_t *>to)[0] = INT32_MAX if value > INT32_MAX else <int32_t>int(value)
    elif setting.type == WORD:
        (<int32_t *>to)[0] = setting.words.decode().split().index(value)
    else:
        words = setting.words.decode().split()
        (<int32_t *>to)[0] = 0
        for word in value.split():
            i = words.index(word)
            (<int32_t *>to)[0] |= 1 << i
    return 0


cdef bint is_plain(const Thresholds *limits) noexcept:
    """Return whether the decision is that of the default dialect, which has faster code of its own."""
    return (
        limits.slop_metric == EUCLID and limits.drag_metric == STRAIGHT and limits.tap_at == AT_ANY_PLACE
        and limits.up_moves and limits.after_hold == WHOLE and limits.fling_on == ON_SPEED
        and limits.fling_distance_dp.value == 0 and limits.direction == BY_BOX
        and limits.second_finger != IGNORED and limits.velocity_strategy != EARLY
        # A stroke is held from the instant on at which it is no tap any more.
        and limits.hold_ns == limits.tap_timeout_ns + 1 and limits.tap_timeout_ns < INT64_MAX - 1
        and limits.touch_slop_dp.inside <= limits.drag_distance_dp.inside
        and limits.multi_tap_from == FROM_UP and limits.multi_tap_min_ns <= 0
        and limits.multi_tap_count == 0 and not limits.run_drag and limits.run_hold)


cdef void clamp(Record *r, double vx, double vy, const Thresholds *limits) noexcept nogil:
    """Set the release velocity (dp/s), clamped."""
    r.velocity = <float>clamped(&vx, &vy, limits)
    r.velocity_x = <float>vx
    r.velocity_y = <float>vy
