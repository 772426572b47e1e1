"""The record of one stroke. Made by scripts/make_rule.py from record.h: do not edit."""

from libc.stdint cimport int32_t, int64_t, uint8_t

ctypedef int64_t *int64_t_column
ctypedef int32_t *int32_t_column
ctypedef uint8_t *uint8_t_column
ctypedef float *float_column
ctypedef double *double_column


cdef extern from "record.h" nogil:
    enum:
        STROKE_FIELDS "CAPTURE_STROKE_FIELDS"
        FIELDS "CAPTURE_FIELDS"
        COLUMNS "CAPTURE_STROKE_COLUMNS"
    ctypedef struct Field "capture_field":
        const char *name
        const char *format
        size_t size
        size_t offset
    const Field[COLUMNS] RECORD_FIELDS "capture_stroke_fields"
    ctypedef struct Record "capture_stroke":
        int64_t stream, time_down, time_up, first_sample, last_sample
        int32_t pointer, sample_count, tap_count
        uint8_t kind, reason, direction, rage, begun
        float x_down, y_down, x_up, y_up, distance, velocity
        float velocity_x, velocity_y, path_length, width, height, slop_distance
        float drag_distance, margin
        double duration, slop_time
        bint verdict
    ctypedef struct RecordColumns "capture_stroke_columns":
        int64_t_column stream, time_down, time_up, first_sample, last_sample
        int32_t_column pointer, sample_count, tap_count
        uint8_t_column kind, reason, direction, rage, begun
        float_column x_down, y_down, x_up, y_up, distance, velocity
        float_column velocity_x, velocity_y, path_length, width, height, slop_distance
        float_column drag_distance, margin
        double_column duration, slop_time
        int64_t *ended
    void no_verdict "capture_no_verdict"(Record *record) noexcept
    void columns_at "capture_stroke_at"(void **data, int64_t at, RecordColumns *to) noexcept
    void put_record "capture_stroke_put"(void **data, int64_t at, const Record *record) noexcept
    void get_record "capture_stroke_get"(void **data, int64_t at, Record *record) noexcept
