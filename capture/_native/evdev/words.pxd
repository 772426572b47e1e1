"""Words in lines of evdev text; `at` is where to read and `end` the end of the line."""

from libc.stdint cimport uint8_t
from libc.string cimport memcmp

ctypedef const uint8_t *Text


cdef inline Text blanks(Text at, Text end) noexcept nogil:
    while at < end and at[0] == b" ":
        at += 1
    return at


cdef inline bint word(Text at, Py_ssize_t length, const char *name, Py_ssize_t size) noexcept nogil:
    return length == size and memcmp(at, name, size) == 0


cdef inline bint begins(Text at, Text end, const char *words, Py_ssize_t size) noexcept nogil:
    return end - at >= size and memcmp(at, words, size) == 0
