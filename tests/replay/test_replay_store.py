"""The store of a replay gives the batches that the store of an app would give."""

import math

from hypothesis import given, settings, strategies as st
from journal_events import event_id

from capture.formats import Row
from capture.replay.encoder import Pack, Packer
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
    return batch and (batch.session, batch.payloads, batch.event_ids, batch.byte_count, batch.full)


@settings(max_examples=60, deadline=None)
@given(made=sessions, size=st.integers(1, 5), wanted=bounds)
def test_batches_are_those_of_the_store_in_a_file(tmp_path_factory, made, size, wanted):
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
        packer = Packer(wire, size)
        packer.put(
            Row(session, event.time_ms, event.event_id, payload)
            for event in stored
            for _, payload in event.payloads
        )
        kept.append(packer.packs(()))
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


def test_packs_hold_whole_batches_of_one_session():
    def rows(session, *numbers):
        return [Row(session, 10 + number, f"e{number}", b"%d" % number) for number in numbers]

    packer = Packer("native", 3)
    packer.put(rows(1, *range(7)))
    packs = packer.packs({1})
    packer.put(rows(1, 7))
    packer.put(rows(2, 8))

    assert packs == [
        Pack("native", 1, 10, ["e0", "e1", "e2"], [b"0", b"1", b"2"]),
        Pack("native", 1, 13, ["e3", "e4", "e5"], [b"3", b"4", b"5"]),
    ]
    assert packer.packs(()) == [
        Pack("native", 1, 16, ["e6", "e7"], [b"6", b"7"]),
        Pack("native", 2, 18, ["e8"], [b"8"]),
    ]
    assert packer.packs(()) == []
