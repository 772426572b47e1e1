"""The state of a recogniser, and the one step that processes a touch sample.

`step` is the whole state machine. Live calls, `feed` and `classify` all go through it; the batch
path may skip it only for strokes for which it gives the same bits (see batch.pyx).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort, realloc
from libc.string cimport memset

from capture._native.chord cimport (
    Chord, Finger, chord_begin, chord_change, chord_close, chord_end, chord_join, chord_leave, chord_move,
    chord_segment,
)
from capture._native.classify cimport CANCELED, INCOMPLETE, Thresholds
from capture._native.dialect cimport edges_at
from capture._native.multi cimport MultiRecord
from capture._native.record cimport Record
from capture._native.samples cimport CANCEL, DOWN, MOVE, finite
from capture._native.stroke cimport Stream, fill, look, look_begin, look_met
from capture._native.touch cimport OpenTouch, begin, extend
from capture._native.velocity cimport history_add, history_clear


cdef void state_init(State *s, const Thresholds *limits, double density) noexcept nogil:
    memset(s, 0, sizeof(State))
    s.limits = limits[0]
    s.density = density
    s.last_stream = s.free_touch = s.free_chord = -1


cdef void state_free(State *s) noexcept nogil:
    free(s.streams)
    free(s.stream_index)
    free(s.touches)
    free(s.histories)
    free(s.seen)
    free(s.fingers)
    free(s.chords)
    free(s.ended)
    free(s.pair_index)
    memset(s, 0, sizeof(State))


cdef inline uint32_t mixed(uint64_t key) noexcept nogil:
    """Spread a key over 32 bits (the finaliser of SplitMix64: Steele, Lea and Flood, 2014)."""
    key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9ULL
    key = (key ^ (key >> 27)) * 0x94d049bb133111ebULL
    return <uint32_t>(key ^ (key >> 31))


# ---- streams ----------------------------------------------------------------------------------


cdef int32_t stream_slot(State *s, int64_t id) noexcept nogil:
    """Slot of a stream, added if it is new; -1 when there is no memory."""
    cdef uint32_t at
    cdef int32_t slot
    if s.last_stream >= 0 and s.streams[s.last_stream].id == id:
        return s.last_stream
    if s.stream_index != NULL:
        at = mixed(<uint64_t>id) & s.stream_mask
        while s.stream_index[at] >= 0:
            slot = s.stream_index[at]
            if s.streams[slot].id == id:
                s.last_stream = slot
                return slot
            at = (at + 1) & s.stream_mask
    return new_stream(s, id)


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
    """Set the density of a stream and what is worked out from it; that of the stream before is copied."""
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


# ---- open touches -----------------------------------------------------------------------------
# A stream's first open touch is its primary, found without a look-up; the others, which only multi-touch
# has, are found by (stream, pointer) in one hash table.


cdef inline uint32_t pair_hash(int32_t stream, int32_t pointer) noexcept nogil:
    return mixed((<uint64_t><uint32_t>stream << 32) | <uint32_t>pointer)


cdef inline int32_t find_touch(State *s, int32_t slot, int32_t pointer) noexcept nogil:
    """Slot of the open touch of a pointer, or -1."""
    cdef Stream *stream = &s.streams[slot]
    cdef uint32_t at
    cdef int32_t candidate
    if stream.primary >= 0 and s.touches[stream.primary].pointer == pointer:
        return stream.primary
    if stream.open == (stream.primary >= 0):
        return -1
    at = pair_hash(slot, pointer) & s.pair_mask
    while True:
        candidate = s.pair_index[at]
        if candidate < 0:
            return -1
        if s.touches[candidate].pointer == pointer and s.touches[candidate].stream == slot:
            return candidate
        at = (at + 1) & s.pair_mask


cdef int32_t new_touch(State *s, int32_t slot, int32_t pointer) noexcept nogil:
    """Open a touch for a pointer that has none; -1 when there is no memory."""
    cdef Stream *stream = &s.streams[slot]
    cdef OpenTouch *touch
    cdef int32_t touch_slot
    if s.free_touch < 0 and s.touch_count == s.touch_room and more_touches(s) < 0:
        return -1
    if stream.primary >= 0 and s.pair_count * 2 >= <int64_t>s.pair_mask and index_pairs(s) < 0:
        return -1
    touch_slot = s.free_touch
    if touch_slot < 0:
        touch_slot = s.touch_count
        s.touch_count += 1
    else:
        s.free_touch = s.touches[touch_slot].next_free
    touch = &s.touches[touch_slot]
    touch.used = True
    touch.stream = slot
    touch.pointer = pointer
    if stream.primary < 0:
        stream.primary = touch_slot
    else:
        put_pair(s, touch_slot)
        s.pair_count += 1
    stream.open += 1
    return touch_slot


cdef void drop_touch(State *s, int32_t touch_slot) noexcept nogil:
    cdef OpenTouch *touch = &s.touches[touch_slot]
    cdef Stream *stream = &s.streams[touch.stream]
    if not touch.malformed:
        unlink_finger(s, stream, touch)
    if stream.primary == touch_slot:
        stream.primary = -1
    else:
        remove_pair(s, touch_slot)
        s.pair_count -= 1
    stream.open -= 1
    touch.used = False
    touch.next_free = s.free_touch
    s.free_touch = touch_slot


cdef int more_touches(State *s) noexcept nogil:
    cdef int32_t room = s.touch_room + s.touch_room // 2 + 4
    cdef void *block = realloc(s.touches, room * sizeof(OpenTouch))
    if block == NULL:
        return -1
    s.touches = <OpenTouch *>block
    if s.limits.history:
        block = realloc(s.histories, room * sizeof(History))
        if block == NULL:
            return -1
        s.histories = <History *>block
    if s.limits.seen:
        block = realloc(s.seen, room * sizeof(Seen))
        if block == NULL:
            return -1
        s.seen = <Seen *>block
    if s.fingers != NULL:
        block = realloc(s.fingers, room * sizeof(Finger))
        if block == NULL:
            return -1
        s.fingers = <Finger *>block
    s.touch_room = room
    return 0


cdef void put_pair(State *s, int32_t touch_slot) noexcept nogil:
    cdef uint32_t at = pair_hash(s.touches[touch_slot].stream, s.touches[touch_slot].pointer) & s.pair_mask
    while s.pair_index[at] >= 0:
        at = (at + 1) & s.pair_mask
    s.pair_index[at] = touch_slot


cdef int index_pairs(State *s) noexcept nogil:
    """Double the hash table of pairs."""
    cdef uint32_t at, old_size = 0 if s.pair_index == NULL else s.pair_mask + 1
    cdef int32_t *old = s.pair_index
    cdef int32_t *larger = doubled(old, &s.pair_mask)
    if larger == NULL:
        return -1
    s.pair_index = larger
    for at in range(old_size):
        if old[at] >= 0:
            put_pair(s, old[at])
    free(old)
    return 0


cdef void remove_pair(State *s, int32_t touch_slot) noexcept nogil:
    """Remove a touch from the hash table and close the gap, so that no look-up stops short."""
    cdef uint32_t hole = pair_hash(s.touches[touch_slot].stream, s.touches[touch_slot].pointer) & s.pair_mask
    cdef uint32_t at, home
    cdef int32_t other
    while s.pair_index[hole] != touch_slot:
        hole = (hole + 1) & s.pair_mask
    at = hole
    while True:
        at = (at + 1) & s.pair_mask
        other = s.pair_index[at]
        if other < 0:
            break
        home = pair_hash(s.touches[other].stream, s.touches[other].pointer) & s.pair_mask
        if ((at - home) & s.pair_mask) >= ((at - hole) & s.pair_mask):
            s.pair_index[hole] = other
            hole = at
    s.pair_index[hole] = -1


# ---- chords -----------------------------------------------------------------------------------
# The open touches of a stream with a good DOWN are a list, in the order of their DOWNs. From the second on
# there is a chord; nothing is done for it before.


cdef inline void link_finger(State *s, Stream *stream, int32_t touch_slot) noexcept nogil:
    cdef OpenTouch *touch = &s.touches[touch_slot]
    touch.next_finger = -1
    touch.last_finger = stream.last_finger
    if stream.last_finger >= 0:
        s.touches[stream.last_finger].next_finger = touch_slot
    else:
        stream.first_finger = touch_slot
    stream.last_finger = touch_slot
    stream.fingers += 1


cdef inline void unlink_finger(State *s, Stream *stream, const OpenTouch *touch) noexcept nogil:
    if touch.last_finger >= 0:
        s.touches[touch.last_finger].next_finger = touch.next_finger
    else:
        stream.first_finger = touch.next_finger
    if touch.next_finger >= 0:
        s.touches[touch.next_finger].last_finger = touch.last_finger
    else:
        stream.last_finger = touch.last_finger
    stream.fingers -= 1


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
    """Take a finger out of its stream's chord; return whether a new segment is to begin without it."""
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


