"""The evdev event model: events become frames, frames become touch samples."""

from libc.stdint cimport int32_t, int64_t

from capture._native.evdev.match cimport Contact, Feel, Packet
from capture._native.evdev.samples cimport SampleBuffer

cdef enum:
    SLOTS = 1024
    CONTACTS = 32  # of type A, at once


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


cdef struct Doubts:
    int64_t positions_without_contact
    int64_t up_without_down
    int64_t time_went_back
    int64_t clock_steps
    int64_t unknown_codes
    int64_t dropped_by_device
    int64_t repeated_ids
    int64_t protocol_changed
    int64_t hovering
    int64_t palms


cdef class EventModel:
    # how raw units become px: (raw - low) * size / span
    cdef double low_x, size_x, span_x, low_y, size_y, span_y
    cdef readonly int protocol
    cdef bint follow  # change the protocol when the events ask for another
    cdef readonly bint scanning  # look, but write no samples
    cdef int seen  # the protocol that the events so far ask for
    cdef bint seen_places, seen_rel, seen_touch_button, seen_left_button
    cdef public bint left_button  # BTN_LEFT is the contact of a single-touch device
    cdef bint swapped  # the picture lies across the panel: x comes from raw y
    cdef bint has_width  # the device reported a MT_TOUCH_MAJOR above 0
    cdef int32_t max_x, max_y, max_mt_x, max_mt_y
    cdef bint skipping  # after SYN_DROPPED, to the next SYN_REPORT
    cdef bint open_frame  # events came since the last SYN_REPORT
    cdef int64_t last_time
    cdef Doubts doubts
    # type B and single touch
    cdef Slot *slots
    cdef int slot
    cdef int *touched
    cdef int touched_count
    # type A
    cdef Packet packet
    cdef bint packet_open
    cdef Packet[CONTACTS] packets
    cdef int packet_count
    cdef Contact[CONTACTS] contacts
    cdef int contact_count
    cdef SampleBuffer samples

    cdef void add(self, int64_t time, int type, int code, int32_t value) noexcept nogil
    cdef void scan(self, int type, int code, int32_t value) noexcept nogil
    cdef void axis(self, int code, int32_t value) noexcept nogil
    cdef void key(self, int code, int32_t value) noexcept nogil
    cdef Feel *feel(self) noexcept nogil
    cdef void place(self, int index, bint is_x, int32_t value) noexcept nogil
    cdef void set_slot_id(self, int index, int32_t id) noexcept nogil
    cdef Slot *touch(self, int index) noexcept nogil
    cdef void close_packet(self) noexcept nogil
    cdef void end_frame(self, int64_t time) noexcept nogil
    cdef void end_slots(self, int64_t time) noexcept nogil
    cdef void lift_slot(self, int64_t time, int index) noexcept nogil
    cdef bint touches(self, Feel *feel) noexcept nogil
    cdef void leave(self, bint felt) noexcept nogil
    cdef void end_contacts(self, int64_t time) noexcept nogil
    cdef void lift_contact(self, int64_t time, Contact *contact, Packet *packet) noexcept nogil
    cdef void begin_contact(self, int64_t time, Packet *packet) noexcept nogil
    cdef Contact *find_pointer(self, int32_t pointer) noexcept nogil
    cdef void clear_frame(self) noexcept nogil
    cdef void cancel_all(self, int64_t time) noexcept nogil
    cdef void change_protocol(self, int protocol) noexcept nogil
    cdef void write(self, int64_t time, int32_t pointer, int action, int32_t x, int32_t y) noexcept nogil
