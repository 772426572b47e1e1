"""Segments of the journal: the append in one call.

The layout of headers, slots and records is stated in `capture.store.segment`. A write keeps the GIL, for
it takes about a microsecond; `fdatasync` releases it. Nothing here opens a file.
"""

cimport cython
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.errno cimport EINTR, ENOSPC, errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from binascii import unhexlify
from hashlib import sha256

cdef extern from "bytes.h":
    char *bytes_text "capture_bytes_text"(object value) noexcept
    Py_ssize_t bytes_size "capture_bytes_size"(object value) noexcept

cdef extern from "forks.h" nogil:
    int watch_forks "capture_watch_forks"() noexcept
    int forks "capture_forks"() noexcept

cdef enum:
    MOST_WIRES = 8
    MARK = 0xFFFF                # in place of a wire format's number: of the end mark, of a note
    NOTE = 0xFFFE

WRITTEN, REFUSED, FAILED = 1, 0, -1

crc_choose(0)
if watch_forks():
    raise MemoryError


def crc32c(const uint8_t[::1] data not None, uint32_t start=0):
    """Return the CRC-32C of `data`, continued from `start`."""
    return crc_of(&data[0], data.shape[0], start) if data.shape[0] else start


def use_crc_table(bint table):
    """Compute CRCs by the table, or again as the processor can: for tests."""
    crc_choose(table)


cpdef bytes id_bytes(object event_id):
    """Return an id as 16 bytes: those of a UUID, which may be text, or the hash of any other text."""
    cdef bytes raw = b""
    if type(event_id) is bytes and len(event_id) == 16:
        return event_id
    try:
        raw = unhexlify((<str?>event_id).replace("-", ""))
    except ValueError:
        pass
    return raw if len(raw) == 16 else sha256(event_id.encode("utf-8", "replace")).digest()[:16]


