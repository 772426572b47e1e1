"""Words and decimal numbers in lines of evdev text; `at` is where to read and `end` the end of the line."""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

ctypedef const uint8_t *Text


cdef inline bint is_blank(uint8_t sign) noexcept nogil:
    return sign == b" " or sign == b"\t"


cdef inline Text blanks(Text at, Text end) noexcept nogil:
    while at < end and is_blank(at[0]):
        at += 1
    return at


cdef inline Text word_end(Text at, Text end) noexcept nogil:
    # What is below a blank is a tab: other control characters are gone, and would be no part of a word.
    while at < end and at[0] > b" ":
        at += 1
    return at


cdef inline bint word(Text at, Py_ssize_t length, const char *name, Py_ssize_t size) noexcept nogil:
    return length == size and memcmp(at, name, size) == 0


cdef inline bint begins(Text at, Text end, const char *words, Py_ssize_t size) noexcept nogil:
    return end - at >= size and memcmp(at, words, size) == 0


cdef inline Text decimal(Text at, Text end, int64_t *number) noexcept nogil:
    """Read a decimal number with an optional sign, of at most 18 digits; NULL when there is none."""
    cdef bint negative = at < end and at[0] == b"-"
    cdef int64_t value = 0
    cdef Text start
    if negative:
        at += 1
    start = at
    while at < end and 48 <= at[0] <= 57:
        if at - start == 18:
            return NULL
        value = value * 10 + (at[0] - 48)
        at += 1
    if at == start:
        return NULL
    number[0] = -value if negative else value
    return at
