"""Lines of evdev text (getevent, evemu, evtest, libinput) to events, one parser a dialect.

`at` is where to read and `end` the end of the line, trailing blanks cut off. Nothing is copied.
"""

from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memchr, memcmp

from capture._native.evdev.codes cimport *
from capture._native.evdev.words cimport begins, blanks, decimal, is_blank, word, word_end

# The seconds of a time may have this many digits and still be 64 bits of nanoseconds.
cdef int64_t MAX_SECONDS = 9000000000

cdef signed char[256] HEX
cdef int _i
for _i in range(256):
    HEX[_i] = -1
for _i in range(10):
    HEX[48 + _i] = <signed char> _i
for _i in range(6):
    HEX[65 + _i] = <signed char> (10 + _i)
    HEX[97 + _i] = <signed char> (10 + _i)

cdef int64_t[10] POWERS = [1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000]


cdef Text seconds(Text at, Text end, int64_t *time, Py_ssize_t digits) noexcept nogil:
    """Read ``secs.fraction`` as nanoseconds; NULL if the text is none.

    The fraction has so many `digits`; any number of them where that is 0.
    """
    cdef int64_t whole = 0, part = 0
    cdef Text start, last = end if end - at < 18 else at + 18
    cdef unsigned int digit
    while at < last:
        digit = <unsigned int> at[0] - 48
        if digit > 9:
            break
        whole = whole * 10 + digit
        at += 1
    if whole > MAX_SECONDS or at == end or at[0] != b".":
        return NULL
    at += 1
    start = at
    last = end if end - at < 9 else at + 9
    while at < last:
        digit = <unsigned int> at[0] - 48
        if digit > 9:
            break
        part = part * 10 + digit
        at += 1
    time[0] = whole * 1000000000 + part * POWERS[9 - (at - start)]
    while at < end and 48 <= at[0] <= 57:
        at += 1
    if at == start or (digits and at - start != digits):
        return NULL
    return at


cdef Text dashed_seconds(Text at, Text end, int64_t *time) noexcept nogil:
    """Read ``secs-micros:`` as getevent before Android 4.2 prints it; NULL when that is not there."""
    cdef int64_t whole, micros
    at = decimal(at, end, &whole)
    if at == NULL or whole > MAX_SECONDS or at == end or at[0] != b"-":
        return NULL
    at = decimal(at + 1, end, &micros)
    if at == NULL or not 0 <= micros < 1000000 or at == end or at[0] != b":":
        return NULL
    time[0] = whole * 1000000000 + micros * 1000
    return at + 1


cdef Text hexadecimal(Text at, Text end, uint32_t *number, Py_ssize_t width) noexcept nogil:
    """Read so many hex digits (one to eight for a width of 0) that end at a blank or at `end`; else NULL."""
    cdef uint32_t value = 0
    cdef int digit
    cdef Text start = at, last = at + (width or 8)
    if last > end:
        if width:
            return NULL
        last = end
    while at < last:
        digit = HEX[at[0]]
        if digit < 0:
            break
        value = (value << 4) | <uint32_t> digit
        at += 1
    if at == start or (width and at != last) or (at < end and not is_blank(at[0])):
        return NULL
    number[0] = value
    return at


cdef int type_label(Text at, Py_ssize_t length) noexcept nogil:
    if length < 5 or memcmp(at, b"EV_", 3) != 0:
        return -1
    if word(at, length, b"EV_ABS", 6):
        return EV_ABS
    if word(at, length, b"EV_SYN", 6):
        return EV_SYN
    if word(at, length, b"EV_KEY", 6):
        return EV_KEY
    if word(at, length, b"EV_REL", 6):
        return EV_REL
    return EV_OTHER


cdef int code_label(int type, Text at, Py_ssize_t length) noexcept nogil:
    if type == EV_ABS:
        if word(at, length, b"ABS_MT_POSITION_X", 17):
            return ABS_MT_POSITION_X
        if word(at, length, b"ABS_MT_POSITION_Y", 17):
            return ABS_MT_POSITION_Y
        if word(at, length, b"ABS_MT_TRACKING_ID", 18):
            return ABS_MT_TRACKING_ID
        if word(at, length, b"ABS_MT_SLOT", 11):
            return ABS_MT_SLOT
        if word(at, length, b"ABS_MT_PRESSURE", 15):
            return ABS_MT_PRESSURE
        if word(at, length, b"ABS_MT_TOUCH_MAJOR", 18):
            return ABS_MT_TOUCH_MAJOR
        if word(at, length, b"ABS_MT_DISTANCE", 15):
            return ABS_MT_DISTANCE
        if word(at, length, b"ABS_MT_TOOL_TYPE", 16):
            return ABS_MT_TOOL_TYPE
        if word(at, length, b"ABS_X", 5):
            return ABS_X
        if word(at, length, b"ABS_Y", 5):
            return ABS_Y
    elif type == EV_SYN:
        if word(at, length, b"SYN_REPORT", 10):
            return SYN_REPORT
        if word(at, length, b"SYN_MT_REPORT", 13):
            return SYN_MT_REPORT
        if word(at, length, b"SYN_DROPPED", 11):
            return SYN_DROPPED
    elif type == EV_KEY:
        if word(at, length, b"BTN_TOUCH", 9):
            return BTN_TOUCH
        if word(at, length, b"BTN_LEFT", 8) or word(at, length, b"BTN_MOUSE", 9):
            return BTN_LEFT
    elif type == EV_REL:
        if word(at, length, b"REL_X", 5):
            return REL_X
    return OTHER_CODE


