"""Lines of evdev text, one parser a dialect."""

from libc.stdint cimport int32_t, int64_t

from capture._native.evdev.words cimport Text

cdef enum:
    # kinds of lines
    LINE_EVENT = 0
    LINE_SKIPPED = 1  # a comment, a part of the header
    LINE_STRANGE = 2  # nothing that the dialect knows
    LINE_OTHER = 3  # an event of another device

cdef struct Event:
    int64_t time  # ns; kept from the line before where this one has none
    int type
    int code
    int32_t value
    bint timed  # the line has a time


cdef int getevent_line(Text at, Text end, Event *event, Text device, Py_ssize_t device_length) noexcept nogil
cdef int evemu_line(Text at, Text end, Event *event) noexcept nogil
cdef int evtest_line(Text at, Text end, Event *event) noexcept nogil
cdef int libinput_line(Text at, Text end, Event *event) noexcept nogil
