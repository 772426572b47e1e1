"""Records of chords, one and many."""

from libc.stdint cimport int64_t

from capture._native.multi cimport CHORD_FIELDS, MULTI_FIELDS, MultiRecord
from capture._native.state cimport State


cdef class MultiGesture:
    cdef MultiRecord record


cdef class MultiColumns:
    cdef MultiRecord *records
    cdef int64_t count
    cdef int64_t room
    cdef Py_ssize_t exports     # views of columns

    cdef int append(self, const MultiRecord *records, int64_t count) except -1


cdef MultiGesture wrap_multi(type multi_class, const MultiRecord *record)
cdef int drain(State *s, MultiColumns into) except -1
