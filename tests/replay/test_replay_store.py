"""The store of a replay gives the batches that the store of an app would give."""

import math

from hypothesis import given, settings, strategies as st
from journal_events import event_id

from capture.formats import Row
from capture.replay.store import ReplayStore
from capture.store import Store, StoredEvent

QUEUES = {"one": "native", "two": "native", "other": "currents"}
#: Session by session, in each wire format: the lengths of the events.
sessions = st.lists(
    st.tuples(st.sampled_from(["native", "currents"]), st.lists(st.integers(1, 30), min_size=1, max_size=12)),
    max_size=8,
)
bounds = st.lists(
    st.tuples(
        st.sampled_from(sorted(QUEUES)),
        st.integers(1, 9),
        st.integers(1, 60),
        st.sets(st.integers(1, 8), max_size=2),
        st.sampled_from(["acknowledge", "dead_letter", "nothing"]),
    ),
    min_size=1,
    max_size=40,
)


def contents(batch):
    return batch and (batch.session, batch.payloads, batch.event_ids, batch.full)


@settings(max_examples=60, deadline=None)
@given(made=sessions, wanted=bounds)
def test_batches_are_those_of_the_store_in_a_file(tmp_path_factory, made, wanted):
    folder = tmp_path_factory.mktemp("store")
    kept, plain = ReplayStore(QUEUES), Store(folder, formats=QUEUES, max_age_s=math.inf)
    number = 0
    for session, (wire, lengths) in enumerate(made, 1):
        stored = [
            StoredEvent(
                session, [(wire, b"%d" % (length % 10) * length)], 1000 + number + index, event_id(index)
            )
            for index, length in enumerate(lengths)
        ]
        number += len(stored)
        plain.append_many(stored)
        kept.append(
            wire,
            [
                Row(session, event.time_ms, event.event_id, payload)
                for event in stored
                for _, payload in event.payloads
            ],
        )
    for queue, max_events, max_bytes, skip, then in wanted:
        got = kept.next_batch(queue, max_events, max_bytes, skip=skip)
        expected = plain.next_batch(queue, max_events, max_bytes, skip=skip)

        assert contents(got) == contents(expected)
        if got is not None and then == "acknowledge":
            kept.acknowledge(queue, got)
            plain.acknowledge(queue, expected)
        elif got is not None and then == "dead_letter":
            kept.move_to_dead_letters(queue, got, "HTTP 422")
            plain.move_to_dead_letters(queue, expected, "HTTP 422")
    plain.close()


def test_batches_hold_rows_of_one_session_and_are_numbered_within_it():
    def rows(session, *numbers):
        return [Row(session, 10 + number, f"e{number}", b"%d" % number) for number in numbers]

    def batch(**bounds):
        found = store.next_batch("one", 3, 100, **bounds)
        return found and (found.event_ids, found.oldest_ms, (found.place, found.start, found.end), found.full)

    store = ReplayStore(QUEUES)
    store.append("native", [*rows(1, *range(4)), *rows(2, 8)])
    store.append("native", rows(1, 4))

    assert batch() == (["e0", "e1", "e2"], 10, (1, 0, 3), True)
    assert batch(skip={1}) == (["e8"], 18, (2, 0, 1), False)
    store.acknowledge("one", store.next_batch("one", 3, 100))
    assert batch() == (["e3", "e4"], 13, (1, 3, 5), False)
    store.acknowledge("one", store.next_batch("one", 3, 100))
    assert batch(skip={2}) is None
    assert batch() == (["e8"], 18, (2, 0, 1), False)
    assert store.next_batch("two", 3, 100).event_ids == ["e0", "e1", "e2"]
    assert store.next_batch("other", 3, 100) is None
