/* The record of a chord (a gesture of several fingers), stated once; see record.h.
 * scripts/make_rule.py writes the declarations for Cython (multi.pxd).
 */
#ifndef CAPTURE_MULTI_H
#define CAPTURE_MULTI_H

#include "record.h"

/* FIELD(name, C type, buffer format), in the order of tables, files and Arrow. */
#define CAPTURE_CHORD(FIELD) \
    FIELD(stream, int64_t, "q") \
    FIELD(kind, uint8_t, "B") \
    FIELD(reason, uint8_t, "B") \
    FIELD(direction, uint8_t, "B") \
    FIELD(modes, uint8_t, "B") \
    FIELD(fingers, int32_t, "i") \
    FIELD(pointer_a, int32_t, "i") \
    FIELD(pointer_b, int32_t, "i") \
    FIELD(time_down, int64_t, "q") \
    FIELD(time_join, int64_t, "q") \
    FIELD(time_lift, int64_t, "q") \
    FIELD(time_up, int64_t, "q") \
    FIELD(x_down, float, "f") \
    FIELD(y_down, float, "f") \
    FIELD(x_up, float, "f") \
    FIELD(y_up, float, "f") \
    FIELD(duration, double, "d") \
    FIELD(scale, float, "f") \
    FIELD(rotation, float, "f") \
    FIELD(span_down, float, "f") \
    FIELD(span_up, float, "f") \
    FIELD(shift_x, float, "f") \
    FIELD(shift_y, float, "f") \
    FIELD(spread, float, "f") \
    FIELD(arc, float, "f") \
    FIELD(shift, float, "f") \
    FIELD(velocity, float, "f") \
    FIELD(velocity_x, float, "f") \
    FIELD(velocity_y, float, "f") \
    FIELD(first_sample, int64_t, "q") \
    FIELD(last_sample, int64_t, "q") \
    FIELD(margin, float, "f")

typedef struct { CAPTURE_CHORD(CAPTURE_MEMBER) } capture_multi;
enum { CAPTURE_MULTI_FIELDS = 0 CAPTURE_CHORD(CAPTURE_ONE) };

#define CAPTURE_STRUCT capture_multi
static const capture_field capture_multi_fields[CAPTURE_MULTI_FIELDS] = {CAPTURE_CHORD(CAPTURE_DESCRIBE)};
#undef CAPTURE_STRUCT

#endif
