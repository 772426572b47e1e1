/* The record of one stroke, stated once: everything that lists its fields is made from this list.
 * scripts/make_rule.py writes the declarations for Cython (record.pxd).
 */
#ifndef CAPTURE_RECORD_H
#define CAPTURE_RECORD_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* FIELD(name, C type, buffer format), in the order of tables, files and Arrow. */
#define CAPTURE_STROKE(FIELD) \
    FIELD(stream, int64_t, "q") \
    FIELD(pointer, int32_t, "i") \
    FIELD(kind, uint8_t, "B") \
    FIELD(reason, uint8_t, "B") \
    FIELD(direction, uint8_t, "B") \
    FIELD(time_down, int64_t, "q") \
    FIELD(time_up, int64_t, "q") \
    FIELD(x_down, float, "f") \
    FIELD(y_down, float, "f") \
    FIELD(x_up, float, "f") \
    FIELD(y_up, float, "f") \
    FIELD(duration, double, "d") \
    FIELD(distance, float, "f") \
    FIELD(velocity, float, "f") \
    FIELD(velocity_x, float, "f") \
    FIELD(velocity_y, float, "f") \
    FIELD(path_length, float, "f") \
    FIELD(width, float, "f") \
    FIELD(height, float, "f") \
    FIELD(sample_count, int32_t, "i") \
    FIELD(first_sample, int64_t, "q") \
    FIELD(last_sample, int64_t, "q") \
    FIELD(tap_count, int32_t, "i") \
    FIELD(rage, uint8_t, "?")

/* The verdict columns, which follow where they are asked for (docs/dialects.md). */
#define CAPTURE_VERDICT(FIELD) \
    FIELD(slop_distance, float, "f") \
    FIELD(drag_distance, float, "f") \
    FIELD(slop_time, double, "d") \
    FIELD(begun, uint8_t, "B") \
    FIELD(margin, float, "f")

typedef struct {
    const char *name;
    const char *format;
    size_t size;
    size_t offset; /* in the struct */
} capture_field;

#define CAPTURE_MEMBER(name, type, format) type name;
#define CAPTURE_POINTER(name, type, format) type *name;
#define CAPTURE_ONE(name, type, format) + 1
#define CAPTURE_DESCRIBE(name, type, format) {#name, format, sizeof(type), offsetof(CAPTURE_STRUCT, name)},
#define CAPTURE_LOCATE(name, type, format) to->name = (type *)data[column++] + at;
#define CAPTURE_PUT(name, type, format) ((type *)data[column++])[at] = record->name;
#define CAPTURE_GET(name, type, format) record->name = ((const type *)data[column++])[at];

/* `verdict` is whether the members of CAPTURE_VERDICT are filled. */
typedef struct { CAPTURE_STROKE(CAPTURE_MEMBER) CAPTURE_VERDICT(CAPTURE_MEMBER) int verdict; } capture_stroke;
/* Columns of strokes; `ended`, which orders merged outputs, is hidden and is the last one. */
typedef struct { CAPTURE_STROKE(CAPTURE_POINTER) CAPTURE_VERDICT(CAPTURE_POINTER) int64_t *ended; } capture_stroke_columns;
enum {
    CAPTURE_STROKE_FIELDS = 0 CAPTURE_STROKE(CAPTURE_ONE),
    CAPTURE_FIELDS = CAPTURE_STROKE_FIELDS CAPTURE_VERDICT(CAPTURE_ONE),
    CAPTURE_STROKE_COLUMNS
};

#define CAPTURE_STRUCT capture_stroke
static const capture_field capture_stroke_fields[CAPTURE_STROKE_COLUMNS] = {
    CAPTURE_STROKE(CAPTURE_DESCRIBE) CAPTURE_VERDICT(CAPTURE_DESCRIBE) {"ended", "q", sizeof(int64_t), 0}};
#undef CAPTURE_STRUCT

static inline void capture_no_verdict(capture_stroke *record)
{
    record->slop_distance = record->drag_distance = record->margin = NAN;
    record->slop_time = NAN;
    record->begun = 0;
}

/* `data` are the columns in order; those of the verdict are NULL, and so is `ended`, without one. */
static inline void capture_stroke_at(void *const *data, int64_t at, capture_stroke_columns *to)
{
    int column = 0;
    memset(to, 0, sizeof *to);
    CAPTURE_STROKE(CAPTURE_LOCATE)
    if (data[CAPTURE_STROKE_FIELDS] != NULL) {
        CAPTURE_VERDICT(CAPTURE_LOCATE)
    }
    to->ended = data[CAPTURE_FIELDS] == NULL ? NULL : (int64_t *)data[CAPTURE_FIELDS] + at;
}

static inline void capture_stroke_put(void *const *data, int64_t at, const capture_stroke *record)
{
    int column = 0;
    CAPTURE_STROKE(CAPTURE_PUT)
    if (data[CAPTURE_STROKE_FIELDS] != NULL) {
        CAPTURE_VERDICT(CAPTURE_PUT)
    }
}

static inline void capture_stroke_get(void *const *data, int64_t at, capture_stroke *record)
{
    int column = 0;
    CAPTURE_STROKE(CAPTURE_GET)
    record->verdict = data[CAPTURE_STROKE_FIELDS] != NULL;
    if (record->verdict) {
        CAPTURE_VERDICT(CAPTURE_GET)
    } else {
        capture_no_verdict(record);
    }
}

#endif
