"""The columns of `TouchSamples`, held while the core reads them."""

from libc.stdint cimport int64_t

from capture._native.samples cimport Columns


cdef class Samples:
    cdef Py_buffer[6] buffers
    cdef int held
    cdef Columns columns
    cdef int64_t count

    cdef const void *hold(self, column, int64_t size) except? NULL
