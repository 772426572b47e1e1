"""Columns of touch samples that grow."""

from libc.stdint cimport int32_t, int64_t, uint8_t


cdef class SampleBuffer:
    cdef int32_t *pointer
    cdef uint8_t *action
    cdef int64_t *time
    cdef float *x
    cdef float *y
    cdef double low_x, size_x, span_x, low_y, size_y, span_y
    cdef bint swapped
    cdef readonly Py_ssize_t count
    cdef Py_ssize_t room
    cdef bint failed  # out of memory: nothing more is added

    cdef void add(self, int64_t time, int32_t pointer, int action, int32_t x, int32_t y) noexcept nogil
    cdef bint grow(self) noexcept nogil
    cdef int check(self) except -1
    cdef tuple take(self)
