"""The columns of `TouchSamples`, held while the core reads them."""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t, uint8_t

from capture._native.samples cimport count_actions_down


@cython.final
cdef class Samples:
    """The columns of `TouchSamples`, held while the core reads them."""

    def __cinit__(self, samples):
        self.columns.action = <const uint8_t *>self.hold(samples.action, 1)
        if samples.stream is not None:
            self.columns.stream = <const int64_t *>self.hold(samples.stream, 8)
        if samples.pointer is not None:
            self.columns.pointer = <const int32_t *>self.hold(samples.pointer, 4)
        self.columns.time = <const int64_t *>self.hold(samples.time, 8)
        self.columns.x = <const float *>self.hold(samples.x, 4)
        self.columns.y = <const float *>self.hold(samples.y, 4)

    def __dealloc__(self):
        cdef int i
        for i in range(self.held):
            PyBuffer_Release(&self.buffers[i])

    cdef const void *hold(self, column, int64_t size) except? NULL:
        """Return the start of a column, which must have the length of the first one."""
        cdef Py_buffer *buffer = &self.buffers[self.held]
        PyObject_GetBuffer(column, buffer, PyBUF_SIMPLE)
        self.held += 1
        if self.held == 1:
            self.count = buffer.len // size
        elif self.count != buffer.len // size:
            raise ValueError(f"the columns differ in length: {buffer.len // size} and {self.count}")
        return buffer.buf


def count_downs(samples_action):
    """Number of DOWNs in an action column: just so many strokes begin in it."""
    cdef Py_buffer view
    cdef int64_t count
    PyObject_GetBuffer(samples_action, &view, PyBUF_SIMPLE)
    with nogil:
        count = count_actions_down(<const uint8_t *>view.buf, view.len)
    PyBuffer_Release(&view)
    return count