# ---- the state machine ------------------------------------------------------------------------


cdef int step(
        State *s, int64_t index, int64_t stream_id, int32_t pointer, uint8_t action, int64_t time,
        float x, float y, Record *out) noexcept nogil:
    """Process one sample; return 1 if it ended a stroke (its record is in `out`), 0 if not, -1 if there is
    no memory: then only this sample is lost.
    """
    cdef int32_t slot, touch_slot
    cdef int ended = 0
    cdef bint segment = False
    cdef bint is_finite = finite(x) and finite(y)
    if action > CANCEL:
        s.counters.unknown_actions += 1
        return 0
    slot = stream_slot(s, stream_id)
    if slot < 0:
        return -1
    touch_slot = find_touch(s, slot, pointer)
    if action == DOWN:
        if is_finite:
            close_frame(s, &s.streams[slot])
        if touch_slot >= 0:
            segment = leave_chord(s, touch_slot, index, time, action, is_finite)
            end_touch(s, touch_slot, INCOMPLETE, 0, out)
            ended = 1
            if segment:
                go_on(s, slot)
        if s.multi and is_finite and s.streams[slot].fingers == 1 and room_for_chord(s) < 0:
            return -1
        touch_slot = new_touch(s, slot, pointer)
        if touch_slot < 0:
            return -1
        clock(s, slot, time, is_finite)
        if s.seen != NULL and s.streams[slot].open > 1:
            meet(s, touch_slot, time)
        start_touch(s, touch_slot, index, time, x, y)
        if s.fingers != NULL:
            join(s, touch_slot, index, time)
        return ended
    if touch_slot < 0:
        s.counters.orphan_samples += 1
        return 0
    if not is_finite:
        s.counters.dropped_samples += 1
        if action == MOVE:
            return 0
    clock(s, slot, time, is_finite)
    if s.streams[slot].chord >= 0 and not s.touches[touch_slot].malformed:
        if action == MOVE:
            chord_move(
                &s.chords[s.streams[slot].chord], s.touches, s.fingers, s.streams[slot].first_finger,
                touch_slot, index, time, x, y, &s.limits, s.streams[slot].density)
        else:
            segment = leave_chord(s, touch_slot, index, time, action, is_finite)
    if is_finite:
        extend(&s.touches[touch_slot], index, time, x, y)
        if s.seen != NULL and (action == MOVE or s.limits.up_moves):
            look(
                &s.seen[touch_slot], &s.touches[touch_slot], &s.streams[slot], &s.limits, action, time, x, y)
    if action == MOVE:
        if s.histories != NULL:
            history_add(&s.histories[touch_slot], &s.limits, time, x, y)
        return 0
    s.touches[touch_slot].last_sample = index
    end_touch(s, touch_slot, CANCELED if action == CANCEL else 0, time, out)
    if segment:
        go_on(s, slot)
    return 1


