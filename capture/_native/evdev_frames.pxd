"""The evdev event model: events become frames, frames become touch samples."""

from libc.stdint cimport int32_t, int64_t, uint8_t


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
    bint moved  # this frame reported x or y
    bint touched  # the slot is in this frame's list


cdef struct Packet:
    int32_t id  # -1: the contact came without an id
    int32_t x
    int32_t y
    bint has_x
    bint has_y
    bint matched  # a contact that was down goes on in it
    bint repeated  # its id came before in the same frame
    int32_t pointer  # of the contact that goes on


cdef struct Contact:
    int32_t pointer
    int32_t id  # -1: matched by nearest neighbor
    int32_t x
    int32_t y
    bint seen


cdef struct Doubts:
    int64_t positions_without_contact
    int64_t up_without_down
    int64_t time_went_back
    int64_t clock_steps
    int64_t unknown_codes
    int64_t dropped_by_device
    int64_t repeated_ids
    int64_t protocol_changed


cdef class EventModel:
    # how raw units become px: (raw - low) * size / span
    cdef double low_x, size_x, span_x, low_y, size_y, span_y
    cdef readonly int protocol
    cdef bint follow  # change the protocol when the events ask for another
    cdef readonly bint scanning  # look, but write no samples
    cdef int seen  # the protocol that the events so far ask for
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
    cdef Packet *packets
    cdef int packet_count
    cdef Contact *contacts
    cdef int contact_count
    # the samples written and not yet taken
    cdef int32_t *pointer
    cdef uint8_t *action
    cdef int64_t *time
    cdef float *x
    cdef float *y
    cdef Py_ssize_t count, room
    cdef bint failed  # out of memory

    cdef void add(self, int64_t time, int type, int code, int32_t value) noexcept nogil
    cdef void scan(self, int type, int code, int32_t value) noexcept nogil
    cdef void axis(self, int code, int32_t value) noexcept nogil
    cdef void set_slot_id(self, int index, int32_t id) noexcept nogil
    cdef Slot *touch(self, int index) noexcept nogil
    cdef void close_packet(self) noexcept nogil
    cdef void end_frame(self, int64_t time) noexcept nogil
    cdef void end_slots(self, int64_t time) noexcept nogil
    cdef void end_contacts(self, int64_t time) noexcept nogil
    cdef void match_ids(self) noexcept nogil
    cdef void match_nearest(self) noexcept nogil
    cdef void begin_contact(self, int64_t time, Packet *packet) noexcept nogil
    cdef Contact *find_pointer(self, int32_t pointer) noexcept nogil
    cdef void clear_frame(self) noexcept nogil
    cdef void cancel_all(self, int64_t time) noexcept nogil
    cdef void change_protocol(self, int protocol) noexcept nogil
    cdef void write(self, int64_t time, int32_t pointer, int action, int32_t x, int32_t y) noexcept nogil
    cdef void grow(self) noexcept nogil