cdef class SegmentWriter:
    """Appends the calls of one session to one segment, whose only writer it is.

    Parameters
    ----------
    descriptor : int
        The segment, empty; `close` closes it.
    session : int
    head : bytes
        Header and slots; written with the first record, in one write.
    wires : dict
        Wire format -> its number; other formats are left out, but for the empty name, which is a note's.
    seqs : dict
        Number of each wire format -> its last sequence number before the segment.
    limit : int
        Size (bytes) that the segment does not pass, but for its first call.
    waiting : collections.deque, optional
        Calls in memory: while there are any, an append is refused, for it must go behind them.
    make_call : callable, optional
        Makes the element of `waiting` for a call that could not be written.
    sync : bool
        Whether an append returns only after fdatasync.
    pwrite : callable, optional
        Writes in place of the system, for tests: (descriptor, bytes, place) -> bytes written.
    """

    cdef readonly int descriptor
    cdef readonly int session
    cdef readonly int64_t position      # behind the last whole call
    cdef public int64_t limit
    cdef readonly int64_t synced
    cdef public bint frozen             # appends are refused
    cdef readonly bint torn             # a call is in the buffer that may be written in part
    cdef readonly int error             # errno of the last write that failed
    cdef int made_by                # forks before it was made
    cdef bint sync
    cdef uint32_t seed
    cdef uint8_t *buffer
    cdef size_t room, used, prefix
    cdef int64_t last                   # place of the last record in the buffer; -1 none
    cdef dict wires                     # wire format -> (its place or -1, its number)
    cdef list numbers                   # by place
    cdef uint64_t seqs[MOST_WIRES]
    cdef uint64_t next_seqs[MOST_WIRES]
    cdef object waiting, make_call, pwrite

    def __cinit__(self, int descriptor, int session, bytes head, dict wires, dict seqs, int64_t limit, *,
                  waiting=(), make_call=None, bint sync=False, pwrite=None):
        cdef int at
        self.prefix = len(head)
        self.room = self.prefix + 65536
        self.buffer = <uint8_t *>malloc(self.room)
        if self.buffer == NULL:
            raise MemoryError
        memcpy(self.buffer, bytes_text(head), self.prefix)
        copy_number(&self.seed, self.buffer + 124, 4)
        self.descriptor, self.session, self.limit, self.sync = descriptor, session, limit, sync
        self.waiting, self.make_call, self.pwrite = waiting, make_call, pwrite
        self.made_by = forks()
        self.numbers = list(seqs)
        if len(self.numbers) > MOST_WIRES:
            raise ValueError(f"{len(self.numbers)} wire formats: at most {MOST_WIRES}")
        for at, number in enumerate(self.numbers):
            self.seqs[at] = self.next_seqs[at] = seqs[number]
        places = {number: at for at, number in enumerate(self.numbers)}
        self.wires = {name: (places[number], number) for name, number in wires.items()}
        self.wires[""] = (-1, NOTE)

    def __dealloc__(self):
        free(self.buffer)

    @property
    def last_seqs(self):
        """Last sequence number of each wire format whose call was written whole, by its number."""
        return {number: self.seqs[at] for at, number in enumerate(self.numbers)}

    cdef int begin(self) noexcept:
        self.used = self.prefix
        self.last = -1
        memcpy(self.next_seqs, self.seqs, sizeof(self.seqs))
        return 0

    cdef int put(self, bytes payload, int place, int number, object event_id, int64_t time_ms,
                 int64_t elapsed_ms, uint32_t screens, int64_t boot_ms, int flags) except -1:
        """Add a record to the buffer."""
        cdef size_t size = bytes_size(payload)
        cdef size_t whole = padded(FIXED + size)
        cdef uint8_t *bigger
        cdef uint8_t *record
        cdef uint32_t size32 = <uint32_t>size
        cdef uint16_t wire = <uint16_t>number
        cdef uint64_t seq = 0
        if size < 1 or size > MOST_BYTES:
            raise ValueError(f"an event of {size} bytes: expected 1 to {MOST_BYTES}")
        if self.used + whole > self.room:
            bigger = <uint8_t *>realloc(self.buffer, self.used + whole + 65536)
            if bigger == NULL:
                raise MemoryError
            self.buffer, self.room = bigger, self.used + whole + 65536
        record = self.buffer + self.used
        memset(record, 0, FIXED)
        copy_number(record, &size32, 4)
        if place >= 0:
            self.next_seqs[place] += 1
            seq = self.next_seqs[place]
        copy_number(record + 8, &seq, 8)
        copy_number(record + 16, &time_ms, 8)
        copy_number(record + 24, &elapsed_ms, 8)
        if event_id is not None:
            memcpy(record + 32, bytes_text(id_bytes(event_id)), 16)
        copy_number(record + 48, &screens, 4)
        copy_number(record + 52, &wire, 2)
        record[54] = flags
        copy_number(record + 56, &boot_ms, 8)
        memcpy(record + FIXED, bytes_text(payload), size)
        memset(record + FIXED + size, 0, whole - FIXED - size)
        if self.last >= 0:
            self.buffer[self.last + 54] |= MORE
        self.last = self.used
        self.used += whole
        return 0

    cdef int commit(self) except -2:
        """Write the buffer at the position: WRITTEN, or FAILED with the same bytes kept for `retry`."""
        cdef size_t at = self.prefix
        cdef uint32_t size, crc
        while at < self.used:
            copy_number(&size, self.buffer + at, 4)
            crc = crc_of(self.buffer + at + 8, FIXED - 8 + size, self.seed)
            copy_number(self.buffer + at + 4, &crc, 4)
            at += padded(FIXED + size)
        return self.write_out()

    cdef int write_out(self) except -2:
        cdef size_t done = 0, enough
        cdef int64_t count
        cdef uint32_t size
        cdef int failed = 0
        copy_number(&size, self.buffer + self.last, 4)
        enough = self.last + FIXED + size      # padding may be missing
        while done < enough:
            if self.pwrite is None:
                count = write_at(self.descriptor, self.buffer + done, self.used - done, self.position + done)
                failed = errno if count < 0 else 0
            else:
                count, failed = self.write_by_call(done)
            if count <= 0:
                if failed == EINTR:
                    continue
                self.error = failed if failed else ENOSPC
                self.torn = self.frozen = True
                return FAILED
            done += count
        self.position += self.used
        self.prefix = 0
        self.torn = False
        self.error = 0
        memcpy(self.seqs, self.next_seqs, sizeof(self.seqs))
        return WRITTEN

    cdef tuple write_by_call(self, size_t done):
        cdef bytes rest = PyBytes_FromStringAndSize(<char *>self.buffer + done, self.used - done)
        try:
            return self.pwrite(self.descriptor, rest, self.position + done), 0
        except OSError as error:
            return -1, error.errno or ENOSPC

    @cython.critical_section
    def append(self, int session, list rows, int64_t elapsed_ms=-1, uint32_t screens=0, int64_t boot_ms=0,
               bint waited=False):
        """Write a call of one or more events, whole or not at all.

        Parameters
        ----------
        session : int
        rows : list
            (session, payloads, time_ms, event_id) of each event; its payloads are (wire format, bytes).
        elapsed_ms, screens, boot_ms : int
            Fields of the records.
        waited : bool
            Whether it is the first call of `waiting`, which it does not leave by this.

        Returns
        -------
        int
            WRITTEN; REFUSED where it must go another way and nothing was done; FAILED where it is in
            `waiting` now, if there is `make_call`.
        """
        cdef int done
        if self.torn or self.session != session or self.made_by != forks():
            return REFUSED
        if not waited and (self.frozen or len(self.waiting) > 0):
            return REFUSED
        self.begin()
        for _, payloads, time_ms, event_id in rows:
            for name, payload in payloads:
                place = self.wires.get(name)
                if place is not None:
                    self.put(payload, place[0], place[1], event_id, time_ms, elapsed_ms, screens, boot_ms, 0)
        if self.last < 0:
            return WRITTEN
        if self.position and self.position + <int64_t>self.used > self.limit:
            return REFUSED
        done = self.commit()
        if done == WRITTEN and self.sync and self.flush_to_disk() < 0:
            done = FAILED
        if done == FAILED and not waited and self.make_call is not None:
            self.waiting.append(self.make_call(rows, elapsed_ms, screens, boot_ms))
        return done

    cdef int flush_to_disk(self) except -2:
        cdef int64_t position = self.position
        cdef int descriptor = self.descriptor
        cdef int done
        with nogil:
            done = sync_file(descriptor)
        if done < 0:
            self.error = errno
            self.frozen = True
        elif position > self.synced:
            self.synced = position
        return done

    @cython.critical_section
    def retry(self):
        """Write the call again that could not be written; return whether it is written now."""
        if not self.torn or self.write_out() != WRITTEN:
            return False
        return not self.sync or self.flush_to_disk() == 0

    def fdatasync(self):
        """Sync the written records to the disk; return whether that succeeded."""
        return self.position == self.synced or self.flush_to_disk() == 0

    cdef bytes mark(self):
        """Return the payload of an end mark: the last sequence number of each wire format."""
        cdef list parts = []
        for number, seq in self.last_seqs.items():
            parts.append(number.to_bytes(2, "little") + seq.to_bytes(8, "little"))
        return b"".join(parts)

    @cython.critical_section
    def end(self):
        """Write the end mark, which states the last sequence numbers, and refuse further records.

        For a rotation, the end of a session, and close.
        """
        self.frozen = True
        if self.torn or not self.position:
            return False
        self.begin()
        self.put(self.mark(), -1, MARK, None, 0, -1, 0, 0, END_MARK)
        done = self.commit() == WRITTEN
        self.torn = False
        return done
