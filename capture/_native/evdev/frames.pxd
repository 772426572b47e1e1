"""The evdev event model: events become frames, frames become touch samples."""

from libc.stdint cimport int32_t, int64_t

from capture._native.evdev.contacts cimport Contacts, Doubts, Feel
from capture._native.evdev.samples cimport SampleBuffer
from capture._native.evdev.scan cimport Seen

cdef enum:
    SLOTS = 1024


cdef struct Slot:
    int32_t id  # tracking id of the contact in the slot, -1 when there is none
    int32_t x  # the slot's values outlive its contacts
    int32_t y
    int32_t up_x  # where the contact that this frame ended was last
    int32_t up_y
    int32_t sample_x  # where the last sample of the contact was
    int32_t sample_y
    int32_t shorts  # contacts that began and ended within this frame
    bint down  # a DOWN was written and no UP yet
    bint ended  # this frame ended the contact that was down
    bint ended_palm  # ... and as a palm
    bint fresh  # its contact began in this frame
    bint felt  # its contact touched, or was a palm: it is not one that only hovered
    Feel feel
    bint moved  # this frame reported x or y
    bint touched  # the slot is in this frame's list


cdef class EventModel:
    cdef readonly int protocol
    cdef bint follow  # change the protocol when the events ask for another
    cdef readonly bint scanning  # look, but write no samples
    cdef Seen seen
    cdef public bint left_button  # BTN_LEFT is the contact of a single-touch device
    cdef bint skipping  # after SYN_DROPPED, to the next SYN_REPORT
    cdef bint open_frame  # events came since the last SYN_REPORT
    cdef int64_t last_time
    cdef Doubts doubts
    # type B and single touch
    cdef Slot *slots
    cdef int slot
    cdef Feel astray  # reports of a slot out of range
    cdef int *touched
    cdef int touched_count
    cdef Contacts type_a
    cdef SampleBuffer samples

    cdef void add(self, int64_t time, int type, int code, int32_t value) noexcept nogil
    cdef void axis(self, int code, int32_t value) noexcept nogil
    cdef void key(self, int code, int32_t value) noexcept nogil
    cdef Feel *feel(self) noexcept nogil
    cdef void place(self, int index, bint is_x, int32_t value) noexcept nogil
    cdef void set_slot_id(self, int index, int32_t id) noexcept nogil
    cdef Slot *touch(self, int index) noexcept nogil
    cdef void end_frame(self, int64_t time) noexcept nogil
    cdef void end_slots(self, int64_t time) noexcept nogil
    cdef void lift_slot(self, int64_t time, int index) noexcept nogil
    cdef void clear_frame(self) noexcept nogil
    cdef void cancel_all(self, int64_t time) noexcept nogil
    cdef void change_protocol(self, int protocol) noexcept nogil
