"""The streams of a recogniser, found by their ids in a hash table."""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memset

from capture._native.dialect cimport edges_at
from capture._native.state cimport State
from capture._native.stroke cimport Stream


cdef int32_t find_stream(State *s, int64_t id) noexcept nogil:
    """Look a stream up that is not the one of the sample before, and add it if it is new."""
    cdef int32_t slot = known_stream(s, id)
    if slot < 0:
        return new_stream(s, id)
    s.last_stream = slot
    return slot


cdef int32_t known_stream(const State *s, int64_t id) noexcept nogil:
    """Slot of a stream, or -1."""
    cdef uint32_t at
    cdef int32_t slot
    if s.stream_index == NULL:
        return -1
    at = mixed(<uint64_t>id) & s.stream_mask
    while True:
        slot = s.stream_index[at]
        if slot < 0 or s.streams[slot].id == id:
            return slot
        at = (at + 1) & s.stream_mask


cdef int32_t new_stream(State *s, int64_t id) noexcept nogil:
    cdef Stream *stream
    cdef void *block
    cdef int32_t room
    if s.stream_count == s.stream_room:
        room = s.stream_room + s.stream_room // 2 + 4
        block = realloc(s.streams, room * sizeof(Stream))
        if block == NULL:
            return -1
        s.streams = <Stream *>block
        s.stream_room = room
    if s.stream_index == NULL or s.stream_count * 2 > <int64_t>s.stream_mask:
        if index_streams(s) < 0:
            return -1
    stream = &s.streams[s.stream_count]
    memset(stream, 0, sizeof(Stream))
    stream.id = id
    stream.primary = stream.first_finger = stream.last_finger = stream.chord = -1
    s.last_stream = s.stream_count
    s.stream_count += 1
    set_density(s, s.last_stream, s.density)
    put_stream(s, s.last_stream)
    return s.last_stream


cdef void set_density(State *s, int32_t slot, double density) noexcept nogil:
    """Set the density of a stream and the values derived from it; that of the stream before is copied."""
    cdef Stream *stream = &s.streams[slot]
    stream.density = density
    if not s.limits.seen:
        return
    if slot and s.streams[slot - 1].density == density:
        stream.edges = s.streams[slot - 1].edges
    else:
        edges_at(density, &s.limits, &stream.edges)


cdef void put_stream(State *s, int32_t slot) noexcept nogil:
    cdef uint32_t at = mixed(<uint64_t>s.streams[slot].id) & s.stream_mask
    while s.stream_index[at] >= 0:
        at = (at + 1) & s.stream_mask
    s.stream_index[at] = slot


cdef int32_t *doubled(const int32_t *index, uint32_t *mask) noexcept nogil:
    """Return an empty hash table of twice the size; NULL when there is no memory."""
    cdef uint32_t size = 16 if index == NULL else (mask[0] + 1) * 2
    cdef int32_t *larger = <int32_t *>malloc(size * sizeof(int32_t))
    if larger != NULL:
        memset(larger, 0xff, size * sizeof(int32_t))
        mask[0] = size - 1
    return larger


cdef int index_streams(State *s) noexcept nogil:
    """Double the hash table of streams."""
    cdef int32_t slot
    cdef int32_t *larger = doubled(s.stream_index, &s.stream_mask)
    if larger == NULL:
        return -1
    free(s.stream_index)
    s.stream_index = larger
    for slot in range(s.stream_count):
        put_stream(s, slot)
    return 0
