"""The Python interface of the recogniser."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from capture._native.record cimport Record
from capture._native.state cimport State


cdef class Gesture:
    cdef Record record


cdef Gesture wrap(type gesture_class, const Record *record)


cdef class Recognizer:
    cdef State state
    cdef type gesture_class
    cdef bint busy              # a feed has released the GIL

    cdef int check_free(self) except -1
    cdef object sample(
        self, uint8_t action, int32_t pointer, double x, double y, int64_t time, int64_t stream)
