"""Records in columns: the output of the batch path, readable through the buffer protocol."""

cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from capture._native.recognizer cimport wrap
from capture._native.record cimport (
    COLUMNS, FIELDS, RECORD_FIELDS, STROKE_FIELDS, Record, get_record, put_record,
)

#: Public columns in record order: name, buffer format; the verdict apart, which few tables have.
LAYOUT = tuple([
    (RECORD_FIELDS[_number].name.decode(), RECORD_FIELDS[_number].format.decode())
    for _number in range(STROKE_FIELDS)
])
VERDICT = tuple([
    (RECORD_FIELDS[_number].name.decode(), RECORD_FIELDS[_number].format.decode())
    for _number in range(STROKE_FIELDS, FIELDS)
])


cdef extern from "memory.h" nogil:
    Memory memory_new "capture_memory_new"(size_t size) noexcept
    void memory_free "capture_memory_free"(Memory memory) noexcept
    void memory_done "capture_memory_done"(const Memory *memory, char *part, size_t size) noexcept


cdef int make_room(Output *o, int64_t more) noexcept nogil:
    """Room for `more` records behind those that are there; -1 when there is no memory."""
    cdef int64_t room = o.count + more
    cdef Memory memory
    cdef char *place
    cdef int column
    if room <= o.room:
        return 0
    if o.fixed:
        return -1
    if room < o.room + o.room // 2:
        room = o.room + o.room // 2
    room = (room + 7) & ~<int64_t>7     # keeps every column aligned
    memory = memory_new(room * record_bytes(o))
    if memory.start == NULL:
        return -1
    place = memory.start
    for column in range(COLUMNS):
        if not has_column(o, column):
            continue
        if o.count:
            memcpy(place, o.data[column], o.count * RECORD_FIELDS[column].size)
        o.data[column] = place
        place += room * RECORD_FIELDS[column].size
    memory_free(o.memory)
    o.memory = memory
    o.room = room
    return 0


cdef inline bint has_column(const Output *o, int column) noexcept nogil:
    if column < STROKE_FIELDS:
        return True
    return o.verdicts if column < FIELDS else o.ordered


cdef inline size_t record_bytes(const Output *o) noexcept nogil:
    cdef size_t total = 0
    cdef int column
    for column in range(COLUMNS):
        if has_column(o, column):
            total += RECORD_FIELDS[column].size
    return total


cdef void free_output(Output *o) noexcept nogil:
    memory_free(o.memory)
    memset(o, 0, sizeof(Output))


cdef void put(Output *o, const Record *r, int64_t ended) noexcept nogil:
    """Append a record; there must be room."""
    put_record(o.data, o.count, r)
    if o.ordered:
        (<int64_t *>o.data[FIELDS])[o.count] = ended
    o.count += 1


# ---- the Python interface -------------------------------------------------------------------------


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
        self.owner.exports += 1

    def __releasebuffer__(self, Py_buffer *buffer):
        self.owner.exports -= 1


@cython.final
cdef class GestureColumns:
    """Records in columns, in the order of `LAYOUT`, then of `VERDICT` with `verdicts`.

    `room` records fit before it grows; `ordered` keeps the columns that `Merge` needs.
    """

    def __cinit__(self, int64_t room=0, *, bint ordered=False, bint verdicts=False):
        memset(&self.output, 0, sizeof(Output))
        self.output.ordered = ordered
        self.output.verdicts = verdicts
        if room < 0 or make_room(&self.output, room if room else 1) < 0:
            raise MemoryError

    def __dealloc__(self):
        if self.whole is None:
            free_output(&self.output)
        else:
            self.whole.exports -= 1

    def __len__(self):
        return self.output.count

    def part(self, int64_t first, int64_t room):
        """Return an output that fills `room` records from `first` on, in place; `fill` then counts them."""
        cdef GestureColumns part = GestureColumns.__new__(GestureColumns)
        cdef int column
        if not 0 <= first <= first + room <= self.output.room:
            raise ValueError(f"records {first} to {first + room} of {self.output.room}")
        free_output(&part.output)
        part.output = self.output
        part.output.memory.start = NULL
        part.output.count = 0
        part.output.room = room
        part.output.fixed = True
        for column in range(COLUMNS):
            if has_column(&part.output, column):
                part.output.data[column] = (
                    <char *>self.output.data[column] + first * RECORD_FIELDS[column].size)
        part.whole = self
        self.exports += 1
        return part

    def fill(self, int64_t count):
        """Count the records that parts have filled."""
        if not 0 <= count <= self.output.room:
            raise ValueError(f"{count} records: there is room for {self.output.room}")
        self.output.count = count

    def clear(self, int64_t room=0):
        """Forget the records and keep their room, or make it: filling it again costs no fresh pages."""
        if self.exports:
            raise BufferError(f"{self.exports} columns are still in use")
        self.output.memory.zeroed = False
        self.output.count = 0
        if make_room(&self.output, room) < 0:
            raise MemoryError

    @property
    def verdicts(self):
        """Whether there are the columns of `VERDICT`."""
        return self.output.verdicts

    def column(self, str name not None):
        """Return one column as a read-only buffer."""
        cdef Column column = Column.__new__(Column)
        cdef int number
        for number in range(FIELDS):
            if has_column(&self.output, number) and RECORD_FIELDS[number].name.decode() == name:
                column.owner = self
                column.number = number
                column.format = RECORD_FIELDS[number].format
                column.shape[0] = self.output.count
                column.strides[0] = RECORD_FIELDS[number].size
                return column
        raise ValueError(f"no column {name!r}")

    def record(self, Py_ssize_t index, type gesture_class not None):
        """Return one record as an instance of `gesture_class`."""
        cdef Record record
        if not 0 <= index < self.output.count:
            raise IndexError(f"record {index} of {self.output.count}")
        get_record(self.output.data, index, &record)
        return wrap(gesture_class, &record)