cdef int value_label(int type, int code, Text at, Py_ssize_t length, int32_t *value) noexcept nogil:
    """Read a value that getevent -l prints by name."""
    value[0] = 0
    if word(at, length, b"DOWN", 4):
        value[0] = 1
    elif word(at, length, b"REPEAT", 6):
        value[0] = 2
    elif word(at, length, b"UP", 2):
        value[0] = 0
    elif type == EV_ABS and code == ABS_MT_TOOL_TYPE and length > 8 and memcmp(at, b"MT_TOOL_", 8) == 0:
        value[0] = TOOL_PALM if word(at, length, b"MT_TOOL_PALM", 12) else 0
    elif code != OTHER_CODE or is_number(at, length):
        return LINE_STRANGE
    return LINE_EVENT


cdef bint is_number(Text at, Py_ssize_t length) noexcept nogil:
    """Return whether a word has nothing but hex digits: a number, and maybe a cut one."""
    cdef Py_ssize_t index
    for index in range(length):
        if HEX[at[index]] < 0:
            return False
    return True


cdef Text getevent_time(
    Text at, Text end, Event *event, Text device, Py_ssize_t device_length, bint *other
) noexcept nogil:
    """Read the time and the device before an event, where they are there; NULL when they are damaged."""
    cdef Text start
    cdef Text after
    event.timed = at < end and at[0] == b"["
    if event.timed:
        at = seconds(blanks(at + 1, end), end, &event.time, 6)
        if at == NULL or at == end or at[0] != b"]":
            return NULL
        at = blanks(at + 1, end)
    elif at < end and 48 <= at[0] <= 57:
        after = dashed_seconds(at, end, &event.time)
        if after != NULL:
            event.timed = True
            at = blanks(after, end)
    if at < end and at[0] == b"/":
        start = at
        at = word_end(at, end)
        if at == end or (at - 1)[0] != b":":
            return NULL
        other[0] = device_length and not word(start, at - start - 1, <const char *> device, device_length)
        at = blanks(at, end)
    return at


cdef int getevent_line(Text at, Text end, Event *event, Text device, Py_ssize_t device_length) noexcept nogil:
    cdef uint32_t number
    cdef Text start, after
    cdef bint other = False
    at = getevent_time(at, end, event, device, device_length, &other)
    if at == NULL:
        return LINE_STRANGE
    if other:
        return LINE_OTHER
    start = at
    after = hexadecimal(at, end, &number, 4)
    if after != NULL:
        event.type = <int> (number & 0xffff)
    else:
        after = word_end(at, end)
        event.type = type_label(start, after - start)
        if event.type < 0:
            return LINE_STRANGE
    at = blanks(after, end)
    start = at
    after = hexadecimal(at, end, &number, 4)
    if after != NULL:
        event.code = <int> (number & 0xffff)
    else:
        after = word_end(at, end)
        if after == start or is_number(start, after - start):
            return LINE_STRANGE
        event.code = code_label(event.type, start, after - start)
    at = blanks(after, end)
    if at == end:
        return LINE_STRANGE
    start = at
    after = hexadecimal(at, end, &number, 8)
    if after != NULL:
        event.value = <int32_t> number
    else:
        after = word_end(at, end)
        if value_label(event.type, event.code, start, after - start, &event.value) == LINE_STRANGE:
            return LINE_STRANGE
    at = blanks(after, end)
    if at < end and not (end - at > 5 and memcmp(at, b"rate ", 5) == 0):
        return LINE_STRANGE
    return LINE_EVENT


cdef int evemu_line(Text at, Text end, Event *event) noexcept nogil:
    cdef uint32_t number
    cdef int64_t value
    if end - at < 3 or at[0] != b"E" or at[1] != b":" or at[2] != b" ":
        if at[0] == b"#" or (end - at > 2 and at[1] == b":" and at[2] == b" " and at[0] in b"ABILNPS"):
            return LINE_SKIPPED
        return LINE_STRANGE
    event.timed = True
    at = seconds(blanks(at + 2, end), end, &event.time, 0)
    if at == NULL or at == end or at[0] != b" ":
        return LINE_STRANGE
    at = hexadecimal(blanks(at, end), end, &number, 0)
    if at == NULL:
        return LINE_STRANGE
    event.type = <int> (number & 0xffff)
    at = hexadecimal(blanks(at, end), end, &number, 0)
    if at == NULL:
        return LINE_STRANGE
    event.code = <int> (number & 0xffff)
    at = decimal(blanks(at, end), end, &value)
    if at == NULL or (at < end and at[0] != b" " and at[0] != b"\t"):
        return LINE_STRANGE
    event.value = <int32_t> value
    return LINE_EVENT


