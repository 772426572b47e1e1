"""Type A contacts: a frame lists all that are there, each as a packet of positions.

Packets with an id continue the contact with that id, the others the nearest contact of the frame before.
"""

cimport cython
from libc.string cimport memset

from capture._native.evdev.codes cimport CANCEL, DOWN, MOVE, UP


@cython.final
cdef class Contacts:
    """The contacts of a type A device; the event model fills the open packet and ends the frames."""

    def __cinit__(self, SampleBuffer samples):
        self.samples = samples
        self.open_packet()

    cdef void open_packet(self) noexcept nogil:
        memset(&self.packet, 0, sizeof(Packet))
        self.packet.id = -1
        self.packet_open = False

    cdef void close_packet(self, int64_t time) noexcept nogil:
        if self.packet_open:
            self.packet_time = time
            if self.packet_count < CONTACTS:
                self.packets[self.packet_count] = self.packet
                self.packet_count += 1
            else:
                self.doubts.repeated_ids += 1
        self.open_packet()

    cdef void clear_frame(self) noexcept nogil:
        self.packet_count = 0
        self.open_packet()

    cdef void cancel_all(self, int64_t time) noexcept nogil:
        cdef Contact *contact
        cdef int index
        for index in range(self.count):
            contact = &self.contacts[index]
            if contact.down:
                self.samples.add(time, contact.pointer, CANCEL, contact.x, contact.y)
        self.count = 0

    cdef void end_frame(self, int64_t time) noexcept nogil:
        self.close_packet(time)
        self.match()
        self.end_contacts(time)
        self.go_on(time)

    cdef void end_contacts(self, int64_t time) noexcept nogil:
        """End the contacts that are gone or touch no more, before others begin."""
        cdef Packet *packet
        cdef Contact *contact
        cdef int index
        cdef int kept = 0
        for index in range(self.count):
            contact = &self.contacts[index]
            if not contact.seen:
                self.doubts.hovering += not contact.felt
                self.lift(time, contact, NULL)
        for index in range(self.packet_count):
            packet = &self.packets[index]
            if packet.matched and not packet.repeated and not touches(&packet.feel, self.has_width):
                self.lift(time, self.find_pointer(packet.pointer), packet)
        for index in range(self.count):
            if self.contacts[index].seen:
                self.contacts[kept] = self.contacts[index]
                kept += 1
        self.count = kept

    cdef void go_on(self, int64_t time) noexcept nogil:
        """Move the contacts that go on, and begin the new ones."""
        cdef Packet *packet
        cdef Contact *contact
        cdef int index
        for index in range(self.packet_count):
            packet = &self.packets[index]
            if packet.repeated:
                self.doubts.repeated_ids += 1
            elif packet.matched:
                contact = self.find_pointer(packet.pointer)
                place(contact, packet)
                if contact.palm or not touches(&packet.feel, self.has_width):
                    continue
                if not contact.down:
                    contact.down = contact.felt = True
                    self.samples.add(time, contact.pointer, DOWN, contact.x, contact.y)
                elif packet.has_x or packet.has_y:
                    self.samples.add(time, contact.pointer, MOVE, contact.x, contact.y)
            else:
                self.begin(time, packet)

    cdef void lift(self, int64_t time, Contact *contact, Packet *packet) noexcept nogil:
        """End a contact that is gone (no packet) or touches no more, at its last place."""
        if packet != NULL and packet.feel.palm and not contact.palm:
            contact.palm = contact.felt = True
            self.doubts.palms += 1
            if contact.down:
                self.samples.add(time, contact.pointer, CANCEL, contact.x, contact.y)
        elif contact.down:
            if packet != NULL:
                place(contact, packet)
            self.samples.add(time, contact.pointer, UP, contact.x, contact.y)
        contact.down = False

    cdef void begin(self, int64_t time, Packet *packet) noexcept nogil:
        cdef Contact *contact
        cdef int32_t pointer = packet.id
        if self.count == CONTACTS:
            self.doubts.repeated_ids += 1
            return
        if pointer < 0:
            pointer = 0
            while self.find_pointer(pointer) != NULL:
                pointer += 1
        contact = &self.contacts[self.count]
        self.count += 1
        contact.pointer = pointer
        contact.id = packet.id
        contact.x = packet.x
        contact.y = packet.y
        contact.seen = True
        contact.palm = packet.feel.palm
        contact.down = touches(&packet.feel, self.has_width)
        contact.felt = contact.down or contact.palm
        self.doubts.palms += contact.palm
        if contact.down:
            self.samples.add(time, pointer, DOWN, contact.x, contact.y)

    cdef Contact *find_pointer(self, int32_t pointer) noexcept nogil:
        cdef int index
        for index in range(self.count):
            if self.contacts[index].pointer == pointer:
                return &self.contacts[index]
        return NULL

    cdef void match(self) noexcept nogil:
        """Mark the packets that continue a contact or repeat an id, and the contacts continued."""
        cdef int index
        for index in range(self.count):
            self.contacts[index].seen = False
        self.match_ids()
        self.match_nearest()

    cdef void match_ids(self) noexcept nogil:
        cdef Packet *packet
        cdef int index, other
        for index in range(self.packet_count):
            packet = &self.packets[index]
            if packet.id < 0:
                continue
            for other in range(index):
                packet.repeated = packet.repeated or self.packets[other].id == packet.id
            if packet.repeated:
                continue
            for other in range(self.count):
                if self.contacts[other].id == packet.id:
                    join(packet, &self.contacts[other])
                    break

    cdef void match_nearest(self) noexcept nogil:
        """Join the nearest pair first; there are at most 32 of each, so that trying all is quick."""
        cdef int index, other, best_packet, best_contact
        cdef double best, dx, dy
        while True:
            best = -1.0
            best_packet = best_contact = 0
            for index in range(self.packet_count):
                if self.packets[index].id >= 0 or self.packets[index].matched:
                    continue
                for other in range(self.count):
                    if self.contacts[other].seen or self.contacts[other].id >= 0:
                        continue
                    dx = <double> self.contacts[other].x - <double> self.packets[index].x
                    dy = <double> self.contacts[other].y - <double> self.packets[index].y
                    if best < 0 or dx * dx + dy * dy < best:
                        best = dx * dx + dy * dy
                        best_packet = index
                        best_contact = other
            if best < 0:
                return
            join(&self.packets[best_packet], &self.contacts[best_contact])


cdef void join(Packet *packet, Contact *contact) noexcept nogil:
    packet.matched = contact.seen = True
    packet.pointer = contact.pointer


cdef void place(Contact *contact, Packet *packet) noexcept nogil:
    if packet.has_x:
        contact.x = packet.x
    if packet.has_y:
        contact.y = packet.y
