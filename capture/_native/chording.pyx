"""The chords of a recogniser's streams: begun, joined, left and ended as their fingers come and go.

The open touches of a stream with a good DOWN are a list, in the order of their DOWNs. From the second on
there is a chord; nothing is done for it before.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport malloc, realloc
from libc.string cimport memset

from capture._native.chord cimport (
    Chord, Finger, chord_begin, chord_change, chord_close, chord_end, chord_join, chord_leave, chord_segment,
)
from capture._native.multi cimport MultiRecord
from capture._native.samples cimport CANCEL, DOWN
from capture._native.state cimport State
from capture._native.stroke cimport Stream
from capture._native.touch cimport OpenTouch


cdef int track_chords(State *s, bint wanted) noexcept nogil:
    """Begin chords from now on, or do not; those that are open go on. -1 when there is no memory."""
    if wanted and s.fingers == NULL:
        s.fingers = <Finger *>malloc((s.touch_room if s.touch_room else 1) * sizeof(Finger))
        if s.fingers == NULL:
            return -1
    s.multi = wanted
    return 0


cdef int room_for_chord(State *s) noexcept nogil:
    """Room for one more chord, open and ended; -1 when there is no memory."""
    cdef int64_t wanted = s.ended_count + s.open_chords + 1
    cdef int32_t room
    cdef void *block
    if s.free_chord < 0 and s.chord_count == s.chord_room:
        room = s.chord_room + s.chord_room // 2 + 4
        block = realloc(s.chords, room * sizeof(Chord))
        if block == NULL:
            return -1
        s.chords = <Chord *>block
        s.chord_room = room
    if wanted > s.ended_room:
        wanted += wanted // 2 + 4
        block = realloc(s.ended, wanted * sizeof(MultiRecord))
        if block == NULL:
            return -1
        s.ended = <MultiRecord *>block
        s.ended_room = wanted
    return 0


cdef void begin_chord(State *s, int32_t slot, int64_t index, int64_t time) noexcept nogil:
    """Begin a chord of a stream's two fingers; there must be room."""
    cdef Stream *stream = &s.streams[slot]
    cdef Chord *chord
    cdef int32_t at = s.free_chord
    if at < 0:
        at = s.chord_count
        s.chord_count += 1
    else:
        s.free_chord = s.chords[at].next_free
    chord = &s.chords[at]
    memset(chord, 0, sizeof(Chord))
    chord.used = True
    chord.stream = slot
    stream.chord = at
    s.open_chords += 1
    chord_begin(chord, s.touches, s.fingers, stream.first_finger, index, time)


cdef void end_chord(State *s, int32_t at, int64_t index, int64_t time) noexcept nogil:
    cdef Chord *chord = &s.chords[at]
    cdef Stream *stream = &s.streams[chord.stream]
    chord_end(
        chord, s.touches, stream.first_finger, stream.id, index, time, &s.limits, stream.density,
        &s.ended[s.ended_count])
    s.ended_count += 1
    s.open_chords -= 1
    stream.chord = -1
    chord.used = False
    chord.next_free = s.free_chord
    s.free_chord = at


cdef void close_frame(State *s, const Stream *stream) noexcept nogil:
    if stream.chord >= 0:
        chord_close(
            &s.chords[stream.chord], s.touches, s.fingers, stream.first_finger, &s.limits, stream.density)


cdef bint leave_chord(
        State *s, int32_t touch_slot, int64_t index, int64_t time, uint8_t action,
        bint is_finite) noexcept nogil:
    """Remove a finger from its stream's chord; return whether a new segment begins without it."""
    cdef OpenTouch *touch = &s.touches[touch_slot]
    cdef Stream *stream = &s.streams[touch.stream]
    cdef Chord *chord
    if stream.chord < 0 or touch.malformed:
        return False
    close_frame(s, stream)
    chord = &s.chords[stream.chord]
    chord_leave(
        chord, s.touches, s.histories, stream.first_finger, touch_slot, time, &s.limits, stream.density)
    chord.canceled = chord.canceled or action == CANCEL
    chord.replaced = chord.replaced or action == DOWN
    if is_finite or action == DOWN:
        chord.used_sample = index
        chord.used_time = time
    if chord.fingers == 2:
        end_chord(s, stream.chord, index, time)
        return False
    chord_change(chord)
    chord.fingers -= 1
    return True


cdef void go_on(State *s, int32_t slot) noexcept nogil:
    """Begin the segment without the finger that has left."""
    cdef Stream *stream = &s.streams[slot]
    chord_segment(&s.chords[stream.chord], s.touches, s.fingers, stream.first_finger)


cdef void end_chords(State *s) noexcept nogil:
    """End the open chords, in the order in which they began."""
    cdef int32_t at, first
    cdef Stream *stream
    while s.open_chords:
        first = -1
        for at in range(s.chord_count):
            if s.chords[at].used and (first < 0 or s.chords[at].first_sample < s.chords[first].first_sample):
                first = at
        stream = &s.streams[s.chords[first].stream]
        close_frame(s, stream)
        s.chords[first].replaced = True
        end_chord(s, first, s.chords[first].used_sample, s.chords[first].used_time)


cdef void join(State *s, int32_t touch_slot, int64_t index, int64_t time) noexcept nogil:
    """Add a touch that has begun to the chord of its stream, or begin one with it."""
    cdef int32_t slot = s.touches[touch_slot].stream
    cdef Stream *stream = &s.streams[slot]
    if stream.chord >= 0:
        s.chords[stream.chord].used_sample = index
        s.chords[stream.chord].used_time = time
    if s.touches[touch_slot].malformed:
        return
    if stream.chord >= 0:
        chord_join(
            &s.chords[stream.chord], s.touches, s.fingers, stream.first_finger, touch_slot, time)
    elif s.multi and stream.fingers == 2:
        begin_chord(s, slot, index, time)
