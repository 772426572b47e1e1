"""From the measures of a finished stroke to its record: thresholds, and what few strokes need."""

from libc.math cimport rint, sqrt
from libc.stdint cimport int32_t, int64_t

from capture._native.record cimport Record


cdef extern from "rule.h" nogil:
    enum:
        SETTINGS "CAPTURE_SETTINGS"
        NANOSECONDS "CAPTURE_NANOSECONDS"
        LIMIT "CAPTURE_LIMIT"
        COUNT "CAPTURE_COUNT"
    ctypedef struct Setting "capture_setting":
        const char *name
        int type
        size_t offset
        const char *words
    const Setting[SETTINGS] settings "capture_settings"
    Limit limit_of "capture_limit_of"(double value) noexcept


cdef int read_thresholds(object gestures, Thresholds *limits) except -1:
    """Fill the thresholds, by name, from the attributes of a `GestureConfig`."""
    cdef const Setting *setting
    cdef char *to
    cdef int i
    for i in range(SETTINGS):
        setting = &settings[i]
        to = <char *>limits + setting.offset
        value = getattr(gestures, setting.name.decode())
        if setting.type == NANOSECONDS:
            (<int64_t *>to)[0] = <int64_t>rint(<double>value * 1e6)
        elif setting.type == LIMIT:
            (<Limit *>to)[0] = limit_of(value)
        elif setting.type == COUNT:
            (<int32_t *>to)[0] = value
        else:
            (<int32_t *>to)[0] = setting.words.decode().split().index(value)
    return 0


cdef void clamp(Record *r, double vx, double vy, double limit) noexcept nogil:
    """Set the release velocity (dp/s), shortened to `limit` in its own direction."""
    cdef double length = sqrt(vx * vx + vy * vy)
    if length > limit:
        vx *= limit / length
        vy *= limit / length
        length = limit
    r.velocity = <float>length
    r.velocity_x = <float>vx
    r.velocity_y = <float>vy
