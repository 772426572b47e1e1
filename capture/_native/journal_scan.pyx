"""The scanners of the reader of the journal; `capture.store.segment` states the layout."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from capture._native.journal cimport (
    END_MARK, FIXED, MORE, MOST_BYTES, copy_number, crc_choose, crc_of, padded,
)

cdef extern from "bytes.h":
    char *put_uuid "capture_put_uuid"(char *place, const uint8_t *raw) noexcept

# Ends of a scan: all was read, a bound, a wrong record, an incomplete record.
END, FULL, BAD, SHORT = range(4)

crc_choose(0)


cdef unicode id_text(const uint8_t *raw):
    """Return 16 bytes as the text of a UUID."""
    cdef char text[36]
    put_uuid(text, raw)
    return PyUnicode_DecodeASCII(text, 36, NULL)


cdef int look(const uint8_t *record, size_t left, int64_t seed, uint32_t *size) noexcept nogil:
    """Return whether there is a whole record: 0, or why not (BAD, SHORT); none without a seed."""
    cdef uint32_t crc
    if left < FIXED:
        return 3
    copy_number(size, record, 4)
    if size[0] < 1 or size[0] > MOST_BYTES or seed < 0:
        return 2
    if FIXED + <size_t>size[0] > left:
        return 3
    copy_number(&crc, record + 4, 4)
    return 0 if crc_of(record + 8, FIXED - 8 + size[0], <uint32_t>seed) == crc else 2


cdef int64_t marked_seq(const uint8_t *record, uint32_t size, int wire) noexcept nogil:
    """Return the last sequence number that an end mark states for a wire format; -1 where it has none."""
    cdef uint32_t at = 0
    cdef uint16_t number
    cdef int64_t seq
    while at + 10 <= size:
        copy_number(&number, record + FIXED + at, 2)
        if number == wire:
            copy_number(&seq, record + FIXED + at + 2, 8)
            return seq
        at += 10
    return -1


def scan(const uint8_t[::1] data not None, int64_t seed, int wire, int64_t seq, int max_events,
         int64_t max_bytes, bint split=False):
    """Read the next records of a wire format; a call of which a record is missing is not read.

    Parameters
    ----------
    data : bytes-like
        A part of a segment that begins with a record.
    seed : int
        CRC of the segment's header; -1 where it is lost.
    wire : int
        Number of the wire format.
    seq : int
        Sequence number of the last record before; -1 where it is not known.
    max_events, max_bytes : int
        Bounds; a single event may be larger.
    split : bool
        Whether `data` may end within a call: a part of one that was sent before.

    Returns
    -------
    tuple
        (payloads, event ids, time of the first, end in `data`, last seq, records lost before that, end of
        the scan); where the last record lacks its padding, the end is behind `data`
    """
    cdef const uint8_t *start = &data[0] if data.shape[0] else NULL
    cdef size_t length = data.shape[0], at = 0, end = 0
    cdef uint32_t size = 0
    cdef uint16_t number
    cdef int why = 0, count = 0, whole_count = 0, flags = 0
    cdef int64_t own, bytes_read = 0, gap = 0, whole_gap = 0, whole_seq = seq, first_ms = 0
    cdef list payloads = [], ids = []
    while at < length:
        why = look(start + at, length - at, seed, &size)
        if why:
            break
        copy_number(&number, start + at + 52, 2)
        copy_number(&own, start + at + 8, 8)
        flags = start[at + 54]
        if flags & END_MARK:
            own = marked_seq(start + at, size, wire)
            if own > seq >= 0:
                if count:       # with no record before it, the gap is told apart from one in front
                    why = 1
                    break
                gap += own - seq
                seq = own
        elif number == wire and (seq < 0 or own > seq):
            if count and (count >= max_events or bytes_read + size > max_bytes):
                if not whole_count:     # a call that no batch holds: it is taken apart
                    end, whole_count, whole_gap, whole_seq = at, count, gap, seq
                why = 1
                break
            if seq >= 0:
                gap += own - seq - 1
            seq = own
            if not count:
                copy_number(&first_ms, start + at + 16, 8)
            count += 1
            bytes_read += size
            payloads.append(PyBytes_FromStringAndSize(<char *>start + at + FIXED, size))
            ids.append(id_text(start + at + 32))
        at += padded(FIXED + size)
        if split or not flags & MORE:
            end, whole_count, whole_gap, whole_seq = at, count, gap, seq
        if whole_count >= max_events:
            why = 1
            break
    if whole_count < count:
        del payloads[whole_count:], ids[whole_count:]
    if why != 1:
        why = 0 if end >= length else why or 3
    return payloads, ids, first_ms, end, whole_seq, whole_gap, why


def walk(const uint8_t[::1] data not None, int64_t seed, bint over=False):
    """Read all whole calls of a part of a segment; up to the first damage, or `over` it.

    Behind damage the next whole record is looked for at multiples of 8.

    Returns
    -------
    tuple
        (records, end in `data`); a record is (place, size, wire, seq, time_ms, elapsed_ms, screens, flags,
        event id, boot_ms)
    """
    cdef const uint8_t *start = &data[0] if data.shape[0] else NULL
    cdef size_t length = data.shape[0], at = 0, end = 0
    cdef uint32_t size = 0, screens
    cdef uint16_t number
    cdef uint64_t seq
    cdef int64_t time_ms, elapsed_ms, boot_ms
    cdef list records = []
    cdef Py_ssize_t whole = 0
    while at < length:
        if look(start + at, length - at, seed, &size):
            if not over:
                break
            del records[whole:]
            at += 8
            continue
        copy_number(&seq, start + at + 8, 8)
        copy_number(&time_ms, start + at + 16, 8)
        copy_number(&elapsed_ms, start + at + 24, 8)
        copy_number(&screens, start + at + 48, 4)
        copy_number(&number, start + at + 52, 2)
        copy_number(&boot_ms, start + at + 56, 8)
        flags = start[at + 54]
        event_id = id_text(start + at + 32)
        records.append((at, size, number, seq, time_ms, elapsed_ms, screens, flags, event_id, boot_ms))
        at += padded(FIXED + size)
        if not flags & MORE:
            end, whole = at, len(records)
    del records[whole:]
    return records, end