@cython.final
cdef class Merge:
    """Puts the records of several tables into one, in the order in which their strokes ended.

    The order is found at construction; `columns` then moves some of the columns, so that several
    threads can share the work. Memory is released as columns are moved.
    """

    cdef list tables
    cdef readonly GestureColumns out
    cdef uint8_t *sources       # table of each record
    cdef int64_t count

    def __cinit__(self, list tables not None):
        cdef GestureColumns table
        cdef Output *outputs[256]
        cdef int number
        self.count = 0
        self.sources = NULL
        if not 0 < len(tables) <= 256:
            raise ValueError(f"{len(tables)} tables: expected 1 to 256")
        for number, table in enumerate(tables):
            if not table.output.ordered:
                raise ValueError("only ordered tables can be merged")
            outputs[number] = &table.output
            self.count += table.output.count
        self.tables = tables
        table = tables[0]
        self.out = GestureColumns(self.count, verdicts=table.output.verdicts)
        self.out.output.count = self.count
        self.sources = <uint8_t *>malloc(self.count if self.count else 1)
        if self.sources == NULL:
            raise MemoryError
        number = len(tables)
        with nogil:
            order_by_end(outputs, number, self.count, self.sources)

    def __dealloc__(self):
        free(self.sources)

    def columns(self, int first, int step):
        """Move every step-th column from the first on."""
        cdef Output *outputs[256]
        cdef GestureColumns table
        cdef int number, column
        for number, table in enumerate(self.tables):
            outputs[number] = &table.output
        number = len(self.tables)
        if step < 1:
            raise ValueError(f"step = {step}: expected at least 1")
        column = first
        with nogil:
            while column < FIELDS:
                if has_column(&self.out.output, column):
                    gather(
                        outputs, number, column, self.count, self.sources,
                        <char *>self.out.output.data[column],
                    )
                column += step


cdef void order_by_end(Output **tables, int count, int64_t total, uint8_t *sources) noexcept nogil:
    cdef int64_t at[256]
    cdef int64_t i, ended, best
    cdef int table, chosen
    memset(at, 0, sizeof(at))
    for i in range(total):
        chosen = -1
        best = 0
        for table in range(count):
            if at[table] < tables[table].count:
                ended = (<int64_t *>tables[table].data[FIELDS])[at[table]]
                if chosen < 0 or ended < best:
                    chosen = table
                    best = ended
        sources[i] = chosen
        at[chosen] += 1


cdef void gather(
        Output **tables, int count, int column, int64_t total, const uint8_t *sources,
        char *to) noexcept nogil:
    cdef const char *at[256]
    cdef size_t size = RECORD_FIELDS[column].size
    cdef int64_t i
    cdef int table
    for table in range(count):
        at[table] = <const char *>tables[table].data[column]
    if size == 8:
        for i in range(total):
            (<int64_t *>to)[i] = (<const int64_t *>at[sources[i]])[0]
            at[sources[i]] += 8
    elif size == 4:
        for i in range(total):
            (<int32_t *>to)[i] = (<const int32_t *>at[sources[i]])[0]
            at[sources[i]] += 4
    else:
        for i in range(total):
            to[i] = at[sources[i]][0]
            at[sources[i]] += 1
    for table in range(count):
        memory_done(&tables[table].memory, <char *>tables[table].data[column], tables[table].count * size)
