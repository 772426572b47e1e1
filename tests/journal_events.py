"""Events for tests of the store: ids by number, and what a sink would do with them."""

import uuid

from capture.testing import START_NS

NOW_MS = START_NS // 1_000_000
HEAD = 576
RECORD = 64


def event_id(number):
    """Return the id of an event."""
    return str(uuid.UUID(int=number + 1))


def number_of(event):
    """Return the number of an id."""
    return uuid.UUID(event).int - 1


def put(store, first, last, *, session=1, payload=None, wires=("native",), time_ms=NOW_MS, **more):
    """Append events by number; return whether each was written at once."""
    return [
        store.append(
            session,
            [(wire, payload or b'{"n":%d}' % n) for wire in wires],
            time_ms=time_ms,
            event_id=event_id(n),
            **more,
        )
        for n in range(first, last)
    ]


def batches(store, queue="a", size=50, tries=100_000):
    """Deliver what is stored; yield (session, numbers) of each batch."""
    for _ in range(tries):
        batch = store.next_batch(queue, size)
        if batch is None:
            return
        assert store.begin_send(queue, batch)
        store.end_send(queue, batch)
        assert store.acknowledge(queue, batch)
        yield batch.session, [number_of(each) for each in batch.event_ids]
    raise AssertionError("it never ends")


def drain(store, queue="a", size=50):
    """Deliver what is stored; return the numbers, in the order of sending."""
    return [n for _, numbers in batches(store, queue, size) for n in numbers]


def segments(folder):
    """Return the segments of a folder in their order."""
    return sorted(folder.glob("[sr]*.seg"))
