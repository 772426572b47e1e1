"""Whole columns of samples in, columns of records out, the GIL released.

`feed_range` gives runs of plain strokes to the kernel and everything else to `step`. Several threads share
a log range by range (seams.pyx) or, where its streams are interleaved, stream by stream. Each has its own
recogniser and processes the samples of its streams. The outputs are merged by the sample that ended each
stroke.
"""

cimport cython
from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from capture._native.chords cimport MultiColumns, drain
from capture._native.chording cimport track_chords
from capture._native.classify cimport EARLY, MEAN, Thresholds
from capture._native.kernels cimport KERNELS_MOST, Block, Kernel, find_kernels
from capture._native.output cimport GestureColumns, Output, make_room, put
from capture._native.recognizer cimport Recognizer
from capture._native.record cimport Record, RecordColumns, columns_at
from capture._native.sample_columns cimport Samples
from capture._native.samples cimport DOWN, Columns
from capture._native.state cimport State, Stream, end_open, open_touches, step
from capture._native.streams cimport stream_slot
from capture._native.velocity cimport Release, columns_release

cdef enum:
    PART = 4096     # samples that a thread looks through for its streams at a time

cdef Kernel[KERNELS_MOST] FOUND

#: Names of the kernels that were built and that this machine can run, the fastest first.
KERNELS = tuple([FOUND[i].name.decode() for i in range(find_kernels(FOUND))])


# ---- the batch path ---------------------------------------------------------------------------


cdef int feed_range(
        State *s, const Columns *c, int64_t first, int64_t end, int64_t base, Output *o,
        const Kernel *kernel, Block *block) noexcept nogil:
    """Process samples [first, end); sample i has the number base + i. Returns -1 when there is no memory."""
    cdef int64_t i = first, after, last_time
    cdef int32_t slot
    while i < end:
        if c.action[i] == DOWN:
            slot = stream_slot(s, c.stream[i] if c.stream != NULL else 0)
            if slot < 0:
                return -1
            if s.streams[slot].open == 0:
                last_time = s.streams[slot].last_time if s.streams[slot].started else INT64_MIN
                if s.limits.seen:
                    after = kernel.see(c, i, end, last_time, block, &s.streams[slot].edges, &s.limits)
                else:
                    after = kernel.measure(c, i, end, last_time, block)
                if block.count:
                    if add_block(s, slot, c, block, base, kernel, o) < 0:
                        return -1
                    i = after
                    continue
        if feed_one(s, c, i, base, o) < 0:
            return -1
        i += 1
    return 0


cdef int feed_share(
        State *s, const Columns *c, int64_t count, Output *o, Block *block, int share,
        int shares) noexcept nogil:
    """Process the samples of one share of the streams: parts that lie wholly in it go to the kernels."""
    cdef int32_t[PART] mine
    cdef int64_t first, after = 0, run = 0, base = s.samples
    cdef int32_t here, matching, j
    while after < count:
        first = after
        here = <int32_t>(count - first if count - first < PART else PART)
        after += here
        matching = 0
        for j in range(here):
            mine[matching] = j
            matching += share_of(c.stream[first + j], shares) == share
        if matching == here:
            continue
        if feed_range(s, c, run, first, base, o, &FOUND[0], block) < 0:
            return -1
        run = after
        for j in range(matching):
            if feed_one(s, c, first + mine[j], base, o) < 0:
                return -1
    return feed_range(s, c, run, count, base, o, &FOUND[0], block)


cdef inline int share_of(int64_t stream, int shares) noexcept nogil:
    """Which share a stream falls to: multiplicative hashing (Knuth, volume 3, section 6.4)."""
    cdef uint64_t mixed = <uint64_t>stream * 0x9e3779b97f4a7c15ULL
    return <int>(((mixed >> 32) * <uint64_t>shares) >> 32)


cdef inline int feed_one(State *s, const Columns *c, int64_t i, int64_t base, Output *o) noexcept nogil:
    """Process one sample."""
    cdef Record record
    cdef int ended = step(
        s, base + i, c.stream[i] if c.stream != NULL else 0, c.pointer[i] if c.pointer != NULL else 0,
        c.action[i], c.time[i], c.x[i], c.y[i], &record)
    if ended <= 0:
        return ended
    if make_room(o, 1) < 0:
        return -1
    put(o, &record, base + i)
    return 0


cdef int add_block(
        State *s, int32_t slot, const Columns *c, Block *block, int64_t base, const Kernel *kernel,
        Output *o) noexcept nogil:
    """Append the records of measured strokes column by column, the same bits as `step` gives."""
    cdef Stream *stream = &s.streams[slot]
    cdef int32_t n = block.count
    cdef RecordColumns to
    if make_room(o, n) < 0:
        return -1
    columns_at(o.data, o.count, &to)
    number_samples(c, block, stream.id, base, not o.memory.zeroed, &to)
    kernel.finish(c, block, stream.density, s.limits.velocity_strategy == MEAN, &to)
    if s.limits.seen:
        kernel.look(c, block, &s.limits, stream.density)
    if s.limits.history:
        fit_releases(c, block, &s.limits, kernel)
    if s.limits.velocity_strategy != MEAN:
        kernel.release(block, stream.density, &s.limits, &to)
    if s.limits.seen:
        kernel.judge(block, &stream.taps, &stream.edges, stream.density, &s.limits, &to)
    else:
        kernel.decide(block, &s.limits, &to)
    if s.limits.plain:
        kernel.count_taps(n, &stream.taps, stream.density, &s.limits, &to)
    o.count += n
    if not stream.started:
        stream.first_time = c.time[block.down[0]]
    stream.started = True
    stream.last_time = c.time[block.up[n - 1]]
    stream.downs += n
    return 0


