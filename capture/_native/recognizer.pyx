"""The Python interface of the recogniser: a stroke's record, and the calls for single samples."""

cimport cython
from cpython.object cimport PyObject, PyTypeObject
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset

from capture._native.chording cimport track_chords
from capture._native.classify cimport Thresholds, read_thresholds
from capture._native.record cimport FIELDS, RECORD_FIELDS, STROKE_FIELDS, Field, Record
from capture._native.samples cimport CANCEL, DOWN, MOVE, UP
from capture._native.state cimport state_free, state_init, step
from capture._native.streams cimport set_density, stream_slot

from gc import get_referents


cdef extern from "structmember.h":
    enum:
        READONLY
        T_LONGLONG
        T_INT
        T_UBYTE
        T_BOOL
        T_FLOAT
        T_DOUBLE
    object PyDescr_NewMember(PyTypeObject *type, MemberDef *member)
    int PyMember_SetOne(char *instance, MemberDef *member, object value) except -1
    void PyType_Modified(PyTypeObject *type)


@cython.freelist(64)
cdef class Gesture:
    """The record of one stroke; enums are plain numbers here (`capture.Gesture` wraps them).

    Every field of record.h is a read-only attribute, and an argument by name.
    """

    def __init__(self, **fields):
        self.record.sample_count = 2
        self.record.last_sample = 1
        for name in [RECORD_FIELDS[i].name.decode() for i in range(STROKE_FIELDS, FIELDS)]:
            self.record.verdict |= name in fields
        set_members(self, members, FIELDS, fields)
        if fields:
            raise TypeError(f"a gesture has no {', '.join(fields)}")

    @property
    def has_verdict(self):
        """Whether the fields of the verdict are filled."""
        return bool(self.record.verdict)


cdef MemberDef[FIELDS] members


cdef int set_members(object instance, const MemberDef *members, int count, dict fields) except -1:
    """Set the attributes of a record that are named, and take them out of `fields`."""
    cdef MemberDef member
    cdef int number
    for number in range(count):
        member = members[number]
        member.flags = 0
        name = member.name.decode()
        if name in fields:
            PyMember_SetOne(<char *><PyObject *>instance, &member, fields.pop(name))
    return 0


cdef int add_members(
        PyTypeObject *type, const Field *fields, int count, Py_ssize_t start, MemberDef *members) except -1:
    """Make an attribute of every field of a record, which lies `start` bytes into its object."""
    cdef int number
    types = {
        b"q": T_LONGLONG, b"i": T_INT, b"B": T_UBYTE, b"?": T_BOOL, b"f": T_FLOAT, b"d": T_DOUBLE,
    }
    # The type's own dict, which the stable ABI has no name for: the target of its read-only view.
    cdef dict attributes
    [attributes] = get_referents((<object>type).__dict__)
    for number in range(count):
        members[number].name = fields[number].name
        members[number].type = types[fields[number].format]
        members[number].offset = start + <Py_ssize_t>fields[number].offset
        members[number].flags = READONLY
        attributes[fields[number].name.decode()] = PyDescr_NewMember(type, &members[number])
    PyType_Modified(type)
    return 0


cdef int add_attributes() except -1:
    cdef Gesture sample = Gesture.__new__(Gesture)
    cdef Py_ssize_t start = <char *>&sample.record - <char *><PyObject *>sample
    return add_members(<PyTypeObject *>Gesture, RECORD_FIELDS, FIELDS, start, members)


add_attributes()


cdef Gesture wrap(type gesture_class, const Record *record):
    """Return a record as an instance of a Gesture class, without calling its __init__."""
    cdef Gesture gesture = gesture_class.__new__(gesture_class)
    gesture.record = record[0]
    return gesture


cdef class Recognizer:
    """One state machine. A call that meets another thread's `feed` raises RuntimeError."""

    def __cinit__(self, *args, **kwargs):
        cdef Thresholds none
        memset(&none, 0, sizeof(Thresholds))
        self.gesture_class = Gesture
        self.chords = []
        state_init(&self.state, &none, 1.0)

    def __dealloc__(self):
        state_free(&self.state)

    def __init__(self, type gesture_class not None, type multi_class, gestures not None, *, double density):
        cdef Thresholds limits
        if not issubclass(gesture_class, Gesture):
            raise TypeError("gesture_class must be a Gesture")
        if self.state.samples or self.busy:
            raise RuntimeError("this recognizer has been used already")
        read_thresholds(gestures, &limits)
        state_free(&self.state)
        state_init(&self.state, &limits, density)
        self.gesture_class = gesture_class
        self.multi_class = multi_class

    def set_density(self, int64_t stream, double density):
        """Set the density of one stream (px per dp)."""
        cdef int32_t slot
        with cython.critical_section(self):
            self.check_free()
            slot = stream_slot(&self.state, stream)
            if slot < 0:
                raise MemoryError
            set_density(&self.state, slot, density)

    @property
    def counters(self):
        """Number of ignored and doubtful samples since construction, by cause."""
        return dict(self.state.counters)

    def take_chords(self):
        """Return the chords that have ended since the last call, and forget them."""
        with cython.critical_section(self):
            taken, self.chords = self.chords, []
        return taken

    def down(self, int32_t pointer, double x, double y, int64_t time, int64_t stream=0):
        """Begin a stroke; return the Gesture of an INCOMPLETE one that this ends, else None."""
        return self.sample(DOWN, pointer, x, y, time, stream)

    def move(self, int32_t pointer, double x, double y, int64_t time, int64_t stream=0):
        """Continue a stroke."""
        self.sample(MOVE, pointer, x, y, time, stream)

    def up(self, int32_t pointer, double x, double y, int64_t time, int64_t stream=0):
        """End a stroke; return its Gesture, None where the pointer was not down."""
        return self.sample(UP, pointer, x, y, time, stream)

    def cancel(self, int32_t pointer, double x, double y, int64_t time, int64_t stream=0):
        """End a stroke that the system took away; return its Gesture, None where the pointer was not down."""
        return self.sample(CANCEL, pointer, x, y, time, stream)

    cdef int keep_chords(self) except -1:
        """Append the chords that have ended to the list of them."""
        from capture._native.chords import take_ended

        self.chords += take_ended(self, self.multi_class)
        return 0

    cdef int check_free(self) except -1:
        if self.busy:
            raise RuntimeError("this recognizer is in use by another thread")
        return 0

    cdef object sample(
            self, uint8_t action, int32_t pointer, double x, double y, int64_t time, int64_t stream):
        cdef Record record
        cdef int ended
        with cython.critical_section(self):
            self.check_free()
            if not self.state.multi and track_chords(&self.state, True) < 0:
                raise MemoryError
            ended = step(
                &self.state, self.state.samples, stream, pointer, action, time, <float>x, <float>y, &record)
            self.state.samples += 1
            if self.state.ended_count:
                self.keep_chords()
        if ended == 0:
            return None
        if ended < 0:
            raise MemoryError
        return wrap(self.gesture_class, &record)
