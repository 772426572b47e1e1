"""Appending, reading, acknowledging: what a queue returns, and in which order."""

import sys
from pathlib import Path

import pytest
from journal_events import NOW_MS, batches, drain, event_id, number_of, put, segments

from capture.errors import ConfigError
from capture.store import Store, StoredEvent, context as module, segment
from capture.testing import FakeClock

OPEN_FILES = Path("/proc/self/fd")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(tmp_path, clock):
    made = Store(tmp_path / "store", formats={"a": "native"}, clock=clock)
    yield made
    made.close()


def opened(folder, *queues, **more):
    return Store(folder, formats=dict.fromkeys(queues or ("a",), "native"), clock=FakeClock(), **more)


def open_files(folder):
    """Return the segments of a folder that this process has open, deleted ones too."""
    links = [str(link.readlink()) for link in OPEN_FILES.iterdir() if link.is_symlink()]
    return [link for link in links if link.startswith(str(folder)) and ".seg" in link]


def test_a_batch_holds_one_session_in_order(store):
    put(store, 0, 2, session=1)
    put(store, 2, 3, session=2)

    assert list(batches(store)) == [(1, [0, 1]), (2, [2])]


@pytest.mark.parametrize(
    ("size", "max_bytes", "expected"),
    [
        pytest.param(3, 10_000, [3, 2], id="events"),
        pytest.param(50, 14, [2, 2, 1], id="bytes-exactly"),
        pytest.param(50, 13, [1, 1, 1, 1, 1], id="one-byte-short"),
        pytest.param(50, 1, [1, 1, 1, 1, 1], id="a-single-event-may-be-larger"),
    ],
)
def test_bounds_of_a_batch(store, size, max_bytes, expected):
    put(store, 0, 5)
    got = []
    while (batch := store.next_batch("a", size, max_bytes)) is not None:
        got.append(batch.count)
        store.acknowledge("a", batch)

    assert got == expected


def test_full_says_that_a_bound_ended_the_batch(store):
    put(store, 0, 3)

    assert not store.next_batch("a", 4).full
    assert store.next_batch("a", 2).full
    assert store.next_batch("a", 50, 15).full


def test_a_batch_that_was_tried_stays_as_it_is(tmp_path):
    store = opened(tmp_path)
    put(store, 0, 5)
    batch = store.next_batch("a", 3)
    assert store.begin_send("a", batch)
    store.end_send("a", batch)
    put(store, 5, 9)
    again = store.next_batch("a", 50)
    assert again.event_ids == batch.event_ids
    assert store.next_batch("a", 1, apart=True).event_ids == batch.event_ids[:1]
    store.close()
    store = opened(tmp_path)

    assert store.next_batch("a", 2).event_ids == batch.event_ids
    assert drain(store) == list(range(9))
    store.close()


def test_interleaved_sessions_are_taken_apart(store):
    for n, session in enumerate([1, 2, 1, 2, 1]):
        put(store, n, n + 1, session=session)

    assert sorted(drain(store)) == [0, 1, 2, 3, 4]
    assert store.pending("a").count == 0
    assert store.dropped == {}


def test_a_skipped_session_waits_and_the_others_are_not_lost(store):
    put(store, 0, 2, session=1)
    put(store, 2, 4, session=2)
    batch = store.next_batch("a", 50, skip=(1,))
    store.acknowledge("a", batch)

    assert list(map(number_of, batch.event_ids)) == [2, 3]
    assert store.pending("a").sessions == {1: 2}
    put(store, 4, 5, session=2)
    assert list(batches(store)) == [(1, [0, 1]), (2, [4])]


def test_each_queue_has_its_own_place(tmp_path):
    store = opened(tmp_path, "a", "b")
    put(store, 0, 2)

    assert drain(store, "a") == [0, 1]
    assert store.pending("b").count == 2
    assert drain(store, "b") == [0, 1]
    store.close()


def test_each_queue_gets_its_wire_format(tmp_path):
    store = Store(tmp_path, formats={"a": "native", "b": "currents"})
    put(store, 0, 2, wires=("native", "currents", "unknown"))
    put(store, 2, 3, wires=("currents",))
    put(store, 3, 4, wires=("unknown",))

    assert drain(store, "a") == [0, 1]
    assert drain(store, "b") == [0, 1, 2]
    assert store.dropped == {}
    store.close()


@pytest.mark.parametrize("size", [1, 7, 50, 1000])
def test_a_call_of_many_events_is_read_as_single_ones(tmp_path, size):
    store = Store(tmp_path, formats={"a": "native", "b": "currents"})
    events = [
        StoredEvent(
            1 + (n > 70),
            [("native", b"%d" % n)] + [("currents", b"c%d" % n)] * (n % 3 == 0),
            NOW_MS,
            event_id(n),
        )
        for n in range(130)
    ]
    assert store.append_many(events)
    put(store, 130, 131, session=2)

    assert drain(store, "a", size) == list(range(131))
    assert drain(store, "b", size) == list(range(0, 130, 3))
    assert store.dropped == {}
    store.close()


