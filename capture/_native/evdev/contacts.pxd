"""Type A contacts, and the reports of any contact."""

from libc.stdint cimport int32_t, int64_t

from capture._native.evdev.samples cimport SampleBuffer

cdef enum:
    CONTACTS = 32  # at once


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


cdef struct Feel:
    # last reports of a contact; a missing report decides nothing
    bint no_pressure  # MT_PRESSURE was 0
    bint away  # MT_DISTANCE was above 0
    bint no_width  # MT_TOUCH_MAJOR was 0
    bint palm  # MT_TOOL_TYPE was a palm, once


cdef inline bint touches(Feel *feel, bint has_width) noexcept nogil:
    """Return whether a contact touches by its reports.

    A width of 0 is ignored on a device that never reported another.
    """
    return not (feel.no_pressure or feel.away or feel.palm or (feel.no_width and has_width))


cdef struct Packet:
    int32_t id  # -1: the contact came without an id
    int32_t x
    int32_t y
    bint has_x
    bint has_y
    bint matched  # it continues a contact that was down
    bint repeated  # its id came before in the same frame
    Feel feel
    int32_t pointer  # of the contact that goes on


cdef struct Contact:
    int32_t pointer
    int32_t id  # -1: matched by nearest neighbor
    int32_t x
    int32_t y
    bint seen
    bint down  # a DOWN was written and no end yet
    bint felt  # it touched, or was a palm: it is not one that only hovered
    bint palm


cdef class Contacts:
    cdef Packet packet  # the open one
    cdef bint packet_open
    cdef bint has_width  # the device reported a MT_TOUCH_MAJOR above 0
    cdef Packet[CONTACTS] packets
    cdef int packet_count
    cdef int64_t packet_time  # when the last one of the frame was closed
    cdef Contact[CONTACTS] contacts
    cdef int count
    cdef Doubts *doubts
    cdef SampleBuffer samples

    cdef void open_packet(self) noexcept nogil
    cdef void close_packet(self, int64_t time) noexcept nogil
    cdef void clear_frame(self) noexcept nogil
    cdef void cancel_all(self, int64_t time) noexcept nogil
    cdef void end_frame(self, int64_t time) noexcept nogil
    cdef void end_contacts(self, int64_t time) noexcept nogil
    cdef void go_on(self, int64_t time) noexcept nogil
    cdef void lift(self, int64_t time, Contact *contact, Packet *packet) noexcept nogil
    cdef void begin(self, int64_t time, Packet *packet) noexcept nogil
    cdef Contact *find_pointer(self, int32_t pointer) noexcept nogil
    cdef void match(self) noexcept nogil
    cdef void match_ids(self) noexcept nogil
    cdef void match_nearest(self) noexcept nogil