cdef void number_samples(
        const Columns *c, const Block *block, int64_t stream, int64_t base, bint zeros,
        const RecordColumns *to) noexcept nogil:
    """Fill the columns of stream, pointer and sample numbers; zeros only where that is asked for."""
    cdef int32_t k
    for k in range(block.count):
        to.first_sample[k] = base + block.down[k]
        to.last_sample[k] = base + block.up[k]
        to.sample_count[k] = <int32_t>(block.up[k] - block.down[k] + 1)
    if to.ended != NULL:
        for k in range(block.count):
            to.ended[k] = base + block.up[k]
    if c.stream != NULL or zeros:
        for k in range(block.count):
            to.stream[k] = stream
    if c.pointer != NULL:
        for k in range(block.count):
            to.pointer[k] = c.pointer[block.down[k]]
    elif zeros:
        memset(to.pointer, 0, block.count * sizeof(int32_t))


cdef void fit_releases(
        const Columns *c, Block *block, const Thresholds *limits, const Kernel *kernel) noexcept nogil:
    """Estimate the release velocities; those that the kernel has no code for one by one."""
    cdef Release release
    cdef int64_t *up = block.up
    cdef int32_t i, k
    for i in range(kernel.fit(c, block, limits)):
        k = block.rough[i]
        columns_release(
            c.time, c.x, c.y, block.down[k], up[k] - 1, limits, c.time[up[k]], &release)
        block.offset_x[k] = release.offset_x
        block.offset_y[k] = release.offset_y
        if limits.velocity_strategy != EARLY:
            block.vx[k] = release.vx
            block.vy[k] = release.vy


cdef int finish_into(State *s, int64_t base, Output *o) noexcept nogil:
    """End open touches; their records follow all others, in the order of their DOWNs."""
    cdef int64_t count = open_touches(s), i
    cdef Record *records
    if count == 0:
        return 0
    records = <Record *>malloc(count * sizeof(Record))
    if records == NULL:
        return -1
    if end_open(s, records, count) < 0 or make_room(o, count) < 0:
        free(records)
        return -1
    for i in range(count):
        put(o, &records[i], base + records[i].first_sample)
    free(records)
    return 0


# ---- the Python interface -------------------------------------------------------------------------


def feed(
        Recognizer recognizer not None, GestureColumns out not None, samples not None, *,
        int kernel=0, int share=0, int shares=1, MultiColumns multi=None):
    """Feed `TouchSamples` to a recogniser and append the records that they end to `out`.

    With several shares only the samples of the streams that fall to `share` are fed; the numbering counts
    all samples. `kernel` is a position in `KERNELS`; the tests compare them. Chords are tracked with `multi`,
    which takes those that end.
    """
    cdef Samples held = Samples(samples)
    cdef Block *block
    cdef State *state = &recognizer.state
    cdef int failed
    if shares > 1 and held.columns.stream == NULL:
        raise ValueError("one stream cannot be shared")
    if out.output.verdicts != state.limits.verdicts:
        raise ValueError("the columns of the verdict are in the output, or are wanted, but not both")
    if not 0 <= share < shares:
        raise ValueError(f"share {share} of {shares}")
    if not 0 <= kernel < len(KERNELS):
        raise ValueError(f"kernel {kernel}: this machine has {len(KERNELS)}, {', '.join(KERNELS)}")
    with cython.critical_section(recognizer):
        recognizer.check_free()
        recognizer.busy = True
    block = <Block *>malloc(sizeof(Block))
    failed = block == NULL or track_chords(state, multi is not None)
    with nogil:
        if failed:
            pass
        elif shares > 1:
            failed = feed_share(state, &held.columns, held.count, &out.output, block, share, shares)
        else:
            failed = feed_range(
                state, &held.columns, 0, held.count, state.samples, &out.output,
                &FOUND[kernel], block)
        state.samples += held.count
    free(block)
    recognizer.busy = False
    hand_over(recognizer, multi)
    if failed:
        raise MemoryError


cdef int hand_over(Recognizer recognizer, MultiColumns multi) except -1:
    """Hand the chords that have ended to `multi`, or keep them where nobody asked for them."""
    if multi is not None:
        drain(&recognizer.state, multi)
    elif recognizer.state.ended_count:
        recognizer.keep_chords()
    return 0


def finish(Recognizer recognizer not None, GestureColumns out not None, MultiColumns multi=None):
    """End every open stroke of a recogniser as INCOMPLETE and append the records to `out`."""
    cdef int failed
    with cython.critical_section(recognizer):
        recognizer.check_free()
        failed = finish_into(&recognizer.state, recognizer.state.samples, &out.output)
        hand_over(recognizer, multi)
    if failed:
        raise MemoryError
