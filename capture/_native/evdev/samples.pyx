"""Columns of touch samples that grow."""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdlib cimport free, realloc


@cython.final
cdef class SampleBuffer:
    """Five columns of touch samples, written without the GIL and returned as bytes.

    Parameters
    ----------
    x_axis, y_axis : tuple of (low, size, span)
        ``px = (raw - low) * size / span``; a negative size counts from the other end.
    swapped : bool
        The raw y gives x, and the raw x gives y: the picture lies across the panel.
    """

    def __cinit__(self, x_axis, y_axis, bint swapped):
        self.low_x, self.size_x, self.span_x = x_axis
        self.low_y, self.size_y, self.span_y = y_axis
        if not (self.span_x > 0 and self.span_y > 0):
            raise ValueError("the span of an axis must be above 0")
        self.swapped = swapped

    def __dealloc__(self):
        free(self.pointer)
        free(self.action)
        free(self.time)
        free(self.x)
        free(self.y)

    cdef void add(self, int64_t time, int32_t pointer, int action, int32_t x, int32_t y) noexcept nogil:
        if self.count == self.room and not self.grow():
            self.failed = True
            return
        self.pointer[self.count] = pointer
        self.action[self.count] = <uint8_t> action
        self.time[self.count] = time
        if self.swapped:
            x, y = y, x
        # Adding 0 turns the -0 of a negative size into 0.
        self.x[self.count] = <float> ((<double> x - self.low_x) * self.size_x / self.span_x + 0.0)
        self.y[self.count] = <float> ((<double> y - self.low_y) * self.size_y / self.span_y + 0.0)
        self.count += 1

    cdef bint grow(self) noexcept nogil:
        cdef Py_ssize_t room = max(<Py_ssize_t> 4096, 2 * self.room)
        cdef bint grown = True
        grown = resize(<void **> &self.pointer, room * sizeof(int32_t)) and grown
        grown = resize(<void **> &self.action, room * sizeof(uint8_t)) and grown
        grown = resize(<void **> &self.time, room * sizeof(int64_t)) and grown
        grown = resize(<void **> &self.x, room * sizeof(float)) and grown
        grown = resize(<void **> &self.y, room * sizeof(float)) and grown
        if grown:
            self.room = room
        return grown

    cdef int check(self) except -1:
        """Raise when memory ran out while no exception could be raised."""
        if self.failed:
            raise MemoryError
        return 0

    cdef tuple take(self):
        """Return (pointer, action, time, x, y) as bytes and forget them."""
        self.check()
        columns = (
            PyBytes_FromStringAndSize(<char *> self.pointer, self.count * sizeof(int32_t)),
            PyBytes_FromStringAndSize(<char *> self.action, self.count * sizeof(uint8_t)),
            PyBytes_FromStringAndSize(<char *> self.time, self.count * sizeof(int64_t)),
            PyBytes_FromStringAndSize(<char *> self.x, self.count * sizeof(float)),
            PyBytes_FromStringAndSize(<char *> self.y, self.count * sizeof(float)),
        )
        self.count = 0
        return columns


cdef bint resize(void **column, size_t size) noexcept nogil:
    cdef void *moved = realloc(column[0], size)
    if moved != NULL:
        column[0] = moved
    return moved != NULL
