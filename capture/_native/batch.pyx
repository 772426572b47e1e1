"""Whole columns of samples in, columns of records out, the GIL released.

`feed_range` gives runs of plain strokes to the kernel and everything else to `step`. With several
threads the streams are split among them: each thread keeps a state of its own, takes the samples of
its streams out of the shared columns, and the outputs are merged by the sample that ended each stroke.
"""

cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

from capture._native.classify cimport (
    Record, Sums, TapRun, count_tap, decide, measure, to_dp,
)
from capture._native.recognizer cimport (
    Recognizer, State, end_open, open_strokes, state_free, state_init, step, stream_slot, wrap,
)
from capture._native.samples cimport BLOCK, DOWN, Block, Columns, Kernel, choose_kernel
from capture._native.velocity cimport MEAN, columns_velocity

# Public columns in record order: name, buffer format. The hidden last one orders merged outputs.
LAYOUT = (
    ("stream", "q"), ("pointer", "i"), ("kind", "B"), ("reason", "B"), ("direction", "B"),
    ("time_down", "q"), ("time_up", "q"), ("x_down", "f"), ("y_down", "f"), ("x_up", "f"),
    ("y_up", "f"), ("duration", "d"), ("distance", "f"), ("velocity", "f"), ("velocity_x", "f"),
    ("velocity_y", "f"), ("path_length", "f"), ("width", "f"), ("height", "f"),
    ("sample_count", "i"), ("first_sample", "q"), ("last_sample", "q"), ("tap_count", "i"),
    ("rage", "?"),
)
cdef enum:
    COLUMNS = 24
    STORED = 25     # with the hidden one

cdef size_t[STORED] SIZES
cdef int at
for at, (_, _format) in enumerate(LAYOUT + (("ended", "q"),)):
    SIZES[at] = {"q": 8, "d": 8, "i": 4, "f": 4, "B": 1, "?": 1}[_format]

cdef Kernel WIDE = choose_kernel(1)
cdef Kernel BASELINE = choose_kernel(0)


cdef struct Output:
    void *data[25]
    int64_t count
    int64_t room


cdef int make_room(Output *o, int64_t more) noexcept nogil:
    """Room for `more` records behind those that are there; -1 when there is no memory."""
    cdef int64_t room = o.count + more
    cdef void *block
    cdef int column
    if room <= o.room:
        return 0
    if room < o.room + o.room // 2:
        room = o.room + o.room // 2
    for column in range(STORED):
        block = realloc(o.data[column], room * SIZES[column])
        if block == NULL:
            return -1
        o.data[column] = block
    o.room = room
    return 0


cdef void free_output(Output *o) noexcept nogil:
    cdef int column
    for column in range(STORED):
        free(o.data[column])
    memset(o, 0, sizeof(Output))


cdef void trim(Output *o) noexcept nogil:
    """Give back the room that is not used."""
    cdef void *block
    cdef int column
    for column in range(STORED):
        block = realloc(o.data[column], (o.count if o.count else 1) * SIZES[column])
        if block != NULL:
            o.data[column] = block
    o.room = o.count


cdef inline void put(Output *o, const Record *r, int64_t ended) noexcept nogil:
    """Append a record; there must be room."""
    cdef int64_t i = o.count
    (<int64_t *>o.data[0])[i] = r.stream
    (<int32_t *>o.data[1])[i] = r.pointer
    (<uint8_t *>o.data[2])[i] = r.kind
    (<uint8_t *>o.data[3])[i] = r.reason
    (<uint8_t *>o.data[4])[i] = r.direction
    (<int64_t *>o.data[5])[i] = r.time_down
    (<int64_t *>o.data[6])[i] = r.time_up
    (<float *>o.data[7])[i] = r.x_down
    (<float *>o.data[8])[i] = r.y_down
    (<float *>o.data[9])[i] = r.x_up
    (<float *>o.data[10])[i] = r.y_up
    (<double *>o.data[11])[i] = r.duration
    (<float *>o.data[12])[i] = r.distance
    (<float *>o.data[13])[i] = r.velocity
    (<float *>o.data[14])[i] = r.velocity_x
    (<float *>o.data[15])[i] = r.velocity_y
    (<float *>o.data[16])[i] = r.path_length
    (<float *>o.data[17])[i] = r.width
    (<float *>o.data[18])[i] = r.height
    (<int32_t *>o.data[19])[i] = r.sample_count
    (<int64_t *>o.data[20])[i] = r.first_sample
    (<int64_t *>o.data[21])[i] = r.last_sample
    (<int32_t *>o.data[22])[i] = r.tap_count
    (<uint8_t *>o.data[23])[i] = r.rage
    (<int64_t *>o.data[24])[i] = ended
    o.count = i + 1


