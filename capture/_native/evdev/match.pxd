"""Type A contacts: which of this frame's packets goes on which contact of the frame before."""

from libc.stdint cimport int32_t


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


cdef void match(Packet *packets, int packet_count, Contact *contacts, int contact_count) noexcept nogil
