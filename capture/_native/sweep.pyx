"""Recorded measures under other thresholds: the same `decide` and `count_tap` as the recogniser's."""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free

from capture._native.classify cimport (
    BETWEEN_SLOP_AND_DRAG, NONE, RECOGNIZED, Record, Thresholds, count_tap, decide, to_dp,
)
from capture._native.samples cimport TapRun


def same_length(lengths):
    """Check that columns have the length of the first."""
    for length in lengths:
        if length != lengths[0]:
            raise ValueError(f"the columns differ in length: {length} and {lengths[0]}")


cdef class Measures:
    """What was recorded of strokes, in the order in which they ended, as far as classes depend on it.

    `slot` numbers the streams from 0 without gaps; `density` is px per dp of each stroke.
    """

    cdef const uint8_t[::1] reason
    cdef const int64_t[::1] time_down, time_up
    cdef const float[::1] x_down, y_down, x_up, y_up, distance, velocity, width, height
    cdef const int32_t[::1] slot
    cdef const double[::1] density
    cdef int32_t slots

    def __init__(
            self, *, const uint8_t[::1] reason, const int64_t[::1] time_down,
            const int64_t[::1] time_up, const float[::1] x_down, const float[::1] y_down,
            const float[::1] x_up, const float[::1] y_up, const float[::1] distance,
            const float[::1] velocity, const float[::1] width, const float[::1] height,
            const int32_t[::1] slot, const double[::1] density):
        cdef Py_ssize_t i, count = reason.shape[0]
        same_length([
            count, time_down.shape[0], time_up.shape[0], x_down.shape[0], y_down.shape[0], x_up.shape[0],
            y_up.shape[0], distance.shape[0], velocity.shape[0], width.shape[0], height.shape[0],
            slot.shape[0], density.shape[0],
        ])
        self.slots = 0
        for i in range(count):
            if slot[i] < 0 or slot[i] > count:
                raise ValueError(f"slot {slot[i]}: expected numbers without gaps")
            self.slots = max(self.slots, slot[i] + 1)
        self.reason, self.time_down, self.time_up = reason, time_down, time_up
        self.x_down, self.y_down, self.x_up, self.y_up = x_down, y_down, x_up, y_up
        self.distance, self.velocity, self.width, self.height = distance, velocity, width, height
        self.slot, self.density = slot, density

    def __len__(self):
        return self.reason.shape[0]

    def classify(
            self, uint8_t[::1] kind not None, uint8_t[::1] reason not None,
            uint8_t[::1] direction not None, int32_t[::1] tap_count not None, uint8_t[::1] rage not None,
            *, int64_t tap_timeout_ns, double touch_slop, double drag_distance, double fling_velocity,
            int64_t multi_tap_timeout_ns, double multi_tap_slop, int32_t rage_tap_count,
            int64_t rage_tap_timeout_ns, double rage_tap_radius, int strategy=0, double max_fling_velocity=0):
        """Fill the columns that depend on thresholds; the velocity strategy is in the measures."""
        cdef Thresholds limits
        cdef TapRun *runs
        cdef Py_ssize_t count = self.reason.shape[0]
        same_length([
            count, kind.shape[0], reason.shape[0], direction.shape[0], tap_count.shape[0], rage.shape[0]])
        limits.tap_timeout_ns = tap_timeout_ns
        limits.touch_slop = touch_slop
        limits.drag_distance = drag_distance
        limits.fling_velocity = fling_velocity
        limits.strategy = strategy
        limits.max_fling_velocity = max_fling_velocity
        limits.multi_tap_timeout_ns = multi_tap_timeout_ns
        limits.multi_tap_slop = multi_tap_slop
        limits.rage_tap_count = rage_tap_count
        limits.rage_tap_timeout_ns = rage_tap_timeout_ns
        limits.rage_tap_radius = rage_tap_radius
        if count == 0:
            return
        runs = <TapRun *>calloc(self.slots, sizeof(TapRun))
        if runs == NULL:
            raise MemoryError
        with nogil:
            self.fill(&limits, runs, &kind[0], &reason[0], &direction[0], &tap_count[0], &rage[0])
        free(runs)

    cdef void fill(
            self, const Thresholds *limits, TapRun *runs, uint8_t *kind, uint8_t *reason,
            uint8_t *direction, int32_t *tap_count, uint8_t *rage) noexcept nogil:
        cdef Record r
        cdef double density
        cdef float dx, dy
        cdef Py_ssize_t i
        for i in range(self.reason.shape[0]):
            density = self.density[i]
            r.time_down = self.time_down[i]
            r.time_up = self.time_up[i]
            r.x_down = self.x_down[i]
            r.y_down = self.y_down[i]
            r.reason = self.reason[i]
            r.kind = r.direction = NONE
            if r.reason == RECOGNIZED or r.reason == BETWEEN_SLOP_AND_DRAG:
                r.distance = self.distance[i]
                r.velocity = self.velocity[i]
                r.width = self.width[i]
                r.height = self.height[i]
                # The same difference of the same float32 as at the stroke's end.
                dx = self.x_up[i] - r.x_down
                dy = self.y_up[i] - r.y_down
                decide(&r, limits, to_dp(dx, density), to_dp(dy, density))
            count_tap(&r, &runs[self.slot[i]], density, limits)
            kind[i] = r.kind
            reason[i] = r.reason
            direction[i] = r.direction
            tap_count[i] = r.tap_count
            rage[i] = r.rage
