"""Counts of stored and lost events, whatever comes between two of them."""

import sys
import threading

import pytest
from journal_events import NOW_MS, drain, put

from capture.store import Store, StoredEvent
from capture.store.context import Losses
from capture.store.writer import Writer
from capture.testing import FakeClock


class Interrupted(BaseException):
    """What a signal handler raises."""


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path, formats={"a": "native"}, clock=FakeClock())
    yield made
    made.close()


def test_losses_are_asked_for_while_others_are_counted():
    losses, stop, errors = Losses("store", None, lambda: 0), threading.Event(), []

    def look():
        try:
            while not stop.is_set():
                losses.of("q0")
        except RuntimeError as error:
            errors.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=look)
    thread.start()
    try:
        for n in range(3000):
            losses.add(f"cause {n % 50}", 1, f"q{n % 60}")
    finally:
        stop.set()
        thread.join()
        sys.setswitchinterval(before)

    assert not errors


def test_no_loss_is_no_cause():
    losses = Losses("store", None, lambda: 0)
    losses.add("too_old", 0, "a")

    assert not losses._by_queue
    assert not losses.dropped


def interrupt(code, line, time, operation):
    """Run an operation that an exception ends in front of a line of `code`."""
    left = [time]

    def trace(frame, event, _):
        if event == "line" and frame.f_code is code and frame.f_lineno == line:
            left[0] -= 1
            if not left[0]:
                raise Interrupted
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        operation()
    except Interrupted:
        pass
    finally:
        sys.settrace(before)


def test_an_interrupted_change_of_the_session_leaves_the_counts_right(tmp_path):
    code = Writer._new_segment.__code__
    for line in sorted({line for *_, line in code.co_lines() if line}):
        for time in (1, 2):
            store = Store(tmp_path / f"{line}-{time}", formats={"a": "native"}, clock=FakeClock())
            store.claim_session(1)
            put(store, 0, 20)
            store.claim_session(2, new=True)
            interrupt(code, line, time, lambda store=store: put(store, 20, 21, session=2))
            put(store, 21, 23, session=2)

            assert store.stored_of("a") == store.pending("a").count >= 22, line
            store.close()


@pytest.mark.parametrize("count", [0, 1])
def test_an_id_of_another_size_is_refused_and_holds_nothing_up(store, count):
    put(store, 0, count)
    with pytest.raises(TypeError):
        store.append(1, [("native", b"x")], NOW_MS, b"short")
    with pytest.raises(TypeError):
        store.append_many([StoredEvent(1, [("native", b"x")], NOW_MS, b"short")])
    put(store, 1, 3)

    assert drain(store) == [*range(count), 1, 2]


def test_what_a_command_deletes_is_counted_and_not_told(caplog):
    told = []
    losses = Losses("store", lambda *drop: told.append(drop), lambda: 0)
    losses.add("purged", 3, "a")
    losses.report()

    assert losses.dropped == {"purged": 3}
    assert not told
    assert caplog.text == ""
