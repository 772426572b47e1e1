"""Records in columns."""

from libc.stdint cimport int64_t

from capture._native.record cimport COLUMNS, Record, RecordColumns


cdef extern from "memory.h" nogil:
    ctypedef struct Memory "capture_memory":
        char *start
        size_t size
        bint zeroed     # unwritten fields are 0


# All columns lie in one block, one after the other. Those of the verdict are there (not NULL) where they are
# asked for. The last one, `ended`, is there where outputs will be merged: the number of the sample that ended
# the stroke.
cdef struct Output:
    Memory memory
    void *data[COLUMNS]
    int64_t count
    int64_t room
    bint ordered
    bint verdicts
    bint fixed          # a part of another output, which cannot grow


cdef int make_room(Output *o, int64_t more) noexcept nogil
cdef void put(Output *o, const Record *r, int64_t ended) noexcept nogil


cdef class GestureColumns:
    cdef Output output
    cdef Py_ssize_t exports  # views of columns, and parts
    cdef GestureColumns whole  # the whole of which this is a part
