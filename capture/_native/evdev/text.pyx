"""Blocks of evdev text to events in the event model, without a Python object a line.

A line that no parser knows is handed back to the caller by its offset.
"""

cimport cython
from libc.stdint cimport int64_t
from libc.string cimport memchr

from capture._native.evdev.codes cimport EV_SYN, SYN_REPORT
from capture._native.evdev.frames cimport EventModel
from capture._native.evdev.lines cimport (
    LINE_EVENT,
    LINE_OTHER,
    LINE_SKIPPED,
    LINE_STRANGE,
    Event,
    evemu_line,
    evtest_line,
    getevent_line,
    libinput_line,
)
from capture._native.evdev.words cimport Text

cdef extern from "search.h" nogil:
    bint capture_contains(const char *block, size_t size, const char *text, size_t length, size_t place)

cdef enum:
    GETEVENT = 0
    EVEMU = 1
    EVTEST = 2
    LIBINPUT = 3
    DECORATION = 256  # bytes before a line's own text: a quote, a number, a time of another tool


@cython.final
cdef class TextReader:
    """Read lines of one dialect into an event model.

    Parameters
    ----------
    model : EventModel
        Where the events go.
    dialect : int
        0 getevent, 1 evemu, 2 evtest, 3 libinput.
    device : bytes
        Only events of this device path count, where lines carry one; empty for all.
    frame_ns : int
        Duration of a frame in a log whose lines have no time.
    """

    cdef readonly EventModel model
    cdef int dialect
    cdef bytes device
    cdef Text path
    cdef Py_ssize_t path_length
    cdef int64_t frame_ns
    cdef int64_t time  # of the last event
    cdef public bint muted  # the events that come now are of another device
    cdef readonly int64_t lines
    cdef readonly int64_t untimed
    cdef readonly int64_t used  # lines with an event that went into the model
    cdef readonly int64_t skipped  # blank lines, comments, parts of the header
    cdef readonly int64_t others  # events of other devices
    cdef bint timed  # a line had a time: one without has lost it

    def __cinit__(self, EventModel model not None, int dialect, bytes device=b"", int64_t frame_ns=10000000):
        if not 0 <= dialect <= 3:
            raise ValueError(f"dialect {dialect}: expected 0 to 3")
        self.model = model
        self.dialect = dialect
        self.device = device
        self.path = self.device
        self.path_length = len(self.device)
        self.frame_ns = frame_ns

    def feed(self, bytes block not None, Py_ssize_t start=0, bint last=False):
        """Read whole lines of `block` from `start`.

        Returns
        -------
        (int, int)
            Where the reading stopped and the length of a line there that is strange to this dialect.
            The length is -1 when only an unfinished line (or nothing) is left; with `last` it is
            read too.
        """
        cdef Text text = block
        cdef Py_ssize_t size = len(block)
        cdef Py_ssize_t length = -1
        if not 0 <= start <= size:
            raise ValueError(f"start {start}: expected 0 to {size}")
        with nogil:
            start = self.run(text, start, size, last, &length)
        if self.model.samples.failed:
            raise MemoryError
        return start, length

    def line(self, bytes line not None):
        """Read one line, as one that was broken in two; return whether it is an event."""
        cdef Event event
        cdef Text at = line
        if self.undecorated(at, at + len(line), &event) != LINE_EVENT:
            return False
        if not self.muted:
            self.put(&event)
        self.model.samples.check()
        return True

    cdef inline void put(self, Event *event) noexcept nogil:
        if event.timed:
            self.time = event.time
            self.timed = True
        self.model.add(self.time, event.type, event.code, event.value)
        if not event.timed and event.type == EV_SYN and event.code == SYN_REPORT:
            self.time += self.frame_ns
            self.untimed += 1

    cdef inline int read(self, Text at, Text end, Event *event) noexcept nogil:
        if at == end:
            return LINE_SKIPPED
        if self.dialect == GETEVENT:
            return self.getevent(at, end, event)
        if self.dialect == EVEMU:
            return evemu_line(at, end, event)
        if self.dialect == EVTEST:
            return evtest_line(at, end, event)
        return libinput_line(at, end, event)

    cdef inline int getevent(self, Text at, Text end, Event *event) noexcept nogil:
        cdef int kind = getevent_line(at, end, event, self.path, self.path_length)
        return LINE_STRANGE if kind == LINE_EVENT and self.timed and not event.timed else kind

    cdef int undecorated(self, Text at, Text end, Event *event) noexcept nogil:
        """Read a line from where a word begins: text before it is no part of the log.

        Behind blanks and signs of quotation a comment or a part of the header is taken for one, behind
        anything else only an event is.
        """
        cdef Text start = at
        cdef bint quoted = True
        cdef bint border = True
        cdef int kind
        while at < end and at - start < DECORATION:
            if at[0] in b" \t\r>|":
                border = True
            elif not border:
                quoted = False
                # A prompt may stand before a line without a blank, and a number ends in a colon.
                border = at[0] in b":)]#$+\"'`"
            else:
                kind = self.read(at, end, event)
                if kind == LINE_EVENT or kind == LINE_OTHER or (kind == LINE_SKIPPED and quoted):
                    return kind
                quoted = False
                border = at[0] in b":)]#$+\"'`"
            at += 1
        return LINE_STRANGE

    cdef Py_ssize_t run(
        self, Text text, Py_ssize_t start, Py_ssize_t size, bint last, Py_ssize_t *length
    ) noexcept nogil:
        cdef Text at = text + start
        cdef Text stop = text + size
        cdef Text end
        cdef Text trimmed
        cdef int kind
        cdef Event event
        cdef int64_t lines = 0
        cdef int64_t used = 0
        while at < stop and not self.model.samples.failed:
            end = <Text> memchr(at, b"\n", stop - at)
            if end == NULL:
                if not last:
                    break
                end = stop
            trimmed = end
            while trimmed > at and (trimmed - 1)[0] in b" \r\t":
                trimmed -= 1
            kind = self.read(at, trimmed, &event)
            if kind == LINE_STRANGE:
                kind = self.undecorated(at, trimmed, &event)
            lines += 1
            if kind == LINE_EVENT and not self.muted:
                used += 1
                self.put(&event)
            elif kind == LINE_SKIPPED:
                self.skipped += 1
            elif kind != LINE_STRANGE:
                self.others += 1
            else:
                length[0] = trimmed - at
                break
            at = end + 1 if end < stop else stop
        self.lines += lines
        self.used += used
        return at - text


def contains(bytes block not None, bytes text not None, Py_ssize_t place):
    """Return whether a text is in a block; the two bytes at `place` in it should be rare in the block."""
    cdef const char *start = block
    cdef const char *wanted = text
    cdef Py_ssize_t size = len(block)
    cdef Py_ssize_t length = len(text)
    cdef bint found
    if not 0 <= place < length - 1:
        raise ValueError(f"place {place}: expected 0 to {length - 2}")
    with nogil:
        found = capture_contains(start, size, wanted, length, place)
    return found
