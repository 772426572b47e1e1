"""Appending, reading, acknowledging: what a queue gives, and in which order."""

import pytest

from capture.store import Store, StoredEvent
from capture.store.upkeep import drop_to
from capture.testing import START_NS, FakeClock

NOW_MS = START_NS // 1_000_000


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(tmp_path, clock):
    made = Store(tmp_path / "store", formats={"a": "native"}, clock=clock)
    yield made
    made.close()


def put(store, session, *names, wires=("native",), **more):
    for name in names:
        payloads = [(wire, f"{wire}:{name}".encode()) for wire in wires]
        assert store.append(session, payloads, time_ms=NOW_MS, event_id=name, **more)


def names(batch):
    return batch.event_ids


def drain(store, queue="a", size=50):
    got = []
    while (batch := store.next_batch(queue, size)) is not None:
        got.append((batch.session, list(batch.event_ids)))
        store.acknowledge(queue, batch)
    return got


def test_what_another_process_drops_between_two_batches_is_not_missing(tmp_path):
    one, two = (Store(tmp_path, formats={"a": "native"}, clock=FakeClock()) for _ in range(2))
    for n in range(300):
        one.append(1, [("native", b"%d" % n)], time_ms=START_NS // 10**6, event_id=str(n))
    # From the file, and by the cursor alone.
    one._appender.forget_ids()
    one.acknowledge("a", one.next_batch("a", 50))
    with two._writing() as connection:
        assert drop_to(connection, 200) == 150
    batch = one.next_batch("a", 50)
    one.acknowledge("a", batch)

    assert batch.event_ids[0] == "200"
    assert one.dropped == {}
    one.close()
    two.close()


def test_a_batch_holds_one_session_in_order(store):
    put(store, 1, "a", "b")
    put(store, 2, "c")

    assert drain(store) == [(1, ["a", "b"]), (2, ["c"])]


@pytest.mark.parametrize(
    ("size", "max_bytes", "expected"),
    [
        pytest.param(3, 10_000, [3, 2], id="events"),
        pytest.param(50, 16, [2, 2, 1], id="bytes-exactly"),
        pytest.param(50, 15, [1, 1, 1, 1, 1], id="one-byte-short"),
        pytest.param(50, 1, [1, 1, 1, 1, 1], id="a-single-event-may-be-larger"),
    ],
)
def test_bounds_of_a_batch(store, size, max_bytes, expected):
    put(store, 1, *"abcde")
    got = []
    while (batch := store.next_batch("a", size, max_bytes)) is not None:
        got.append(len(batch.payloads))
        store.acknowledge("a", batch)

    assert got == expected


def test_full_says_that_a_bound_ended_the_batch(store):
    put(store, 1, *"abc")

    assert store.next_batch("a", 3).full
    assert not store.next_batch("a", 4).full
    assert store.next_batch("a", 50, 16).full


def test_what_is_not_acknowledged_comes_again(store):
    put(store, 1, "a")

    assert store.next_batch("a", 50) == store.next_batch("a", 50)


def test_interleaved_sessions_are_taken_apart(store):
    for session, name in [(1, "a"), (2, "b"), (1, "c"), (2, "d"), (1, "e")]:
        put(store, session, name)

    assert drain(store) == [(1, ["a", "c", "e"]), (2, ["b", "d"])]
    assert store.pending("a").count == 0


def test_a_skipped_session_waits_and_the_others_are_not_lost(store):
    for session, name in [(1, "a"), (2, "b"), (1, "c"), (2, "d")]:
        put(store, session, name)
    batch = store.next_batch("a", 50, skip=(1,))
    store.acknowledge("a", batch)

    assert names(batch) == ["b", "d"]
    assert store.pending("a").sessions == {1: 2}
    put(store, 2, "e")
    assert drain(store) == [(1, ["a", "c"]), (2, ["e"])]


def test_each_queue_has_its_own_place(tmp_path):
    store = Store(tmp_path, formats={"a": "native", "b": "native"})
    put(store, 1, "x", "y")

    assert drain(store, "a") == [(1, ["x", "y"])]
    assert store.pending("b").count == 2
    assert drain(store, "b") == [(1, ["x", "y"])]
    store.close()


def test_each_queue_gets_its_wire_format(tmp_path):
    store = Store(tmp_path, formats={"a": "native", "b": "currents"})
    put(store, 1, "x", "y", wires=("native", "currents", "unknown"))
    put(store, 1, "z", wires=("currents",))

    assert store.next_batch("a", 50).payloads == [b"native:x", b"native:y"]
    assert store.next_batch("b", 50).payloads == [b"currents:x", b"currents:y", b"currents:z"]
    assert drain(store, "a") == [(1, ["x", "y"])]
    assert drain(store, "b") == [(1, ["x", "y", "z"])]
    assert store.dropped == {}
    store.close()


@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_packed_rows_read_as_single_ones(tmp_path, size):
    store = Store(tmp_path, formats={"a": "native", "b": "currents"})
    events = [
        StoredEvent(
            1 + (n > 70), [("native", b"%d" % n)] + [("currents", b"c%d" % n)] * (n % 3 == 0), NOW_MS, str(n)
        )
        for n in range(130)
    ]
    store.append_many(events)
    put(store, 2, "last")

    got = [name for _, batch in drain(store, "a", size) for name in batch]
    assert got == [*map(str, range(130)), "last"]
    got = [name for _, batch in drain(store, "b", size) for name in batch]
    assert got == [str(n) for n in range(0, 130, 3)]
    assert store.dropped == {}
    store.close()


def test_restart_keeps_places_rows_and_ids(tmp_path):
    store = Store(tmp_path, formats={"a": "native"})
    put(store, 1, *"abcd")
    store.acknowledge("a", store.next_batch("a", 2))
    last = store.next_batch("a", 50).row_ids[-1]
    store.close()
    store = Store(tmp_path, formats={"a": "native"})
    put(store, 1, "e")
    batch = store.next_batch("a", 50)

    assert names(batch) == ["c", "d", "e"]
    assert batch.row_ids[-1] == last + 1
    store.close()


def test_ids_are_never_used_again(tmp_path):
    store = Store(tmp_path, formats={"a": "native"})
    seen = []
    for round_ in range(5):
        put(store, 1, f"e{round_}")
        batch = store.next_batch("a", 50)
        seen += batch.row_ids
        store.acknowledge("a", batch)
        store.upkeep()
        store.close()
        store = Store(tmp_path, formats={"a": "native"})
    store.close()

    assert seen == sorted(set(seen))


def test_two_processes_append_to_one_store(tmp_path):
    # Two stores on one folder share nothing but the files, as two processes do.
    first = Store(tmp_path, formats={"a": "native"})
    second = Store(tmp_path, formats={"a": "native"})
    put(first, 1, "a1")
    put(second, 2, "b1")
    assert drain(first) == [(1, ["a1"]), (2, ["b1"])]
    first.upkeep()
    # The second has not seen that its row is gone: its next id must be above all the same.
    put(second, 2, *[f"b{n}" for n in range(2, 30)])
    put(first, 1, "a2")

    assert drain(first) == [(2, [f"b{n}" for n in range(2, 30)]), (1, ["a2"])]
    assert first.dropped == {}
    first.close()
    second.close()


def test_unsent_events_go_to_the_first_sinks(tmp_path):
    store = Store(tmp_path, formats={})
    put(store, 1, "early")
    assert store.pending("unsent").count == 1
    store.close()
    store = Store(tmp_path, formats={"a": "native"})
    assert drain(store) == [(1, ["early"])]
    store.close()


def test_a_new_sink_starts_with_what_is_new(tmp_path):
    store = Store(tmp_path, formats={"a": "native"})
    put(store, 1, "old")
    store.close()
    store = Store(tmp_path, formats={"a": "native", "b": "native"})
    put(store, 1, "new")

    assert drain(store, "b") == [(1, ["new"])]
    assert drain(store, "a") == [(1, ["old", "new"])]
    store.close()


def test_rows_of_a_removed_sink_are_kept(tmp_path, clock):
    store = Store(tmp_path, formats={"a": "native", "b": "native"}, clock=clock)
    put(store, 1, "x")
    store.close()
    store = Store(tmp_path, formats={"a": "native"}, clock=clock)
    drain(store)
    store.upkeep()
    store.close()
    store = Store(tmp_path, formats={"a": "native", "b": "native"}, clock=clock)

    assert drain(store, "b") == [(1, ["x"])]
    store.close()


def test_dead_letters_leave_the_queue(store):
    put(store, 1, *"abc")
    batch = store.next_batch("a", 1)
    store.move_to_dead_letters("a", batch, "HTTP 400")

    assert drain(store) == [(1, ["b", "c"])]
    rows = store._file._reader.execute("SELECT queue, event_id, reason, payload FROM dead_letters").fetchall()
    assert rows == [("a", "a", "HTTP 400", b"native:a")]


def test_purge_empties_and_goes_on(store):
    put(store, 1, *"abc", state={"screen_count": 9})

    assert store.purge() == 3
    assert store.pending("a").count == 0
    assert store.read_state() == {"screen_count": 9}
    put(store, 1, "d")
    assert drain(store) == [(1, ["d"])]
    assert store.dropped == {}


def test_destroy_leaves_an_empty_folder(store):
    put(store, 1, "a", state={"user_id": "u"})
    store.claim_session(1)
    store.claim_delivery()
    store.destroy()

    assert list(store.folder.iterdir()) == []