cdef inline void clock(State *s, int32_t slot, int64_t time, bint is_finite) noexcept nogil:
    """Keep the time of a sample; one that is dropped counts in no second counter."""
    cdef Stream *stream = &s.streams[slot]
    if stream.started and time < stream.last_time and is_finite:
        s.counters.clock_regressions += 1
    stream.started = True
    stream.last_time = time


cdef void join(State *s, int32_t touch_slot, int64_t index, int64_t time) noexcept nogil:
    """Take a touch that has begun into the chord of its stream, or begin one with it."""
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


cdef void start_touch(
        State *s, int32_t touch_slot, int64_t index, int64_t time, float x, float y) noexcept nogil:
    cdef OpenTouch *touch = &s.touches[touch_slot]
    cdef Stream *stream = &s.streams[touch.stream]
    begin(touch, index, time, x, y)
    if not touch.malformed:
        link_finger(s, stream, touch_slot)
    stream.downs += 1
    touch.downs = stream.downs
    touch.multi = stream.open > 1
    if s.histories != NULL:
        history_clear(&s.histories[touch_slot])
        if not touch.malformed:
            history_add(&s.histories[touch_slot], &s.limits, time, x, y)
    if s.seen != NULL:
        look_begin(&s.seen[touch_slot], stream, &s.limits, time, x, y)