cdef bint evtest_header(Text at, Text end) noexcept nogil:
    """Return whether a line is one of those that a header has many of; the reader knows the others."""
    at = blanks(at, end)
    return (
        begins(at, end, b"Event code ", 11)
        or begins(at, end, b"Value ", 6)
        or begins(at, end, b"Min ", 4)
        or begins(at, end, b"Max ", 4)
        or begins(at, end, b"Resolution ", 11)
        or begins(at, end, b"Fuzz ", 5)
        or begins(at, end, b"Flat ", 5)
        or begins(at, end, b"Event type ", 11)
    )


cdef int evtest_line(Text at, Text end, Event *event) noexcept nogil:
    cdef int64_t number
    if end - at > 7 and memcmp(at, b"Event: ", 7) == 0:
        at += 7
    if end - at < 6 or memcmp(at, b"time ", 5) != 0:
        return LINE_SKIPPED if evtest_header(at, end) else LINE_STRANGE
    event.timed = True
    at = seconds(at + 5, end, &event.time, 0)
    if at == NULL:
        return LINE_STRANGE
    if at < end and at[0] == b",":
        at += 1
    at = blanks(at, end)
    if at < end and (at[0] == b"-" or at[0] == b"+" or at[0] == b">" or at[0] == b"!"):
        return evtest_sync(at, end, event)
    if end - at < 6 or memcmp(at, b"type ", 5) != 0:
        return LINE_STRANGE
    at = decimal(at + 5, end, &number)
    if at == NULL or not 0 <= number <= 0xffff:
        return LINE_STRANGE
    event.type = <int> number
    at = <Text> memchr(at, b",", end - at)
    if at == NULL or end - at < 8 or memcmp(at, b", code ", 7) != 0:
        return LINE_STRANGE
    at = decimal(at + 7, end, &number)
    if at == NULL or not 0 <= number <= 0xffff:
        return LINE_STRANGE
    event.code = <int> number
    at = <Text> memchr(at, b",", end - at)
    if at == NULL or end - at < 9 or memcmp(at, b", value ", 8) != 0:
        return LINE_STRANGE
    at = decimal(at + 8, end, &number)
    if at == NULL:
        # Scan codes are written in hex, and are no business of ours.
        event.value = 0
        return LINE_EVENT if event.type == EV_OTHER else LINE_STRANGE
    event.value = <int32_t> number
    return LINE_EVENT


cdef int evtest_sync(Text at, Text end, Event *event) noexcept nogil:
    """Read ``---- NAME ----``; the marks tell the kind, since older evtest prints the name of the type."""
    cdef uint8_t mark = at[0]
    cdef uint8_t last = (end - 1)[0]
    cdef Text start
    while at < end and at[0] == mark:
        at += 1
    at = blanks(at, end)
    start = at
    while at < end and at[0] != b" ":
        at += 1
    if at == start or at == end or (last != mark and not (mark == b">" and last == b"<")):
        return LINE_STRANGE
    event.type = EV_SYN
    event.value = 0
    if mark == b">" or mark == b"!" or word(start, at - start, b"SYN_DROPPED", 11):
        event.code = SYN_DROPPED
    elif mark == b"+" or word(start, at - start, b"SYN_MT_REPORT", 13):
        event.code = SYN_MT_REPORT
    elif word(start, at - start, b"SYN_CONFIG", 10):
        event.code = 1
    else:
        event.code = SYN_REPORT
    return LINE_EVENT


cdef int libinput_line(Text at, Text end, Event *event) noexcept nogil:
    """Read ``- [sec, usec, type, code, value]``, a comment after it or not."""
    cdef int64_t[5] numbers
    cdef uint8_t closing
    cdef int index
    at = blanks(at, end)
    if end - at < 3 or at[0] != b"-" or at[1] != b" ":
        return LINE_STRANGE
    at = blanks(at + 1, end)
    if at == end or at[0] != b"[":
        # The head of a frame.
        return LINE_SKIPPED if word(at, end - at, b"evdev:", 6) else LINE_STRANGE
    for index in range(5):
        closing = 93 if index == 4 else 44  # ] or ,
        at = decimal(blanks(at + 1, end), end, &numbers[index])
        if at == NULL:
            return LINE_STRANGE
        at = blanks(at, end)
        if at == end or at[0] != closing:
            return LINE_STRANGE
    if not (0 <= numbers[0] <= MAX_SECONDS and 0 <= numbers[1] < 1000000):
        return LINE_STRANGE
    if not (0 <= numbers[2] <= 0xffff and 0 <= numbers[3] <= 0xffff):
        return LINE_STRANGE
    event.timed = True
    event.time = numbers[0] * 1000000000 + numbers[1] * 1000
    event.type = <int> numbers[2]
    event.code = <int> numbers[3]
    event.value = <int32_t> numbers[4]
    return LINE_EVENT
