"""A first scan of a device's events for its protocol and its largest values."""

from libc.stdint cimport int32_t


cdef struct Seen:
    int protocol  # that the events so far ask for
    bint places
    bint rel
    bint touch_button
    bint left_button
    int32_t max_x
    int32_t max_y
    int32_t max_mt_x
    int32_t max_mt_y


cdef void look(Seen *seen, int type, int code, int32_t value) noexcept nogil
