"""Torn tails, flipped bits, damaged headers and slots: nothing altered is sent, losses are exact."""

import os
import random
import tracemalloc
import uuid

import pytest
from example_count import examples
from journal_events import HEAD, batches, drain, event_id, number_of, put, segments

from capture._native.journal import crc32c
from capture._native.journal_scan import walk
from capture.store import Store, buffer, context as module, reader
from capture.store.files import read_at
from capture.store.segment import read_header
from capture.testing import FakeClock


def opened(folder, *queues, **more):
    return Store(folder, formats=dict.fromkeys(queues or ("a",), "native"), clock=FakeClock(), **more)


def recorded(folder, count, *, close=True, **more):
    """Record events into a folder as a process that ends, or is killed."""
    store = opened(folder, **more)
    put(store, 0, count)
    if close:
        store.close()
    else:
        store._s.context.claims.release_session()
        store._s.context.claims.delivery.release()
    return segments(folder)


def flip(path, *places):
    data = bytearray(path.read_bytes())
    for place in places:
        data[place] ^= 1 << place % 8
    path.write_bytes(data)


def payload_places(path):
    data = path.read_bytes()
    records, _ = walk(data[HEAD:], read_header(data[:128]).seed)
    return [HEAD + record[0] + 64 for record in records]


def test_a_tail_that_is_cut_at_any_byte(tmp_path):
    (path,) = recorded(tmp_path, 10, close=False)
    data = path.read_bytes()
    records, end = walk(data[HEAD:], read_header(data[:128]).seed)
    assert end == len(data) - HEAD
    for cut in range(HEAD + records[7][0], len(data) + 1):
        path.write_bytes(data[:cut])
        whole = sum(HEAD + at + 64 + size <= cut for at, size, *_ in records)
        store = opened(tmp_path)
        assert drain(store) == list(range(whole)), cut
        assert store.dropped == {}
        # What is recorded then goes to a segment of its own: the torn tail stays where it is.
        put(store, 100, 101)
        assert drain(store) == [100]
        store.close()
        for other in segments(tmp_path):
            other.unlink()


@pytest.mark.parametrize("which", [0, 5, 9], ids=["first", "middle", "last"])
def test_a_damaged_record_is_counted_and_not_sent(tmp_path, which):
    (path,) = recorded(tmp_path, 10)
    flip(path, payload_places(path)[which])
    store = opened(tmp_path)

    assert drain(store) == [n for n in range(10) if n != which]
    assert store.dropped == {"damaged": 1}
    store.close()
    store = opened(tmp_path)
    assert drain(store) == []
    # Counted once, by whoever found it.
    assert store.dropped == {}
    store.close()


def test_two_queues_lose_the_same_events(tmp_path):
    store = opened(tmp_path, "a", "b")
    put(store, 0, 10)
    drain(store, "b", 3)
    store.close()
    (path,) = segments(tmp_path)
    flip(path, payload_places(path)[4], payload_places(path)[5])
    store = opened(tmp_path, "a", "b")

    assert drain(store, "a") == [0, 1, 2, 3, 6, 7, 8, 9]
    assert drain(store, "b") == []
    assert store.dropped == {"damaged": 2}
    assert (store.dropped_of("a"), store.dropped_of("b")) == (2, 0)
    store.close()


def test_damaged_bytes_become_one_dead_letter(tmp_path):
    (path,) = recorded(tmp_path, 10)
    flip(path, payload_places(path)[4])
    store = opened(tmp_path)
    drain(store)

    assert buffer.status(tmp_path).damaged == 1
    (letter,) = buffer.export(tmp_path, dead=True)
    assert letter.reason == "damaged"
    store.close()


@pytest.mark.parametrize("where", [(0, 128), (128, HEAD), (HEAD, None)], ids=["headers", "slots", "records"])
@pytest.mark.parametrize("trial", range(examples(50)))
def test_eight_flipped_bits(tmp_path, trial, where, monkeypatch):
    monkeypatch.setattr(module, "_SEGMENT_BYTES", 8_000)
    chance, sent = random.Random(trial), 0
    store = opened(tmp_path, "a", "b")
    put(store, 0, 400)
    while sent < 150:
        batch = store.next_batch("b", 50)
        store.acknowledge("b", batch)
        sent += batch.count
    store.close()
    for _ in range(8):
        path = chance.choice(segments(tmp_path))
        flip(path, chance.randrange(where[0], where[1] or path.stat().st_size))
    store = opened(tmp_path, "a", "b")
    for queue in ("a", "b"):
        got = []
        while (batch := store.next_batch(queue, 50)) is not None:
            for each, payload in zip(batch.event_ids, batch.payloads, strict=True):
                assert payload == b'{"n":%d}' % number_of(each)
                got.append(number_of(each))
            store.acknowledge(queue, batch)

        assert got == sorted(set(got))
        # What a queue has a second time, because its slot was damaged, it has not lost.
        first = sent if queue == "b" else 0
        lost = 400 - first - len([n for n in got if n >= first])
        # Only where the end mark itself was hit too, a last record may go uncounted.
        assert lost - store.dropped_of(queue) in ({0, 1} if where == (HEAD, None) else {0})
    store.close()


