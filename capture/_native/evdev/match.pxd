"""Type A contacts: which packet of this frame continues which contact of the previous frame."""

from libc.stdint cimport int32_t


cdef struct Feel:
    # what was reported last of a contact; what was not reported says nothing
    bint no_pressure  # MT_PRESSURE was 0
    bint away  # MT_DISTANCE was above 0
    bint no_width  # MT_TOUCH_MAJOR was 0
    bint palm  # MT_TOOL_TYPE was a palm, once


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


cdef void match(Packet *packets, int packet_count, Contact *contacts, int contact_count) noexcept nogil
