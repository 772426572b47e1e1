"""The chords of a recogniser's streams."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from capture._native.state cimport State
from capture._native.stroke cimport Stream
from capture._native.touch cimport OpenTouch


cdef inline void link_finger(State *s, Stream *stream, int32_t touch_slot) noexcept nogil:
    cdef OpenTouch *touch = &s.touches[touch_slot]
    touch.next_finger = -1
    touch.last_finger = stream.last_finger
    if stream.last_finger >= 0:
        s.touches[stream.last_finger].next_finger = touch_slot
    else:
        stream.first_finger = touch_slot
    stream.last_finger = touch_slot
    stream.fingers += 1


cdef inline void unlink_finger(State *s, Stream *stream, const OpenTouch *touch) noexcept nogil:
    if touch.last_finger >= 0:
        s.touches[touch.last_finger].next_finger = touch.next_finger
    else:
        stream.first_finger = touch.next_finger
    if touch.next_finger >= 0:
        s.touches[touch.next_finger].last_finger = touch.last_finger
    else:
        stream.last_finger = touch.last_finger
    stream.fingers -= 1


cdef int track_chords(State *s, bint wanted) noexcept nogil
cdef int room_for_chord(State *s) noexcept nogil
cdef void close_frame(State *s, const Stream *stream) noexcept nogil
cdef bint leave_chord(
    State *s, int32_t touch_slot, int64_t index, int64_t time, uint8_t action,
    bint is_finite) noexcept nogil
cdef void go_on(State *s, int32_t slot) noexcept nogil
cdef void join(State *s, int32_t touch_slot, int64_t index, int64_t time) noexcept nogil
cdef void end_chords(State *s) noexcept nogil