cdef void meet(State *s, int32_t newcomer, int64_t time) noexcept nogil:
    """Note of the touch that was alone in its stream what had begun when another finger came down."""
    cdef Stream *stream = &s.streams[s.touches[newcomer].stream]
    cdef int32_t alone = stream.primary
    if alone < 0 or alone == newcomer or s.seen[alone].met or s.touches[alone].multi:
        return
    look_met(&s.seen[alone], &s.touches[alone], &s.limits, time)


cdef void end_touch(
        State *s, int32_t touch_slot, int ending, int64_t time_up, Record *r) noexcept nogil:
    """Fill the record of a touch and close it; `ending` is 0 for an UP, else its reason."""
    cdef OpenTouch *touch = &s.touches[touch_slot]
    fill(
        r, touch, &s.streams[touch.stream], &s.limits,
        &s.histories[touch_slot] if s.histories != NULL else NULL,
        &s.seen[touch_slot] if s.seen != NULL else NULL,
        ending, time_up)
    drop_touch(s, touch_slot)


cdef int64_t open_touches(State *s) noexcept nogil:
    """Number of open touches."""
    cdef int64_t count = 0
    cdef int32_t slot
    for slot in range(s.touch_count):
        count += s.touches[slot].used
    return count


cdef struct Opened:
    int64_t first_sample
    int32_t slot


cdef int by_first_sample(const void *a, const void *b) noexcept nogil:
    cdef int64_t first = (<const Opened *>a).first_sample, second = (<const Opened *>b).first_sample
    return -1 if first < second else first > second


cdef int end_open(State *s, Record *out, int64_t room) noexcept nogil:
    """End every open touch as INCOMPLETE, in the order of their DOWNs; -1 when there is no memory."""
    cdef Opened *opened
    cdef int64_t count = 0, i
    cdef int32_t slot
    if room == 0:
        return 0
    opened = <Opened *>malloc(room * sizeof(Opened))
    if opened == NULL:
        return -1
    for slot in range(s.touch_count):
        if s.touches[slot].used and count < room:
            opened[count].first_sample = s.touches[slot].first_sample
            opened[count].slot = slot
            count += 1
    end_chords(s)
    qsort(opened, count, sizeof(Opened), by_first_sample)
    for i in range(count):
        end_touch(s, opened[i].slot, INCOMPLETE, 0, &out[i])
    free(opened)
    return 0
