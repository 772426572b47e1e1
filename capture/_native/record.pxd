"""The record of one stroke. Made by scripts/make_rule.py from record.h: do not edit."""

from libc.stdint cimport int32_t, int64_t, uint8_t


cdef extern from "record.h" nogil:
    enum:
        FIELDS "CAPTURE_STROKE_FIELDS"
        COLUMNS "CAPTURE_STROKE_COLUMNS"
    ctypedef struct Field "capture_field":
        const char *name
        const char *format
        size_t size
        size_t offset
    const Field[COLUMNS] RECORD_FIELDS "capture_stroke_fields"
    ctypedef struct Record "capture_stroke":
        int64_t stream
        int32_t pointer
        uint8_t kind
        uint8_t reason
        uint8_t direction
        int64_t time_down
        int64_t time_up
        float x_down
        float y_down
        float x_up
        float y_up
        double duration
        float distance
        float velocity
        float velocity_x
        float velocity_y
        float path_length
        float width
        float height
        int32_t sample_count
        int64_t first_sample
        int64_t last_sample
        int32_t tap_count
        uint8_t rage
    ctypedef struct RecordColumns "capture_stroke_columns":
        int64_t *stream
        int32_t *pointer
        uint8_t *kind
        uint8_t *reason
        uint8_t *direction
        int64_t *time_down
        int64_t *time_up
        float *x_down
        float *y_down
        float *x_up
        float *y_up
        double *duration
        float *distance
        float *velocity
        float *velocity_x
        float *velocity_y
        float *path_length
        float *width
        float *height
        int32_t *sample_count
        int64_t *first_sample
        int64_t *last_sample
        int32_t *tap_count
        uint8_t *rage
        int64_t *ended
    void columns_at "capture_stroke_at"(void **data, int64_t at, RecordColumns *to) noexcept
    void put_record "capture_stroke_put"(void **data, int64_t at, const Record *record) noexcept
    void get_record "capture_stroke_get"(void **data, int64_t at, Record *record) noexcept
