"""What is safe between threads: two recognisers always, one recogniser never by accident."""

import sys
import threading

import numpy as np
import pytest
from strokes import samples, stroke

from capture import Recognizer, TouchSamples, classify


def long_log(count=300_000):
    action = np.tile(np.array([0, 2, 2, 1], np.uint8), count // 4)
    return TouchSamples(
        pointer=np.tile(np.array([0, 0, 0, 0, 1, 1, 1, 1], np.int32), count // 8),
        action=action,
        time=np.arange(count, dtype=np.int64) * 1_000_000,
        x=np.zeros(count, np.float32),
        y=np.zeros(count, np.float32),
    )


def in_threads(*targets):
    """Run the targets at once; return what they raised."""
    raised = []

    def guarded(target):
        try:
            target()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_two_recognizers_in_two_threads_do_not_meet():
    log, results = long_log(), {}
    expected = len(classify(log))

    def run(name):
        results[name] = len(Recognizer().feed(log))

    assert in_threads(lambda: run("one"), lambda: run("two")) == []
    assert results == {"one": expected, "two": expected}


def test_one_recognizer_misused_from_two_threads_raises_or_is_right():
    """Every call either does its whole work or raises RuntimeError before it began."""
    log, recognizer, strokes = long_log(80_000), Recognizer(), []

    def feed():
        for _ in range(20):
            strokes.append(len(recognizer.feed(log)))  # noqa: PERF401 - those before an error count

    raised = in_threads(feed, feed, feed)

    assert all(isinstance(error, RuntimeError) and "another thread" in str(error) for error in raised)
    assert sum(strokes) == len(strokes) * 20_000


def test_live_calls_from_two_threads_lose_nothing():
    recognizer, ended = Recognizer(), []

    def tap(pointer):
        for i in range(2000):
            recognizer.down(pointer, 0.0, 0.0, i)
            ended.append(recognizer.up(pointer, 0.0, 0.0, i))

    assert in_threads(lambda: tap(1), lambda: tap(2)) == []
    assert len(ended) == 4000
    assert None not in ended


def test_a_recognizer_is_good_after_it_was_misused():
    recognizer = Recognizer()
    in_threads(*[lambda: recognizer.feed(long_log(40_000))] * 2)
    table = recognizer.feed(samples(stroke((10**6, 0, 0), (10**6 + 1, 0, 0))))

    assert table.kind[-1] == 6


@pytest.mark.parametrize("threads", [0, -1])
def test_threads_below_one_are_refused(threads):
    with pytest.raises(ValueError, match="at least 1"):
        classify(long_log(8), threads=threads)


if sys.version_info < (3, 13):
    import _xxsubinterpreters as interpreters

    RunFailed, KINDS = interpreters.RunFailedError, [()]
else:
    import _interpreters as interpreters

    # One with a lock of its own, and one that shares the process's.
    RunFailed, KINDS = (), [("isolated",), ("legacy",)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_subinterpreter_is_refused_rather_than_corrupted(kind):
    """Cython's modules keep their state per process; a second interpreter gets an ImportError."""
    interpreter = interpreters.create(*kind)
    code = f"import sys; sys.path[:] = {sys.path!r}; import capture._native.recognizer"
    try:
        failed = interpreters.run_string(interpreter, code).formatted
    except RunFailed as error:
        failed = str(error)
    finally:
        interpreters.destroy(interpreter)

    assert "ImportError" in failed