def test_a_damaged_slot_stands_at_the_start(tmp_path):
    store = opened(tmp_path, "a", "b")
    put(store, 0, 10)
    store.acknowledge("a", store.next_batch("a", 5))
    drain(store, "b")
    store.close()
    flip(segments(tmp_path)[0], 128 + 41)
    store = opened(tmp_path, "a", "b")

    assert drain(store, "b") == []
    assert drain(store, "a") == list(range(10))
    assert store.dropped == {}
    store.close()


@pytest.mark.parametrize("place", [0, 9, 17, 33, 125], ids=["magic", "session", "time", "user", "crc"])
def test_a_damaged_header(tmp_path, place):
    (path,) = recorded(tmp_path, 10)
    flip(path, place)
    store = opened(tmp_path)

    assert drain(store) == list(range(10))
    assert store.last_session() == 1
    store.close()


def test_a_header_that_cannot_be_made_out_takes_its_events_along_counted(tmp_path):
    (path,) = recorded(tmp_path, 10)
    flip(path, 9, 125)
    store = opened(tmp_path)
    put(store, 10, 12, session=2)

    assert drain(store) == [10, 11]
    assert store.dropped == {"damaged": 10}
    store.close()


def test_a_segment_of_an_unknown_user_is_deleted_unsent(tmp_path):
    """As a process leaves it that had not noticed yet that the user opted out, and in again."""
    store = opened(tmp_path)
    for user in (7, 8):
        (tmp_path / "state.json").unlink(missing_ok=True)
        store.write_state({"user_id": str(uuid.UUID(int=user))})
        put(store, 0, user, session=user)
        store.release_session()
    store.close()
    store = opened(tmp_path)

    assert store.read_state()["user_id"] == str(uuid.UUID(int=8))
    assert store.last_state()["session_number"] == 8
    assert [number for number, _ in batches(store)] == [8]
    assert store.dropped == {"opted_out": 7}
    assert {path.name[:11] for path in segments(tmp_path)} == {"s0000000008"}
    store.close()


def test_a_segment_of_a_later_version_is_left_alone(tmp_path, monkeypatch):
    (path,) = recorded(tmp_path, 10)
    data = bytearray(path.read_bytes())
    data[4] = 2
    data[124:128] = crc32c(bytes(data[:124])).to_bytes(4, "little")
    path.write_bytes(data)
    store = opened(tmp_path)
    assert drain(store) == []
    assert store.dropped == {}
    store.upkeep()
    # It is listed no more often for it.
    monkeypatch.setattr(reader, "_LIST_S", 1000)
    os.utime(tmp_path, (0, 0))
    index = store._s.index
    index.refresh()
    monkeypatch.setattr(reader, "segment_names", pytest.fail)
    index.refresh()
    monkeypatch.undo()
    store.close()

    assert path.read_bytes() == data


def test_another_process_s_record_that_is_not_whole_is_waited_for(tmp_path):
    writer = opened(tmp_path)
    put(writer, 0, 10)
    (path,) = segments(tmp_path)
    data = path.read_bytes()
    place = payload_places(path)[7]
    reader = opened(tmp_path)
    path.write_bytes(data[: place + 3])
    assert drain(reader) == list(range(7))
    path.write_bytes(data)

    assert drain(reader) == [7, 8, 9]
    assert reader.dropped == {}
    # Damage with a whole record behind it is damage, though the session lives.
    put(writer, 10, 20)
    flip(path, payload_places(path)[12])
    assert drain(reader) == [10, 11, 13, 14, 15, 16, 17, 18, 19]
    assert reader.dropped == {"damaged": 1}
    reader.close()
    writer.close()


def test_a_tried_batch_keeps_its_events_but_for_damaged_ones(tmp_path):
    store = opened(tmp_path)
    put(store, 0, 10)
    batch = store.next_batch("a", 6)
    store.begin_send("a", batch)
    store.end_send("a", batch)
    store.close()
    (path,) = segments(tmp_path)
    flip(path, payload_places(path)[2])
    store = opened(tmp_path)

    got = list(batches(store))
    assert [n for _, numbers in got for n in numbers] == [0, 1, 3, 4, 5, 6, 7, 8, 9]
    assert store.dropped == {"damaged": 1}
    assert event_id(2) not in buffer.status(tmp_path).path
    store.close()


def test_random_bytes_are_no_segment(tmp_path):
    chance = random.Random(5)
    store = opened(tmp_path)
    for number in range(1, 30):
        path = tmp_path / f"s0000000001-{number:06}.seg"
        path.write_bytes(chance.randbytes(chance.randrange(3000)))
    assert drain(store) == []
    store.upkeep()
    put(store, 0, 3, session=2)

    assert drain(store) == [0, 1, 2]
    store.close()


def test_reading_takes_memory_for_what_there_is_and_not_for_what_is_asked(tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")
    tracemalloc.start()
    try:
        assert read_at(tmp_path / "file", 4, 1 << 30) == b"456789"
        assert read_at(tmp_path / "file", 11, 1 << 30) == b""
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
