"""The evdev event model: events become frames, frames become touch samples.

One sample per contact per frame, at SYN_REPORT's time. The protocol (single touch, type A, type B) is
given once per device; without it (standard input, nothing telling seen yet) it follows the events.
"""

cimport cython
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from capture._native.evdev.codes cimport *
from capture._native.evdev.contacts cimport Contacts, Packet, touches
from capture._native.evdev.samples cimport SampleBuffer
from capture._native.evdev.scan cimport look

cdef int64_t CLOCK_STEP_NS = 3600 * <int64_t> 1000000000
#: The events of a frame are no farther apart.
cdef int64_t FRAME_NS = 5 * 1000000
cdef int64_t NO_TIME = -0x7fffffffffffffff


@cython.final
cdef class EventModel:
    """Turn evdev events into touch samples; not for several threads at once.

    Parameters
    ----------
    protocol : int
        0 not known, 1 single touch, 2 type A, 3 type B.
    follow : bool
        The protocol is detected from the events so far: change it when later events need another.
    scanning : bool
        Look at the events (protocol, largest values), but write no samples.
    x_axis, y_axis : tuple of (low, size, span)
        ``px = (raw - low) * size / span``; a negative size counts from the other end.
    swapped : bool
        The raw y gives x, and the raw x gives y.
    left_button : bool
        BTN_LEFT is the contact of a single-touch device; with `follow` that is found out.
    """

    def __cinit__(
        self,
        int protocol=0,
        *,
        bint follow=False,
        bint scanning=False,
        x_axis=(0, 1, 1),
        y_axis=(0, 1, 1),
        bint swapped=False,
        bint left_button=False,
    ):
        if not 0 <= protocol <= 3:
            raise ValueError(f"protocol {protocol}: expected 0 to 3")
        self.protocol = protocol
        self.follow = follow
        self.scanning = scanning
        self.left_button = left_button
        self.last_time = NO_TIME
        self.samples = SampleBuffer(x_axis, y_axis, swapped)
        self.type_a = Contacts(self.samples)
        self.type_a.doubts = &self.doubts
        self.slots = <Slot *> calloc(SLOTS, sizeof(Slot))
        self.touched = <int *> calloc(SLOTS, sizeof(int))
        if not (self.slots and self.touched):
            raise MemoryError
        cdef int index
        for index in range(SLOTS):
            self.slots[index].id = -1

    def __dealloc__(self):
        free(self.slots)
        free(self.touched)

    def event(self, int64_t time, int kind, int code, int32_t value):
        """Feed one event; `time` is in nanoseconds."""
        self.add(time, kind, code, value)
        self.samples.check()

    def begin(self, int slot, int32_t x, int32_t y):
        """Set the state of the device before the first event: its slot and the last position of slot 0."""
        self.slot = slot if 0 <= slot < SLOTS else -1
        self.slots[0].x = x
        self.slots[0].y = y

    def take(self):
        """Return the samples written so far as (pointer, action, time, x, y) bytes, and forget them."""
        return self.samples.take()

    def __len__(self):
        return self.samples.count

    @property
    def seen_protocol(self):
        """The protocol that the events seen ask for; 0 when no touch was seen."""
        if self.seen.protocol == UNKNOWN and self.asks_for_left_button:
            return SINGLE
        return self.seen.protocol

    @property
    def asks_for_left_button(self):
        """Whether BTN_LEFT is the contact: absolute places, no BTN_TOUCH, no relative ones."""
        return bool(
            self.seen.left_button and self.seen.places and not self.seen.touch_button and not self.seen.rel
        )

    @property
    def largest(self):
        """The largest value seen of (x, y) for the protocol that the events ask for."""
        if self.seen.protocol >= TYPE_A:
            return self.seen.max_mt_x, self.seen.max_mt_y
        return self.seen.max_x, self.seen.max_y

    def doubt_counts(self):
        """Return counts of skipped and repaired events, by cause; with an open frame and contacts down."""
        cdef int down = 0
        cdef int hovering = 0
        cdef int index
        cdef Slot *slot
        for index in range(SLOTS):
            slot = &self.slots[index]
            down += slot.down
            hovering += slot.id >= 0 and not (slot.felt or slot.fresh)
        for index in range(self.type_a.count):
            down += self.type_a.contacts[index].down
            hovering += not self.type_a.contacts[index].felt
        counts = dict(self.doubts)
        counts["hovering"] += hovering
        counts["missing_lift"] = down
        counts["unfinished_frame"] = int(self.open_frame)
        return {cause: count for cause, count in counts.items() if count}

    cdef void add(self, int64_t time, int type, int code, int32_t value) noexcept nogil:
        if self.scanning:
            look(&self.seen, type, code, value)
            return
        if type == EV_SYN:
            if self.skipping:
                self.skipping = code != SYN_REPORT
            elif code == SYN_REPORT:
                self.end_frame(time)
            elif code == SYN_MT_REPORT:
                if self.follow and self.protocol != TYPE_A:
                    self.change_protocol(TYPE_A)
                if (
                        self.type_a.packet_count and not self.type_a.packet_open
                        and time - self.type_a.packet_time > FRAME_NS):
                    # All fingers left, and the report of the frame in which they were down is lost.
                    self.end_frame(self.type_a.packet_time)
                self.type_a.close_packet(time)
            elif code == SYN_DROPPED:
                self.doubts.dropped_by_device += 1
                self.cancel_all(time)
                self.skipping = True
            return
        if self.skipping:
            return
        self.open_frame = True
        if type == EV_ABS:
            self.axis(code, value)
        elif type == EV_KEY:
            self.key(code, value)
        elif type == EV_REL:
            if self.follow and code == REL_X:
                self.seen.rel = True
                self.left_button = False
        elif type > EV_MAX:
            self.doubts.unknown_codes += 1

    cdef void key(self, int code, int32_t value) noexcept nogil:
        if self.follow and code == BTN_TOUCH:
            self.seen.touch_button = True
            self.left_button = False
        elif self.follow and code == BTN_LEFT and not (self.seen.touch_button or self.seen.rel):
            self.left_button = True
        if self.protocol <= SINGLE and (code == BTN_TOUCH or (code == BTN_LEFT and self.left_button)):
            if value == 1:
                if self.slots[0].id == 0 and not self.slots[0].fresh:
                    # Pressed again: the line with the lift is lost.
                    self.set_slot_id(0, -1)
                self.set_slot_id(0, 0)
            elif value == 0:
                self.set_slot_id(0, -1)
        elif code > KEY_MAX:
            self.doubts.unknown_codes += 1

    cdef void axis(self, int code, int32_t value) noexcept nogil:
        if code == ABS_MT_POSITION_X or code == ABS_MT_POSITION_Y:
            if self.protocol == TYPE_B:
                self.place(self.slot, code == ABS_MT_POSITION_X, value)
                return
            self.type_a.packet_open = True
            if code == ABS_MT_POSITION_X:
                self.type_a.packet.x = value
                self.type_a.packet.has_x = True
            else:
                self.type_a.packet.y = value
                self.type_a.packet.has_y = True
        elif code == ABS_MT_TRACKING_ID:
            if self.protocol == TYPE_A:
                self.type_a.packet.id = value
                self.type_a.packet_open = self.type_a.packet_open or value >= 0
                return
            if self.follow and self.protocol <= SINGLE:
                self.change_protocol(TYPE_B)
            if self.protocol == TYPE_B:
                self.set_slot_id(self.slot, value)
        elif code == ABS_MT_SLOT:
            if self.follow and self.protocol <= SINGLE:
                self.change_protocol(TYPE_B)
            self.slot = value if 0 <= value < SLOTS else -1
        elif code == ABS_X or code == ABS_Y:
            if self.protocol <= SINGLE:
                self.place(0, code == ABS_X, value)
        elif code == ABS_MT_PRESSURE:
            self.feel().no_pressure = value == 0
        elif code == ABS_MT_DISTANCE:
            self.feel().away = value > 0
        elif code == ABS_MT_TOUCH_MAJOR:
            self.feel().no_width = value == 0
            self.type_a.has_width = self.type_a.has_width or value > 0
        elif code == ABS_MT_TOOL_TYPE:
            if value == TOOL_PALM:
                self.feel().palm = True
        elif code > ABS_MAX:
            self.doubts.unknown_codes += 1

    cdef Feel *feel(self) noexcept nogil:
        """Return the state of the contact that the events are about."""
        if self.protocol != TYPE_B:
            return &self.type_a.packet.feel
        return &self.touch(self.slot).feel if self.slot >= 0 else &self.astray

    cdef void place(self, int index, bint is_x, int32_t value) noexcept nogil:
        cdef Slot *slot = self.touch(index)
        if slot == NULL:
            return
        slot.moved = True
        if is_x:
            slot.x = value
        else:
            slot.y = value

    cdef Slot *touch(self, int index) noexcept nogil:
        """Return the slot, listed among those of this frame; NULL for a slot number out of range."""
        if index < 0:
            self.doubts.positions_without_contact += 1
            return NULL
        cdef Slot *slot = &self.slots[index]
        if not slot.touched:
            slot.touched = True
            self.touched[self.touched_count] = index
            self.touched_count += 1
        return slot

    cdef void set_slot_id(self, int index, int32_t id) noexcept nogil:
        cdef Slot *slot = self.touch(index)
        if slot == NULL or slot.id == id:
            if id < 0 and self.protocol <= SINGLE:
                self.doubts.up_without_down += 1
            return
        if slot.id >= 0 and slot.down and not slot.ended:
            slot.ended = True
            slot.ended_palm = slot.feel.palm
            slot.up_x = slot.x
            slot.up_y = slot.y
        elif slot.id >= 0 and slot.fresh and touches(&slot.feel, self.type_a.has_width):
            slot.shorts += 1
            slot.sample_x = slot.x
            slot.sample_y = slot.y
        elif slot.id >= 0:
            self.doubts.hovering += not slot.felt
        slot.id = id if id >= 0 else -1
        if id >= 0:
            slot.fresh = True
            slot.felt = False
            memset(&slot.feel, 0, sizeof(Feel))

    cdef void end_frame(self, int64_t time) noexcept nogil:
        if self.last_time != NO_TIME:
            if time < self.last_time:
                self.doubts.time_went_back += 1
            elif time - self.last_time > CLOCK_STEP_NS:
                self.doubts.clock_steps += 1
        self.last_time = time
        if self.protocol == TYPE_A:
            self.type_a.end_frame(time)
        elif self.touched_count:
            self.end_slots(time)
        elif self.type_a.packet_open:
            self.doubts.positions_without_contact += 1
        self.clear_frame()

    cdef void end_slots(self, int64_t time) noexcept nogil:
        cdef Slot *slot
        cdef int at, index
        # Lifts first: a contact that ends and one that begins in one frame were never down together.
        for at in range(self.touched_count):
            self.lift_slot(time, self.touched[at])
        for at in range(self.touched_count):
            index = self.touched[at]
            slot = &self.slots[index]
            for _ in range(slot.shorts):
                self.samples.add(time, index, DOWN, slot.sample_x, slot.sample_y)
                self.samples.add(time, index, UP, slot.sample_x, slot.sample_y)
            if slot.id >= 0:
                if slot.feel.palm and not slot.felt:
                    slot.felt = True
                    self.doubts.palms += 1
                if touches(&slot.feel, self.type_a.has_width):
                    if not slot.down:
                        slot.down = slot.felt = True
                        self.samples.add(time, index, DOWN, slot.x, slot.y)
                    elif slot.moved:
                        self.samples.add(time, index, MOVE, slot.x, slot.y)
                slot.sample_x = slot.x
                slot.sample_y = slot.y
            elif slot.moved and not slot.ended and not slot.shorts and not slot.fresh:
                self.doubts.positions_without_contact += 1

    cdef void lift_slot(self, int64_t time, int index) noexcept nogil:
        """End the contact of a slot that was down, where this frame ended it or it touches no more."""
        cdef Slot *slot = &self.slots[index]
        if not slot.down:
            return
        if not slot.ended:
            if touches(&slot.feel, self.type_a.has_width):
                return
            slot.ended_palm = slot.feel.palm
            slot.up_x = slot.x
            slot.up_y = slot.y
        elif self.protocol <= SINGLE and slot.id < 0 and not slot.shorts:
            slot.up_x = slot.x
            slot.up_y = slot.y
        slot.down = False
        if slot.ended_palm:
            self.doubts.palms += 1
            self.samples.add(time, index, CANCEL, slot.sample_x, slot.sample_y)
        else:
            self.samples.add(time, index, UP, slot.up_x, slot.up_y)

    cdef void clear_frame(self) noexcept nogil:
        cdef int at
        cdef Slot *slot
        for at in range(self.touched_count):
            slot = &self.slots[self.touched[at]]
            slot.touched = slot.moved = slot.ended = slot.ended_palm = slot.fresh = False
            slot.shorts = 0
        self.touched_count = 0
        if self.protocol != TYPE_B:
            self.type_a.clear_frame()
        self.open_frame = False

    cdef void cancel_all(self, int64_t time) noexcept nogil:
        """End every contact that is down by CANCEL, where its last sample was; forget the open frame."""
        cdef Slot *slot
        cdef int index
        for index in range(SLOTS):
            slot = &self.slots[index]
            if slot.down:
                self.samples.add(time, index, CANCEL, slot.sample_x, slot.sample_y)
            slot.down = False
            slot.id = -1
        self.type_a.cancel_all(time)
        self.clear_frame()

    cdef void change_protocol(self, int protocol) noexcept nogil:
        """Follow the events when the protocol was not known before (standard input)."""
        cdef bint open_frame = self.open_frame
        cdef Packet packet = self.type_a.packet
        cdef bint packet_open = self.type_a.packet_open
        if self.protocol != UNKNOWN:
            self.doubts.protocol_changed += 1
        self.cancel_all(self.last_time)
        self.protocol = protocol
        self.open_frame = open_frame
        if protocol == TYPE_A:
            self.type_a.packet = packet
            self.type_a.packet_open = packet_open
        elif packet_open:
            # Positions that came before the first id of the device belong to slot 0.
            self.slots[0].x = packet.x
            self.slots[0].y = packet.y
            self.slots[0].feel = packet.feel
            self.touch(0).moved = True
