"""Type A contacts: which packet of this frame continues which contact of the previous frame.

A frame lists all its contacts. Those with an id are matched by it, the others to the nearest contact.
"""


cdef void match(Packet *packets, int packet_count, Contact *contacts, int contact_count) noexcept nogil:
    """Mark packets that continue a contact, packets that repeat an id, and contacts that are continued."""
    cdef int index
    for index in range(contact_count):
        contacts[index].seen = False
    match_ids(packets, packet_count, contacts, contact_count)
    match_nearest(packets, packet_count, contacts, contact_count)


cdef void continue_contact(Packet *packet, Contact *contact) noexcept nogil:
    packet.matched = contact.seen = True
    packet.pointer = contact.pointer


cdef void match_ids(Packet *packets, int packet_count, Contact *contacts, int contact_count) noexcept nogil:
    cdef int index, other
    for index in range(packet_count):
        if packets[index].id < 0:
            continue
        for other in range(index):
            if packets[other].id == packets[index].id:
                packets[index].repeated = True
                break
        if packets[index].repeated:
            continue
        for other in range(contact_count):
            if contacts[other].id == packets[index].id:
                continue_contact(&packets[index], &contacts[other])
                break


cdef void match_nearest(
    Packet *packets, int packet_count, Contact *contacts, int contact_count
) noexcept nogil:
    """Join the nearest pair first; there are at most 32 of each, so that trying all is quick."""
    cdef int index, other, best_packet, best_contact
    cdef double best, dx, dy
    while True:
        best = -1.0
        best_packet = best_contact = 0
        for index in range(packet_count):
            if packets[index].id >= 0 or packets[index].matched:
                continue
            for other in range(contact_count):
                if contacts[other].seen or contacts[other].id >= 0:
                    continue
                dx = <double> contacts[other].x - <double> packets[index].x
                dy = <double> contacts[other].y - <double> packets[index].y
                if best < 0 or dx * dx + dy * dy < best:
                    best = dx * dx + dy * dy
                    best_packet = index
                    best_contact = other
        if best < 0:
            return
        continue_contact(&packets[best_packet], &contacts[best_contact])
