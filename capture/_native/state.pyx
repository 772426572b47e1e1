"""The state of a recogniser, and the one step that processes a touch sample.

`step` is the whole state machine. Live calls, `feed` and `classify` all go through it; the batch
path may skip it only for strokes for which it gives the same bits (see batch.pyx).
"""

from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort, realloc
from libc.string cimport memset

from capture._native.chord cimport Finger, chord_move
from capture._native.chording cimport (
    close_frame, end_chords, go_on, join, leave_chord, link_finger, room_for_chord, unlink_finger,
)
from capture._native.classify cimport CANCELED, INCOMPLETE, Thresholds
from capture._native.record cimport Record
from capture._native.samples cimport CANCEL, DOWN, MOVE, finite
from capture._native.streams cimport doubled, mixed, stream_slot
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


# ---- open touches -----------------------------------------------------------------------------
# A stream's first open touch is its primary, found without a look-up; the others, which only multi-touch
# has, are found by (stream, pointer) in one hash table.


cdef inline uint32_t pair_hash(int32_t stream, int32_t pointer) noexcept nogil:
    return mixed((<uint64_t><uint32_t>stream << 32) | <uint32_t>pointer)


cdef int32_t find_touch(State *s, int32_t slot, int32_t pointer) noexcept nogil:
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
    if not stream.started:
        stream.first_time = time if is_finite else INT64_MAX
    elif time < stream.last_time and is_finite:
        s.counters.clock_regressions += 1
    stream.started = True
    stream.last_time = time


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
    """Note which gesture a lone touch had begun when another finger came down."""
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
