"""The Python interface of the recogniser."""

from cpython.object cimport PyTypeObject
from libc.stdint cimport int32_t, int64_t, uint8_t

from capture._native.record cimport Field, Record
from capture._native.state cimport State


cdef extern from "structmember.h":
    ctypedef struct MemberDef "PyMemberDef":
        const char *name
        int type
        Py_ssize_t offset
        int flags


cdef class Gesture:
    cdef Record record


cdef int add_members(
    PyTypeObject *type, const Field *fields, int count, Py_ssize_t start, MemberDef *members) except -1
cdef int set_members(object instance, const MemberDef *members, int count, dict fields) except -1
cdef Gesture wrap(type gesture_class, const Record *record)


cdef class Recognizer:
    cdef State state
    cdef type gesture_class
    cdef type multi_class
    cdef readonly list chords
    cdef bint busy              # a feed has released the GIL

    cdef int check_free(self) except -1
    cdef int keep_chords(self) except -1
    cdef object sample(
        self, uint8_t action, int32_t pointer, double x, double y, int64_t time, int64_t stream)
