"""The state of a recogniser: streams, their open touches, and one step for each touch sample."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from capture._native.chord cimport Chord, Finger
from capture._native.classify cimport Thresholds
from capture._native.dialect cimport Seen
from capture._native.multi cimport MultiRecord
from capture._native.record cimport Record
from capture._native.stroke cimport Stream
from capture._native.touch cimport OpenTouch
from capture._native.velocity cimport History


cdef struct Counters:
    int64_t orphan_samples
    int64_t dropped_samples
    int64_t unknown_actions
    int64_t clock_regressions


# Everything a recogniser knows. Slots are indices, so that the arrays may move when they grow.
cdef struct State:
    Thresholds limits
    double density
    Counters counters
    int64_t samples         # fed so far
    Stream *streams
    int32_t stream_count
    int32_t stream_room
    int32_t *stream_index   # hash table of stream slots, -1 where empty
    uint32_t stream_mask
    int32_t last_stream     # slot of the previous sample's stream, or -1
    OpenTouch *touches
    History *histories      # beside touches; NULL where none are kept
    Seen *seen              # beside touches; NULL where strokes are not looked at
    Finger *fingers         # beside touches; NULL until chords are tracked
    int32_t touch_room
    int32_t touch_count     # slots ever used
    int32_t free_touch      # slot, or -1
    int32_t *pair_index     # hash table of touch slots by (stream, pointer), primaries left out
    uint32_t pair_mask
    int32_t pair_count
    bint multi              # chords begin
    Chord *chords
    int32_t chord_room
    int32_t chord_count     # slots ever used
    int32_t free_chord      # slot, or -1
    int32_t open_chords
    MultiRecord *ended      # chords that nobody has taken yet; there is room for the open ones
    int64_t ended_count
    int64_t ended_room


cdef void state_init(State *s, const Thresholds *limits, double density) noexcept nogil
cdef void state_free(State *s) noexcept nogil
cdef int32_t find_touch(State *s, int32_t slot, int32_t pointer) noexcept nogil
cdef int step(
    State *s, int64_t index, int64_t stream, int32_t pointer, uint8_t action, int64_t time,
    float x, float y, Record *out) noexcept nogil
cdef int64_t open_touches(State *s) noexcept nogil
cdef int end_open(State *s, Record *out, int64_t room) noexcept nogil
