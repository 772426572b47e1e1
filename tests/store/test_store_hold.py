"""The snapshot that a burst of appends keeps: what it must not hide, hold up or survive."""

import os

import pytest

from capture.store import Store
from capture.testing import START_NS, FakeClock

NOW_MS = START_NS // 1_000_000
BURST_MS = 20


@pytest.fixture
def opened(tmp_path):
    made = []

    def open_store(**more):
        made.append(Store(tmp_path / "store", formats={"a": "native"}, clock=FakeClock(), **more))
        return made[-1]

    yield open_store
    for store in made:
        store.close()


def put(store, name, time_ms=NOW_MS):
    assert store.append(1, [("native", name.encode())], time_ms=time_ms, event_id=name)


def burst(store, *names):
    for name in names:
        put(store, name)
    assert store._file.hold.on


def everything(store):
    return store.next_batch("a", 1000).event_ids


@pytest.mark.parametrize(
    ("gap_ms", "held"),
    [
        pytest.param(0, True, id="at-once"),
        pytest.param(BURST_MS, True, id="the-longest-gap"),
        pytest.param(BURST_MS + 1, False, id="later"),
        pytest.param(-1, False, id="a-clock-set-back"),
    ],
)
def test_what_is_a_burst(opened, gap_ms, held):
    store = opened()
    put(store, "a")
    put(store, "b", NOW_MS + gap_ms)

    assert store._file.hold.on is held


def test_another_process_may_write_in_a_burst(opened):
    ours, theirs = opened(), opened()
    burst(ours, "a", "b", "c")
    burst(theirs, "d", "e", "f")
    burst(ours, "g", "h")

    assert everything(ours) == list("abcdefgh")
    assert ours.deferred_count == theirs.deferred_count == 0


def test_an_id_that_another_process_took_out_is_not_given_again(opened):
    ours, theirs = opened(), opened()
    burst(ours, "a", "b", "c")
    put(theirs, "d")
    theirs.purge()
    put(ours, "e")

    assert ours.next_batch("a", 50).row_ids == [5]


def test_an_acknowledgement_does_not_wait_for_the_end_of_a_burst(opened):
    store = opened()
    burst(store, "a", "b", "c")
    store.acknowledge("a", store.next_batch("a", 2))
    burst(store, "d", "e")

    assert everything(store) == ["c", "d", "e"]


def test_the_log_starts_over_in_a_burst(opened):
    store = opened(max_bytes=8 * 1024 * 1024)
    names = [f"{number:0300}" for number in range(2000)]
    sizes = []
    for index in range(0, len(names), 100):
        burst(store, *names[index : index + 100])
        store.acknowledge("a", store.next_batch("a", 100))
        store.upkeep()
        sizes.append(store.path.with_name(store.path.name + "-wal").stat().st_size)

    assert max(sizes) < 2 * 1024 * 1024


def test_the_keeper_ends_it_once_the_burst_is_over(opened):
    store = opened()
    assert not store.watch_burst()
    burst(store, "a", "b")
    assert store.needs_keeper

    assert store.watch_burst()
    assert not store.needs_keeper
    assert not store.watch_burst()
    assert not store._file.hold.on


def test_a_burst_that_goes_on_is_left_alone(opened):
    store = opened()
    burst(store, "a", "b")
    store.watch_burst()
    burst(store, "c")

    assert store.watch_burst()
    assert store._file.hold.on


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_leaves_the_snapshot_alone(opened):
    store = opened()
    burst(store, "a", "b")
    child = os.fork()
    if child == 0:
        put(store, "c")
        os._exit(0 if not store.deferred_count else 1)
    assert os.waitpid(child, 0)[1] == 0
    burst(store, "d", "e")

    assert sorted(everything(store)) == list("abcde")


def test_closing_in_a_burst(opened):
    store = opened()
    burst(store, "a", "b")
    store.close()

    assert everything(opened()) == ["a", "b"]
