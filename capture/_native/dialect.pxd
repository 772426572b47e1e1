"""The decision of a dialect: observations of a stroke, and the fields of its record."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from capture._native.classify cimport TapRun, Thresholds
from capture._native.record cimport Record


cdef extern from "dialect.h" nogil:
    ctypedef struct Edges "capture_edges":
        float slop_px
        float drag_px
    ctypedef struct View "capture_view":
        int32_t axis
        int64_t slop_ns
        double early_x
        double early_y
    ctypedef struct Case "capture_case":
        const View *view
        const Edges *edges
        double density
        int64_t duration
        int64_t hold
        float dx
        float dy
        float offset_x
        float offset_y
    void edges_at "capture_edges_at"(double density, const Thresholds *limits, Edges *edges) noexcept
    void view_begin "capture_view_begin"(View *view) noexcept
    void look_at "capture_look_at"(
        View *view, float x0, float y0, int64_t since, float x, float y, const Edges *edges,
        const Thresholds *limits) noexcept
    void look_early "capture_look_early"(
        View *view, float x0, float y0, int64_t since, float x, float y, double density,
        int64_t early_ns) noexcept
    int begun "capture_begun"(
        const View *view, int64_t duration, int64_t hold, const Thresholds *limits) noexcept
    void judge "capture_judge"(Record *r, const Case *case, const Thresholds *limits) noexcept
    void keep_axis "capture_keep_axis"(
        float *velocity, float *velocity_x, float *velocity_y, int32_t axis) noexcept
    void view_measures "capture_view_measures"(
        Record *r, const View *view, double density, int straight) noexcept
    int32_t count_at_down "capture_count_at_down"(
        const TapRun *run, int64_t time, float x, float y, double density,
        const Thresholds *limits) noexcept
    void count_run "capture_count"(
        Record *r, TapRun *run, int32_t continues, double density, const Thresholds *limits) noexcept


# State of an open touch in a dialect.
cdef struct Seen:
    View view
    int32_t continues       # the count that a tap would have, judged at the DOWN; 0 if it continues no run
    uint8_t begun           # when another finger came down
    bint met                # one did