cdef void get(const Output *o, int64_t i, Record *r) noexcept nogil:
    r.stream = (<int64_t *>o.data[0])[i]
    r.pointer = (<int32_t *>o.data[1])[i]
    r.kind = (<uint8_t *>o.data[2])[i]
    r.reason = (<uint8_t *>o.data[3])[i]
    r.direction = (<uint8_t *>o.data[4])[i]
    r.time_down = (<int64_t *>o.data[5])[i]
    r.time_up = (<int64_t *>o.data[6])[i]
    r.x_down = (<float *>o.data[7])[i]
    r.y_down = (<float *>o.data[8])[i]
    r.x_up = (<float *>o.data[9])[i]
    r.y_up = (<float *>o.data[10])[i]
    r.duration = (<double *>o.data[11])[i]
    r.distance = (<float *>o.data[12])[i]
    r.velocity = (<float *>o.data[13])[i]
    r.velocity_x = (<float *>o.data[14])[i]
    r.velocity_y = (<float *>o.data[15])[i]
    r.path_length = (<float *>o.data[16])[i]
    r.width = (<float *>o.data[17])[i]
    r.height = (<float *>o.data[18])[i]
    r.sample_count = (<int32_t *>o.data[19])[i]
    r.first_sample = (<int64_t *>o.data[20])[i]
    r.last_sample = (<int64_t *>o.data[21])[i]
    r.tap_count = (<int32_t *>o.data[22])[i]
    r.rage = (<uint8_t *>o.data[23])[i]


# ---- the batch path ---------------------------------------------------------------------------


cdef int feed_range(
        State *s, const Columns *c, int64_t first, int64_t end, int64_t base, Output *o,
        Kernel kernel, Block *block) noexcept nogil:
    """Take samples [first, end); sample i has the number base + i. Returns -1 when there is no memory."""
    cdef int64_t i = first, after
    cdef int32_t slot
    while i < end:
        if c.action[i] == DOWN:
            slot = stream_slot(s, c.stream[i] if c.stream != NULL else 0)
            if slot < 0:
                return -1
            if s.streams[slot].open == 0:
                after = kernel(
                    c, i, end, s.streams[slot].last_time if s.streams[slot].started else INT64_MIN, block)
                if block.count:
                    if take_block(s, slot, c, block, base, o) < 0:
                        return -1
                    i = after
                    continue
        if one(s, c, i, base, o) < 0:
            return -1
        i += 1
    return 0


cdef inline int one(State *s, const Columns *c, int64_t i, int64_t base, Output *o) noexcept nogil:
    """Take sample i by itself."""
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


cdef int take_block(
        State *s, int32_t slot, const Columns *c, const Block *block, int64_t base,
        Output *o) noexcept nogil:
    """Make records of measured strokes, exactly as `step` would have made them."""
    cdef Record record
    cdef Sums px
    cdef TapRun *taps = &s.streams[slot].taps
    cdef double density = s.streams[slot].density
    cdef double vx = 0, vy = 0
    cdef int64_t down, up
    cdef int32_t k
    if make_room(o, block.count) < 0:
        return -1
    record.stream = s.streams[slot].id
    for k in range(block.count):
        down = block.down[k]
        up = block.up[k]
        record.pointer = c.pointer[down] if c.pointer != NULL else 0
        record.time_down = c.time[down]
        record.time_up = c.time[up]
        record.x_down = c.x[down]
        record.y_down = c.y[down]
        record.x_up = c.x[up]
        record.y_up = c.y[up]
        record.sample_count = <int32_t>(up - down + 1)
        record.first_sample = base + down
        record.last_sample = base + up
        px.farthest2 = block.farthest2[k]
        px.path = block.path[k]
        px.width = block.width[k]
        px.height = block.height[k]
        px.dx = record.x_up - record.x_down
        px.dy = record.y_up - record.y_down
        if s.limits.strategy != MEAN:
            columns_velocity(
                c.time, c.x, c.y, down, up - 1, s.limits.strategy, record.time_up, &vx, &vy)
        measure(&record, &px, density, &s.limits, True, vx, vy)
        decide(&record, &s.limits, to_dp(px.dx, density), to_dp(px.dy, density))
        count_tap(&record, taps, density, &s.limits)
        put(o, &record, record.last_sample)
    s.streams[slot].started = True
    s.streams[slot].last_time = record.time_up
    s.streams[slot].downs += block.count
    return 0


cdef int finish_into(State *s, int64_t base, Output *o) noexcept nogil:
    """End what is open; the records come after all others, in the order of their DOWNs."""
    cdef int64_t count = open_strokes(s), i
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


# ---- what Python sees -------------------------------------------------------------------------


@cython.final
cdef class Column:
    """One column of records, readable through the buffer protocol."""

    cdef GestureColumns owner
    cdef int number
    cdef Py_ssize_t[1] shape
    cdef Py_ssize_t[1] strides
    cdef bytes format

    def __init__(self):
        raise TypeError("columns are made by GestureColumns.column()")

    def __len__(self):
        return self.owner.output.count

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        buffer.buf = self.owner.output.data[self.number]
        buffer.obj = self
        buffer.len = self.shape[0] * self.strides[0]
        buffer.readonly = 1
        buffer.itemsize = self.strides[0]
        buffer.format = <char *>self.format if flags & PyBUF_FORMAT else NULL
        buffer.ndim = 1
        buffer.shape = self.shape if flags & PyBUF_ND else NULL
        buffer.strides = self.strides
        buffer.suboffsets = NULL
        buffer.internal = NULL


