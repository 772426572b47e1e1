"""Records in columns."""

from libc.stdint cimport int64_t

from capture._native.classify cimport Record
from capture._native.samples cimport Records

cdef enum:
    COLUMNS = 24


# All columns lie in one block, one after the other, zeroed. Where outputs will be merged, one more
# column holds the number of the sample that ended the stroke.
cdef struct Output:
    char *block
    void *data[25]
    int64_t count
    int64_t room
    bint ordered


cdef int make_room(Output *o, int64_t more) noexcept nogil
cdef void records_at(const Output *o, int64_t at, Records *to) noexcept nogil
cdef void put(Output *o, const Record *r, int64_t ended) noexcept nogil


cdef class GestureColumns:
    cdef Output output
    cdef Py_ssize_t exports  # views of columns