def test_large_events(store):
    sizes = [1, 7, 8, 9, 70_000, 300_000, 3_000_000]
    for n, size in enumerate(sizes):
        put(store, n, n + 1, payload=b"x" * size)
    got = []
    while (batch := store.next_batch("a", 50)) is not None:
        got += map(len, batch.payloads)
        store.acknowledge("a", batch)

    assert got == sizes


def test_segments_end_at_their_size_and_go_when_they_are_done(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SEGMENT_BYTES", 10_000)
    store = opened(tmp_path)
    put(store, 0, 500)
    assert len(segments(tmp_path)) == 5
    assert drain(store) == list(range(500))

    # The one that is written stays.
    assert len(segments(tmp_path)) == 1
    assert store.dropped == {}
    store.close()


@pytest.mark.skipif(not OPEN_FILES.exists(), reason="no /proc/self/fd")
def test_at_most_one_segment_is_kept_open_for_the_delivery(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SEGMENT_BYTES", 1100)
    store, found = Store(tmp_path, formats={"a": "native", "b": "native"}, clock=FakeClock()), []
    put(store, 0, 40)
    written = set(open_files(tmp_path))
    for queue in "abab":
        batch = store.next_batch(queue, 15)
        assert store.begin_send(queue, batch)
        store.end_send(queue, batch)
        store.acknowledge(queue, batch)
        found.append(len(open_files(tmp_path)) - len(written))
    drain(store, "a")
    drain(store, "b")
    store.close()

    assert set(found) == {0, 1}
    assert open_files(tmp_path) == []


def test_a_signal_handler_may_look_at_any_line_of_a_delivery(tmp_path):
    store = Store(tmp_path, formats={"a": "native", "b": "native"}, clock=FakeClock())
    put(store, 0, 60)
    looks, folder = set(), str(Path(module.__file__).parent)

    def look(frame, event, _):
        if event == "line" and frame.f_code.co_filename.startswith(folder):
            looks.add(number_of(store.next_batch("b", 5).event_ids[0]))
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        sent = drain(store, "a", 7)
    finally:
        sys.settrace(before)

    assert sent == drain(store, "b") == list(range(60))
    assert looks == {0}
    assert store.dropped == {}
    store.close()


def test_a_restart_goes_on_where_it_was(tmp_path):
    store = opened(tmp_path)
    put(store, 0, 4)
    store.acknowledge("a", store.next_batch("a", 2))
    store.close()
    store = opened(tmp_path)
    put(store, 4, 5)

    assert drain(store) == [2, 3, 4]
    store.close()


def test_two_processes_append_to_one_store(tmp_path):
    # Two stores on one folder share nothing but the files, as two processes do.
    first, second = opened(tmp_path), opened(tmp_path)
    put(first, 0, 1, session=1)
    put(second, 10, 11, session=2)
    assert sorted(drain(first)) == [0, 10]
    assert second.next_batch("a", 50) is None
    first.upkeep()
    put(second, 11, 30, session=2)
    put(first, 1, 2, session=1)

    assert drain(first) == [1, *range(11, 30)]
    assert first.dropped == {}
    first.close()
    second.close()


def test_the_delivery_is_taken_over_with_every_position(tmp_path):
    first, second = opened(tmp_path), opened(tmp_path)
    put(first, 0, 100, session=1)
    put(second, 100, 200, session=2)
    got = [*first.next_batch("a", 30).event_ids]
    first.acknowledge("a", first.next_batch("a", 30))
    first.release_delivery()
    assert second.claim_delivery()

    assert [*map(number_of, got), *drain(second)] == list(range(200))
    first.close()
    second.close()


@pytest.mark.parametrize("queues", [("a",), ("a", "b"), tuple("abcdefg")])
def test_unsent_events_go_to_the_first_sinks(tmp_path, queues):
    store = Store(tmp_path, formats={})
    put(store, 0, 1)
    assert store.pending("unsent").count == 1
    store.close()
    for _ in range(2):
        store = opened(tmp_path, *queues)
        for queue in queues:
            assert store.pending(queue).count == 1
        assert store.claim_delivery()
        store.upkeep()
        store.close()
    store = opened(tmp_path, *queues)

    for queue in queues:
        assert drain(store, queue) == [0]
    store.close()


def test_a_new_sink_starts_with_what_is_new(tmp_path):
    store = opened(tmp_path)
    put(store, 0, 1)
    store.close()
    store = opened(tmp_path, "a", "b")
    put(store, 1, 2)

    assert drain(store, "b") == [1]
    assert drain(store, "a") == [0, 1]
    store.close()


def test_events_of_a_removed_sink_are_kept(tmp_path):
    store = opened(tmp_path, "a", "b")
    put(store, 0, 1)
    store.close()
    store = opened(tmp_path, "a")
    drain(store)
    store.upkeep()
    store.close()
    store = opened(tmp_path, "a", "b")

    assert drain(store, "b") == [0]
    store.close()


def test_names_of_queues_may_be_long(tmp_path):
    names = ["n" * 60, "n" * 61, "é" * 40]
    store = opened(tmp_path, *names)
    put(store, 0, 3)
    store.close()
    store = opened(tmp_path, *names)

    for name in names:
        assert drain(store, name) == [0, 1, 2]
    store.close()


def test_two_wire_formats_with_one_number_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(segment, "wire_number", lambda _: 7)
    with pytest.raises(ConfigError, match="its number in the store is that of currents"):
        Store(tmp_path, formats={"a": "native", "b": "currents"})


def test_dead_letters_leave_the_queue(store):
    put(store, 0, 3)
    batch = store.next_batch("a", 1)
    assert store.move_to_dead_letters("a", batch, "HTTP 400")

    assert drain(store) == [1, 2]
    assert store.retry() == 1
    assert drain(store) == [0]


def test_what_is_purged_while_it_is_sent_stays_purged(store):
    put(store, 0, 5)
    batch = store.next_batch("a", 3)
    assert store.begin_send("a", batch)
    assert store.purge() == 5
    store.end_send("a", batch)

    assert not store.acknowledge("a", batch)
    assert store.pending("a").count == 0
    put(store, 5, 7)
    assert store.pending("a").count == 2
    assert drain(store) == [5, 6]


def test_purge_empties_and_goes_on(store):
    put(store, 0, 3, screens=9)

    assert store.purge() == 3
    assert store.pending("a").count == 0
    put(store, 3, 4)
    assert drain(store) == [3]
    assert store.dropped == {"purged": 3}


def test_destroy_leaves_what_is_not_its_own(store):
    put(store, 0, 1)
    store.write_state({"user_id": "u"})
    store.claim_delivery()
    for name in ("photo.jpg", "state.json.txt", "s1.seg", "capture.db", "capture.db-wal"):
        (store.folder / name).touch()
    store.destroy()

    assert sorted(path.name for path in store.folder.iterdir()) == ["photo.jpg", "s1.seg", "state.json.txt"]


def test_a_goal_does_not_move(store):
    put(store, 0, 120)
    goal = store.goal("a")
    put(store, 120, 200)
    got = []
    while not store.reached("a", goal):
        batch = store.next_batch("a", 50)
        assert goal.covers(batch)
        got += batch.event_ids
        store.acknowledge("a", batch)

    assert len(got) == 150
    assert not goal.covers(store.next_batch("a", 50))


def test_a_call_of_which_a_record_is_missing_is_not_there(tmp_path):
    store = opened(tmp_path)
    put(store, 0, 2)
    size = segments(tmp_path)[0].stat().st_size
    store.append_many([StoredEvent(1, [("native", b"%d" % n)], NOW_MS, event_id(n)) for n in range(2, 5)])
    store.release_session()
    data = segments(tmp_path)[0].read_bytes()
    store.close()
    for cut in range(size, size + 3 * 72):
        segments(tmp_path)[0].write_bytes(data[:cut])
        store = opened(tmp_path)
        # Without its padding the last record is whole.
        assert drain(store) == ([0, 1] if cut < size + 3 * 72 - 7 else [0, 1, 2, 3, 4]), cut
        assert store.dropped == {}
        store.close()


def test_a_sink_with_another_wire_format_does_not_get_events_of_the_former_one(tmp_path, caplog):
    former = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    put(former, 0, 3)
    former.close()
    store = Store(tmp_path, formats={"a": "currents"}, clock=FakeClock())
    put(store, 3, 5, session=2, wires=("currents",))
    assert drain(store) == [3, 4]
    assert store.pending("a").count == 0
    store.close()
    again = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())

    assert drain(again) == [0, 1, 2]
    assert caplog.text.count("events in its former wire format are not sent") == 1
    again.close()


def test_a_sink_that_had_all_before_its_wire_format_was_changed_is_not_told(tmp_path, caplog):
    former = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    put(former, 0, 3)
    assert drain(former) == [0, 1, 2]
    former.close()
    store = Store(tmp_path, formats={"a": "currents"}, clock=FakeClock())
    assert drain(store) == []
    store.close()

    assert caplog.text == ""


def test_an_answer_after_the_close_writes_no_slot(tmp_path):
    closed = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    put(closed, 0, 9)
    late = closed.next_batch("a", 3)
    assert closed.begin_send("a", late)
    closed.close()
    store = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    batches_of_three = batches(store, size=3)
    assert [next(batches_of_three)[1] for _ in range(2)] == [[0, 1, 2], [3, 4, 5]]
    path = segments(tmp_path)[0]
    before = path.read_bytes()
    closed.acknowledge("a", late)

    assert path.read_bytes() == before
    store.close()


def test_the_slots_of_many_queues_are_read_once_all_are_there(tmp_path):
    queues = {f"q{n}": "native" for n in range(100)}
    writing, store = (Store(tmp_path, formats=queues, clock=FakeClock()) for _ in range(2))
    assert store.claim_delivery()
    assert writing.claim_session(1)
    put(writing, 0, 3)
    path = segments(tmp_path)[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:4096])  # as a write looks that the system has not ended
    assert store.next_batch("q99", 50) is None
    path.write_bytes(whole)

    assert drain(store, "q0") == drain(store, "q99") == [0, 1, 2]
    store.close()
    writing.close()
