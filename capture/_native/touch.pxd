"""An open touch: the running sums of a stroke that has not ended, in px."""

from libc.math cimport sqrtf
from libc.stdint cimport int32_t, int64_t

from capture._native.samples cimport finite


cdef struct OpenTouch:
    int64_t time_down
    int64_t time_last       # of the last sample with a finite position
    int64_t first_sample
    int64_t last_sample     # the same
    int64_t count           # the DOWN and every sample with a finite position
    int64_t downs           # of the stream, when this touch began: a later DOWN makes it multi-touch
    int32_t stream          # slot
    int32_t pointer
    int32_t next_free       # slot, while this one is unused
    int32_t next_finger     # slot of the next open touch of the stream with a good DOWN, or -1
    int32_t last_finger     # of the one before
    bint used
    bint multi              # another pointer was down at the DOWN
    bint malformed
    float x_down
    float y_down
    float x_last
    float y_last
    float low_x
    float high_x
    float low_y
    float high_y
    float farthest2         # largest squared distance from the DOWN
    float[8] path           # segment k is added to sum k mod 8


cdef inline void begin(OpenTouch *s, int64_t index, int64_t time, float x, float y) noexcept nogil:
    cdef int i
    s.time_down = s.time_last = time
    s.first_sample = s.last_sample = index
    s.count = 1
    s.x_down = s.x_last = s.low_x = s.high_x = x
    s.y_down = s.y_last = s.low_y = s.high_y = y
    s.malformed = not (finite(x) and finite(y))
    s.farthest2 = 0
    for i in range(8):
        s.path[i] = 0


cdef inline void extend(OpenTouch *s, int64_t index, int64_t time, float x, float y) noexcept nogil:
    """Add a sample with a finite position."""
    cdef float from_x, from_y, step_x, step_y, squared
    s.time_last = time
    s.last_sample = index
    if not s.malformed:
        from_x = x - s.x_down
        from_y = y - s.y_down
        squared = from_x * from_x + from_y * from_y
        # Values, not branches, which nobody could predict.
        s.farthest2 = squared if squared > s.farthest2 else s.farthest2
        step_x = x - s.x_last
        step_y = y - s.y_last
        s.path[(s.count - 1) & 7] += sqrtf(step_x * step_x + step_y * step_y)
        s.low_x = x if x < s.low_x else s.low_x
        s.high_x = x if x > s.high_x else s.high_x
        s.low_y = y if y < s.low_y else s.low_y
        s.high_y = y if y > s.high_y else s.high_y
    s.x_last = x
    s.y_last = y
    s.count += 1
