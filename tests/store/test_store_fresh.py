"""The newest rows at hand: the same batches as the file would give, and the file wherever it knows better."""

import pytest
from hypothesis import given, settings, strategies as st

from capture.store import Store, StoredEvent
from capture.store.fresh import MAX_FRESH, Fresh
from capture.store.queue import Queue
from capture.testing import START_NS, FakeClock

NOW_MS = START_NS // 1_000_000
WIRES = {"a": "native", "b": "currents"}


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "store", formats=WIRES, clock=FakeClock())
    yield made
    made.close()


def put(store, session, name, wires=("native",)):
    payloads = [(wire, f"{wire}:{name}".encode()) for wire in wires]
    assert store.append(session, payloads, time_ms=NOW_MS, event_id=name)


def row(row_id, session=1, wire="native"):
    return (row_id, session, wire, 1, NOW_MS, 0, f"id{row_id}", b"payload", b"")


def fresh_of(*rows):
    fresh = Fresh()
    for each in rows:
        fresh.add(each)
    return fresh


def taken(fresh, cursor, **bounds):
    wanted = {"max_events": 50, "max_bytes": 1000, "skip": (), **bounds}
    batch = fresh.batch("a", "native", cursor, **wanted)
    return None if batch is None else (batch.row_ids, batch.floor, batch.full)


@pytest.mark.parametrize(
    ("fresh", "cursor", "bounds", "expected"),
    [
        pytest.param(fresh_of(), 0, {}, None, id="nothing"),
        pytest.param(fresh_of(row(1), row(2)), 0, {}, ([1, 2], 2, False), id="all"),
        pytest.param(fresh_of(row(1), row(2)), 2, {}, None, id="all-done"),
        pytest.param(fresh_of(row(1), row(2)), 0, {"max_events": 2}, ([1, 2], 2, True), id="exactly-full"),
        pytest.param(fresh_of(row(1), row(2)), 0, {"max_events": 1}, ([1], 1, True), id="full"),
        pytest.param(fresh_of(row(2), row(3)), 0, {}, None, id="too-old-to-be-here"),
        pytest.param(fresh_of(row(1), row(3)), 0, {}, None, id="another-process-wrote"),
        pytest.param(fresh_of(row(1), row(2, session=2)), 0, {}, None, id="a-change-of-session"),
        pytest.param(
            fresh_of(row(1), row(2, session=2)), 0, {"max_events": 1}, ([1], 1, True), id="full-before-it"
        ),
        pytest.param(fresh_of(row(1)), 0, {"skip": [1]}, None, id="a-session-to-skip"),
        pytest.param(fresh_of(row(1), row(2)), 0, {"max_bytes": 14}, ([1, 2], 2, False), id="bytes-exactly"),
        pytest.param(fresh_of(row(1), row(2)), 0, {"max_bytes": 13}, None, id="bytes-over"),
        pytest.param(fresh_of(row(1), row(2, wire="other")), 0, {}, ([1], 2, False), id="another-format"),
        pytest.param(fresh_of(row(1, wire="other")), 0, {}, None, id="only-another-format"),
    ],
)
def test_what_is_taken(fresh, cursor, bounds, expected):
    assert taken(fresh, cursor, **bounds) == expected


def test_the_oldest_row_goes():
    fresh = fresh_of(*(row(number) for number in range(1, MAX_FRESH + 2)))

    assert taken(fresh, 0) is None
    assert taken(fresh, 1, max_events=1) == ([2], 2, True)


def test_forgotten_ids_are_forgotten_rows(store):
    put(store, 1, "a")
    appender = store._appender
    assert appender.fresh.batch("a", "native", 0, max_events=1, max_bytes=99, skip=()) is not None
    appender.forget_ids()

    assert appender.fresh.batch("a", "native", 0, max_events=1, max_bytes=99, skip=()) is None


def test_what_another_process_purged_is_not_sent(store, tmp_path):
    put(store, 1, "a")
    other = Store(tmp_path / "store", formats=WIRES, clock=FakeClock())
    assert other.purge() == 1
    other.close()

    assert store.next_batch("a", 50) is None


def test_what_another_process_wrote_is_read_between_ours(store, tmp_path):
    other = Store(tmp_path / "store", formats=WIRES, clock=FakeClock())
    put(store, 1, "a")
    put(other, 1, "b")
    put(store, 1, "c")
    other.close()

    assert store.next_batch("a", 50).event_ids == ["a", "b", "c"]


operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 2), st.sampled_from([("native",), ("native", "currents")])),
        st.tuples(st.just("send"), st.sampled_from("ab"), st.integers(1, 5)),
        st.tuples(st.just("skip"), st.sampled_from("ab"), st.integers(1, 2)),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps=operations)
def test_memory_and_file_give_the_same(tmp_path_factory, steps):
    store = Store(tmp_path_factory.mktemp("store"), formats=WIRES, clock=FakeClock())
    try:
        for number, step in enumerate(steps):
            if step[0] == "put":
                put(store, step[1], str(number), step[2])
                continue
            size, skip = (step[2], ()) if step[0] == "send" else (50, [step[2]])
            batch = store.next_batch(step[1], size, skip=skip)
            with store._file.reading() as connection:
                expected, _ = Queue(step[1], WIRES[step[1]], count_gaps=False).read(
                    connection, size, 500_000, skip, Fresh()
                )
            assert _facts(batch) == _facts(expected)
            if batch is not None and step[0] == "send":
                store.acknowledge(step[1], batch)
    finally:
        store.close()


def _facts(batch):
    return batch and (batch.session, batch.row_ids, batch.payloads, batch.event_ids, batch.oldest_ms)


def test_a_packed_chunk_is_read_from_the_file(store):
    store.append_many([StoredEvent(1, [("native", b"x")], NOW_MS, name) for name in "ab"])

    assert store._appender.fresh.batch("a", "native", 0, max_events=1, max_bytes=99, skip=()) is None
    assert store.next_batch("a", 50).event_ids == ["a", "b"]
