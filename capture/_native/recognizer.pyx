"""What Python sees of the recogniser: a stroke's record, and the calls for single samples."""

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset

from capture._native.classify cimport Record, Thresholds
from capture._native.samples cimport CANCEL, DOWN, MOVE, UP
from capture._native.state cimport state_free, state_init, step, stream_slot


@cython.freelist(64)
cdef class Gesture:
    """The record of one stroke; enums are plain numbers here (`capture.Gesture` wraps them)."""

    def __init__(
            self, *, int64_t stream=0, int32_t pointer=0, uint8_t kind=0, uint8_t reason=0,
            uint8_t direction=0, int64_t time_down=0, int64_t time_up=0, float x_down=0,
            float y_down=0, float x_up=0, float y_up=0, double duration=0, float distance=0,
            float velocity=0, float velocity_x=0, float velocity_y=0, float path_length=0,
            float width=0, float height=0, int32_t sample_count=2, int64_t first_sample=0,
            int64_t last_sample=1, int32_t tap_count=0, bint rage=False):
        cdef Record *r = &self.record
        r.stream, r.pointer = stream, pointer
        r.kind, r.reason, r.direction = kind, reason, direction
        r.time_down, r.time_up = time_down, time_up
        r.x_down, r.y_down, r.x_up, r.y_up = x_down, y_down, x_up, y_up
        r.duration, r.distance, r.path_length = duration, distance, path_length
        r.velocity, r.velocity_x, r.velocity_y = velocity, velocity_x, velocity_y
        r.width, r.height = width, height
        r.sample_count, r.first_sample, r.last_sample = sample_count, first_sample, last_sample
        r.tap_count, r.rage = tap_count, rage

    @property
    def stream(self): return self.record.stream
    @property
    def pointer(self): return self.record.pointer
    @property
    def kind(self): return self.record.kind
    @property
    def reason(self): return self.record.reason
    @property
    def direction(self): return self.record.direction
    @property
    def time_down(self): return self.record.time_down
    @property
    def time_up(self): return self.record.time_up
    @property
    def x_down(self): return self.record.x_down
    @property
    def y_down(self): return self.record.y_down
    @property
    def x_up(self): return self.record.x_up
    @property
    def y_up(self): return self.record.y_up
    @property
    def duration(self): return self.record.duration
    @property
    def distance(self): return self.record.distance
    @property
    def velocity(self): return self.record.velocity
    @property
    def velocity_x(self): return self.record.velocity_x
    @property
    def velocity_y(self): return self.record.velocity_y
    @property
    def path_length(self): return self.record.path_length
    @property
    def width(self): return self.record.width
    @property
    def height(self): return self.record.height
    @property
    def sample_count(self): return self.record.sample_count
    @property
    def first_sample(self): return self.record.first_sample
    @property
    def last_sample(self): return self.record.last_sample
    @property
    def tap_count(self): return self.record.tap_count
    @property
    def rage(self): return self.record.rage != 0


cdef Gesture wrap(type kind, const Record *record):
    """Make a Gesture of the given class without going through its __init__."""
    cdef Gesture gesture = kind.__new__(kind)
    gesture.record = record[0]
    return gesture


cdef class Recognizer:
    """One state machine. A call that meets another thread's `feed` raises RuntimeError."""

    def __cinit__(self, *args, **kwargs):
        cdef Thresholds none
        memset(&none, 0, sizeof(Thresholds))
        self.gesture_class = Gesture
        state_init(&self.state, &none, 1.0)

    def __dealloc__(self):
        state_free(&self.state)

    def __init__(
            self, type gesture_class not None, *, double density, int64_t tap_timeout_ns,
            double touch_slop, double drag_distance, double fling_velocity, int strategy,
            double max_fling_velocity, int64_t multi_tap_timeout_ns, double multi_tap_slop,
            int32_t rage_tap_count, int64_t rage_tap_timeout_ns, double rage_tap_radius):
        cdef Thresholds limits
        if not issubclass(gesture_class, Gesture):
            raise TypeError("gesture_class must be a Gesture")
        if self.state.samples or self.busy:
            raise RuntimeError("this recognizer has been used already")
        limits.tap_timeout_ns = tap_timeout_ns
        limits.touch_slop = touch_slop
        limits.drag_distance = drag_distance
        limits.fling_velocity = fling_velocity
        limits.strategy = strategy
        limits.max_fling_velocity = max_fling_velocity
        limits.multi_tap_timeout_ns = multi_tap_timeout_ns
        limits.multi_tap_slop = multi_tap_slop
        limits.rage_tap_count = rage_tap_count
        limits.rage_tap_timeout_ns = rage_tap_timeout_ns
        limits.rage_tap_radius = rage_tap_radius
        state_free(&self.state)
        state_init(&self.state, &limits, density)
        self.gesture_class = gesture_class

    def set_density(self, int64_t stream, double density):
        """Give a stream its own density (px per dp)."""
        cdef int32_t slot
        with cython.critical_section(self):
            self.check_free()
            slot = stream_slot(&self.state, stream)
            if slot < 0:
                raise MemoryError
            self.state.streams[slot].density = density

    @property
    def counters(self):
        """Samples that were ignored or doubtful, by cause, since the recogniser was made."""
        return dict(self.state.counters)

    def down(self, int32_t pointer, double x, double y, int64_t time, int64_t stream=0):
        """Begin a stroke; return the Gesture of an INCOMPLETE one that this ends, else None."""
        return self.sample(DOWN, pointer, x, y, time, stream)

    def move(self, int32_t pointer, double x, double y, int64_t time, int64_t stream=0):
        """Continue a stroke."""
        self.sample(MOVE, pointer, x, y, time, stream)

    def up(self, int32_t pointer, double x, double y, int64_t time, int64_t stream=0):
        """End a stroke; return its Gesture, None where the pointer was not down."""
        return self.sample(UP, pointer, x, y, time, stream)

    def cancel(self, int32_t pointer, double x, double y, int64_t time, int64_t stream=0):
        """End a stroke that the system took away; return its Gesture, None where the pointer was not down."""
        return self.sample(CANCEL, pointer, x, y, time, stream)

    cdef int check_free(self) except -1:
        if self.busy:
            raise RuntimeError("this recognizer is in use by another thread")
        return 0

    cdef object sample(
            self, uint8_t action, int32_t pointer, double x, double y, int64_t time, int64_t stream):
        cdef Record record
        cdef int ended
        with cython.critical_section(self):
            self.check_free()
            ended = step(
                &self.state, self.state.samples, stream, pointer, action, time, <float>x, <float>y, &record)
            self.state.samples += 1
        if ended == 0:
            return None
        if ended < 0:
            raise MemoryError
        return wrap(self.gesture_class, &record)