@cython.final
cdef class GestureColumns:
    """Records in columns, in the order of `LAYOUT`."""

    cdef Output output

    def __cinit__(self):
        memset(&self.output, 0, sizeof(Output))
        if make_room(&self.output, 1) < 0:
            raise MemoryError

    def __dealloc__(self):
        free_output(&self.output)

    def __len__(self):
        return self.output.count

    def column(self, str name not None):
        """Return one column as a read-only buffer."""
        cdef Column column = Column.__new__(Column)
        cdef int number
        for number in range(COLUMNS):
            if LAYOUT[number][0] == name:
                column.owner = self
                column.number = number
                column.format = LAYOUT[number][1].encode()
                column.shape[0] = self.output.count
                column.strides[0] = SIZES[number]
                return column
        raise ValueError(f"no column {name!r}")

    def record(self, Py_ssize_t index, type gesture_class not None):
        """Return one record as a Gesture of the given class."""
        cdef Record record
        if not 0 <= index < self.output.count:
            raise IndexError(f"record {index} of {self.output.count}")
        get(&self.output, index, &record)
        return wrap(gesture_class, &record)


@cython.final
cdef class Samples:
    """The six columns, held while the core reads them."""

    cdef Py_buffer[6] buffers
    cdef int held
    cdef Columns columns
    cdef int64_t count

    def __cinit__(self, stream, pointer, action, time, x, y):
        cdef const void *data[6]
        cdef int i
        self.held = 0
        self.count = self.hold(action, 1)
        data[0] = self.optional(stream, 8)
        data[1] = self.optional(pointer, 4)
        self.columns.action = <const uint8_t *>self.buffers[0].buf
        self.columns.stream = <const int64_t *>data[0]
        self.columns.pointer = <const int32_t *>data[1]
        i = self.held
        self.check(time, 8)
        self.check(x, 4)
        self.check(y, 4)
        self.columns.time = <const int64_t *>self.buffers[i].buf
        self.columns.x = <const float *>self.buffers[i + 1].buf
        self.columns.y = <const float *>self.buffers[i + 2].buf

    def __dealloc__(self):
        cdef int i
        for i in range(self.held):
            PyBuffer_Release(&self.buffers[i])

    cdef int64_t hold(self, column, int64_t size) except -1:
        PyObject_GetBuffer(column, &self.buffers[self.held], PyBUF_SIMPLE)
        self.held += 1
        return self.buffers[self.held - 1].len // size

    cdef int check(self, column, int64_t size) except -1:
        cdef int64_t count = self.hold(column, size)
        if count != self.count:
            raise ValueError(f"the columns differ in length: {count} and {self.count}")
        return 0

    cdef const void *optional(self, column, int64_t size) except? NULL:
        if column is None:
            return NULL
        self.check(column, size)
        return self.buffers[self.held - 1].buf


def feed(Recognizer recognizer not None, stream, pointer, action, time, x, y, *, bint wide=True):
    """Feed columns to a recogniser and return the records that they ended.

    `wide` False takes the baseline kernel; the tests compare the two.
    """
    cdef Samples samples = Samples(stream, pointer, action, time, x, y)
    cdef GestureColumns out = GestureColumns()
    cdef Block block
    cdef int failed
    with cython.critical_section(recognizer):
        recognizer.check_free()
        recognizer.busy = True
    with nogil:
        failed = feed_range(
            &recognizer.state, &samples.columns, 0, samples.count, recognizer.state.samples, &out.output,
            WIDE if wide else BASELINE, &block)
        recognizer.state.samples += samples.count
        trim(&out.output)
    recognizer.busy = False
    if failed:
        raise MemoryError
    return out


def concatenate(list tables not None):
    """Put tables of records one after the other; the first one takes the others in."""
    cdef GestureColumns first, other
    cdef int64_t total = 0
    cdef int column
    if not tables:
        return GestureColumns()
    first = tables[0]
    for other in tables:
        total += other.output.count
    if make_room(&first.output, total - first.output.count) < 0:
        raise MemoryError
    for other in tables[1:]:
        for column in range(STORED):
            memcpy(
                <char *>first.output.data[column] + first.output.count * SIZES[column],
                other.output.data[column], other.output.count * SIZES[column])
        first.output.count += other.output.count
        free_output(&other.output)
    return first


def finish(Recognizer recognizer not None):
    """End every open stroke of a recogniser as INCOMPLETE and return the records."""
    cdef GestureColumns out = GestureColumns()
    cdef int failed
    with cython.critical_section(recognizer):
        recognizer.check_free()
        failed = finish_into(&recognizer.state, 0, &out.output)
    if failed:
        raise MemoryError
    return out
