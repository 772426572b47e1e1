"""Type A contacts: which packet of this frame continues which contact of the previous frame."""

from libc.stdint cimport int32_t


cdef struct Packet:
    int32_t id  # -1: the contact came without an id
    int32_t x
    int32_t y
    bint has_x
    bint has_y
    bint matched  # it continues a contact that was down
    bint repeated  # its id came before in the same frame
    int32_t pointer  # of the contact that it continues


cdef struct Contact:
    int32_t pointer
    int32_t id  # -1: matched by nearest neighbor
    int32_t x
    int32_t y
    bint seen


cdef void match(Packet *packets, int packet_count, Contact *contacts, int contact_count) noexcept nogil
