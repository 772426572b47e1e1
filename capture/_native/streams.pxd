"""The streams of a recogniser."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from capture._native.state cimport State


cdef inline uint32_t mixed(uint64_t key) noexcept nogil:
    """Spread a key over 32 bits (the finaliser of SplitMix64: Steele, Lea and Flood, 2014)."""
    key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9ULL
    key = (key ^ (key >> 27)) * 0x94d049bb133111ebULL
    return <uint32_t>(key ^ (key >> 31))


cdef inline int32_t stream_slot(State *s, int64_t id) noexcept nogil:
    """Slot of a stream, added if it is new; -1 when there is no memory."""
    if s.last_stream >= 0 and s.streams[s.last_stream].id == id:
        return s.last_stream
    return find_stream(s, id)


cdef int32_t find_stream(State *s, int64_t id) noexcept nogil
cdef int32_t known_stream(const State *s, int64_t id) noexcept nogil
cdef void set_density(State *s, int32_t slot, double density) noexcept nogil
cdef int32_t *doubled(const int32_t *index, uint32_t *mask) noexcept nogil
