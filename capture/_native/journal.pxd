"""What the journal's writer and its scanners share; `capture.store.segment` states the layout."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef extern from "journal.h" nogil:
    void crc_choose "capture_crc_choose"(int table) noexcept
    void copy_number "capture_copy_number"(void *to, const void *source, size_t size) noexcept
    uint32_t crc_of "capture_crc32c"(const uint8_t *data, size_t size, uint32_t start) noexcept
    int64_t write_at "capture_pwrite"(int descriptor, const uint8_t *data, size_t size, int64_t at) noexcept
    int sync_file "capture_sync"(int descriptor) noexcept

cdef enum:
    FIXED = 64                   # bytes of a record in front of its payload
    MOST_BYTES = 16 << 20        # of a payload
    MORE = 1                     # flags: the next record belongs to the same call
    END_MARK = 2


cdef inline size_t padded(size_t size) noexcept nogil:
    return (size + 7) & ~<size_t>7
