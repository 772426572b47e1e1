"""Gestures of the native format by template: the same bytes as msgspec makes, but for the event id.

A template is msgspec's JSON of a scene or a target. Only integers, the id and literals are printed here.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.math cimport floor
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

import os

cdef extern from "bytes.h":
    char *bytes_text "capture_bytes_text"(object value) noexcept
    Py_ssize_t bytes_size "capture_bytes_size"(object value) noexcept
    char *put_uuid "capture_put_uuid"(char *place, const uint8_t *raw) noexcept

cdef extern from "forks.h" nogil:
    int watch_forks "capture_watch_forks"() noexcept
    int forks "capture_forks"() noexcept

cdef enum:
    POOL = 64                   # ids for each read of the system's entropy
    MOST_NUMBERS = 160          # bytes of the literals and integers of an event, with room

if watch_forks():
    raise MemoryError


cdef inline char *put_text(char *place, const char *text, size_t size) noexcept:
    memcpy(place, text, size)
    return place + size


cdef char *put_int(char *place, int64_t value) noexcept:
    cdef char digits[20]
    cdef int count = 0
    cdef uint64_t left = <uint64_t>value
    if value < 0:
        place[0] = b"-"
        place += 1
        left = 0 - left
    while True:
        digits[count] = <char>(48 + left % 10)
        count += 1
        left //= 10
        if left == 0:
            break
    while count:
        count -= 1
        place[0] = digits[count]
        place += 1
    return place


cdef int64_t event_int(double value) noexcept:
    """As `capture.events.domain.event_int`: half up, capped to 2**31 - 1; 0 for NaN."""
    if value >= 2147483647.0:
        return 2147483647
    if value != value:
        return 0
    return <int64_t>floor(value + 0.5) if value > -9.2e18 else -9200000000000000000


cdef class GestureEncoder:
    """Encodes gesture events with random ids; a forked child draws its own."""

    cdef uint8_t pool[POOL * 16]
    cdef int left
    cdef int made_by                # forks before it was made
    cdef object entropy
    cdef readonly bytes event_id    # of the last event, 16 bytes

    def __cinit__(self, entropy=os.urandom):
        self.entropy = entropy
        self.left = 0

    cdef uint8_t *next_id(self) except NULL:
        """Return an id that is zeroed once it is used: version 4, variant 10."""
        cdef bytes block
        cdef uint8_t *raw
        if self.left == 0 or self.made_by != forks():
            block = self.entropy(POOL * 16)
            if bytes_size(block) != POOL * 16:
                raise ValueError("too little entropy")
            memcpy(self.pool, bytes_text(block), POOL * 16)
            self.left, self.made_by = POOL, forks()
        self.left -= 1
        raw = self.pool + 16 * self.left
        raw[6] = (raw[6] & 0x0F) | 0x40
        raw[8] = (raw[8] & 0x3F) | 0x80
        return raw

    @cython.critical_section
    def encode(self, int kind, int64_t uptime_ms, int64_t time_ms, bytes scene, bytes target, bytes last,
               bint moves=False, int direction=0, double distance=0.0, double velocity=0.0):
        """Return the bytes of an event.

        Parameters
        ----------
        kind : int
            The gesture kind, which is the event's ``ea``.
        uptime_ms, time_ms : int
        scene : bytes
            From behind the event id to ``"t":``.
        target : bytes
            ``,"tvp":...,"tvid":...``.
        last : bytes
            The end: ``,"ur":true}`` of a tap, ``}``.
        moves : bool
            Whether direction, distance (dp) and velocity (dp/s) come before `last`.
        """
        cdef Py_ssize_t scene_size = bytes_size(scene), target_size = bytes_size(target)
        cdef Py_ssize_t last_size = bytes_size(last)
        cdef uint8_t *raw = self.next_id()
        cdef bytes room = PyBytes_FromStringAndSize(NULL, MOST_NUMBERS + scene_size + target_size + last_size)
        cdef char *start = bytes_text(room)
        cdef char *at = put_int(put_text(start, b'{"ea":', 6), kind)
        at = put_text(put_int(put_text(at, b',"upt":', 7), uptime_ms), b',"euid":"', 9)
        at = put_uuid(at, raw)
        self.event_id = PyBytes_FromStringAndSize(<char *>raw, 16)
        memset(raw, 0, 16)
        at = put_int(put_text(at, bytes_text(scene), scene_size), time_ms)
        at = put_text(at, bytes_text(target), target_size)
        if moves:
            at = put_int(put_text(at, b',"fd":', 6), direction)
            at = put_int(put_text(at, b',"tvd":', 7), event_int(distance))
            at = put_int(put_text(at, b',"tvv":', 7), event_int(velocity))
        at = put_text(at, bytes_text(last), last_size)
        return room[:at - start]
