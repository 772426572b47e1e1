"""Records of chords (gestures of several fingers) for Python, one and many."""

cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int64_t
from libc.stdlib cimport free, qsort, realloc
from libc.string cimport memcpy

from capture._native.recognizer cimport MemberDef, Recognizer, add_members, set_members
from capture._native.state cimport State

#: Columns in record order: name, buffer format.
LAYOUT = tuple([
    (CHORD_FIELDS[_number].name.decode(), CHORD_FIELDS[_number].format.decode())
    for _number in range(MULTI_FIELDS)
])

cdef MemberDef[MULTI_FIELDS] members


cdef class MultiGesture:
    """The record of one chord; enums are plain numbers here (`capture.gestures.chords` wraps them).

    Every field of multi.h is a read-only attribute, and an argument by name.
    """

    def __init__(self, **fields):
        self.record.fingers = 2
        set_members(self, members, MULTI_FIELDS, fields)
        if fields:
            raise TypeError(f"a chord has no {', '.join(fields)}")


cdef int add_attributes() except -1:
    cdef MultiGesture sample = MultiGesture.__new__(MultiGesture)
    cdef Py_ssize_t start = <char *>&sample.record - <char *><PyObject *>sample
    return add_members(<PyTypeObject *>MultiGesture, CHORD_FIELDS, MULTI_FIELDS, start, members)


add_attributes()


@cython.final
cdef class MultiColumn:
    """One column of records, readable through the buffer protocol; its values lie a record apart."""

    cdef MultiColumns owner
    cdef Py_ssize_t offset
    cdef Py_ssize_t[1] shape
    cdef Py_ssize_t[1] strides
    cdef Py_ssize_t size
    cdef bytes format

    def __init__(self):
        raise TypeError("columns are made by MultiColumns.column()")

    def __len__(self):
        return self.owner.count

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        if not flags & PyBUF_STRIDES == PyBUF_STRIDES:
            raise BufferError("the values of a column lie a record apart")
        buffer.buf = <char *>self.owner.records + self.offset
        buffer.obj = self
        buffer.len = self.shape[0] * self.size
        buffer.readonly = 1
        buffer.itemsize = self.size
        buffer.format = <char *>self.format if flags & PyBUF_FORMAT else NULL
        buffer.ndim = 1
        buffer.shape = self.shape if flags & PyBUF_ND else NULL
        buffer.strides = self.strides
        buffer.suboffsets = NULL
        buffer.internal = NULL
        self.owner.exports += 1

    def __releasebuffer__(self, Py_buffer *buffer):
        self.owner.exports -= 1


@cython.final
cdef class MultiColumns:
    """Records of chords, in the order in which they end."""

    def __dealloc__(self):
        free(self.records)

    def __len__(self):
        return self.count

    def column(self, str name not None):
        """Return one column as a read-only buffer."""
        cdef MultiColumn column = MultiColumn.__new__(MultiColumn)
        cdef int number
        for number in range(MULTI_FIELDS):
            if CHORD_FIELDS[number].name.decode() == name:
                column.owner = self
                column.offset = CHORD_FIELDS[number].offset
                column.size = CHORD_FIELDS[number].size
                column.format = CHORD_FIELDS[number].format
                column.shape[0] = self.count
                column.strides[0] = sizeof(MultiRecord)
                return column
        raise ValueError(f"no column {name!r}")

    def record(self, Py_ssize_t index, type multi_class not None):
        """Return one record as an instance of `multi_class`."""
        if not 0 <= index < self.count:
            raise IndexError(f"record {index} of {self.count}")
        return wrap_multi(multi_class, &self.records[index])

    def extend(self, MultiColumns other not None):
        """Append the records of another."""
        self.append(other.records, other.count)

    def sort(self, *, bint by_first=False):
        """Order the records by the row that ended them, or by the one that began them."""
        if self.count:
            qsort(
                self.records, self.count, sizeof(MultiRecord),
                by_first_sample if by_first else by_last_sample)

    cdef int append(self, const MultiRecord *records, int64_t count) except -1:
        cdef int64_t room = self.count + count
        cdef void *block
        if self.exports:
            raise BufferError(f"{self.exports} columns are still in use")
        if room > self.room:
            room += room // 2
            block = realloc(self.records, room * sizeof(MultiRecord))
            if block == NULL:
                raise MemoryError
            self.records = <MultiRecord *>block
            self.room = room
        if count:
            memcpy(&self.records[self.count], records, count * sizeof(MultiRecord))
        self.count += count
        return 0


cdef int by_last_sample(const void *a, const void *b) noexcept nogil:
    cdef int64_t one = (<const MultiRecord *>a).last_sample, other = (<const MultiRecord *>b).last_sample
    return -1 if one < other else one > other


cdef int by_first_sample(const void *a, const void *b) noexcept nogil:
    cdef int64_t one = (<const MultiRecord *>a).first_sample, other = (<const MultiRecord *>b).first_sample
    return -1 if one < other else one > other


cdef MultiGesture wrap_multi(type multi_class, const MultiRecord *record):
    """Return a record as an instance of a MultiGesture class, without calling its __init__."""
    cdef MultiGesture chord = multi_class.__new__(multi_class)
    chord.record = record[0]
    return chord


def take_ended(Recognizer recognizer not None, type multi_class not None):
    """Return the chords that have ended in a recogniser as instances of `multi_class`, and forget them."""
    cdef State *s = &recognizer.state
    cdef int64_t i
    found = [wrap_multi(multi_class, &s.ended[i]) for i in range(s.ended_count)]
    s.ended_count = 0
    return found


cdef int drain(State *s, MultiColumns into) except -1:
    """Move the chords that have ended."""
    into.append(s.ended, s.ended_count)
    s.ended_count = 0
    return 0
