"""The delivery table, row by row: what each answer of a sink does to its batch."""

import errno
import os
import shutil
import tempfile
import weakref

import pytest
from journal_events import event_id, number_of

from capture.config import BufferConfig, DeliveryConfig, ProjectConfig, RunConfig
from capture.delivery.worker import MAX_BATCH_BYTES, Worker
from capture.sinks import ACCEPTED, Answer, Outcome
from capture.sinks.answers import Reply, answer_of
from capture.sinks.memory import MemorySink
from capture.store import Store, buffer
from capture.testing import START_NS, FakeClock

TEMPORARY = Answer(Outcome.TEMPORARY, "HTTP 503")
TOO_LARGE = Answer(Outcome.TOO_LARGE, "HTTP 413")
REFUSED = Answer(Outcome.REFUSED, "HTTP 400")
UNAVAILABLE = Answer(Outcome.UNAVAILABLE, "HTTP 404")


class Bench:
    """One worker on a store, under a clock that the test moves."""

    def __init__(self, answers=(), *, batch_size=50, max_bytes=None):
        self.clock = FakeClock()
        self.ceilings = []
        self.jitter_share = 1.0
        self.reports = []
        self.count = 0
        folder = tempfile.mkdtemp(prefix="bench-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self.disk_is_full = False
        self.store = Store(
            folder,
            formats={"memory": "native"},
            max_age_s=float("inf"),
            clock=self.clock,
            pwrite=self.pwrite,
        )
        self.count = 0
        script = iter(() if callable(answers) else answers)
        #: Batch -> answer; a test may replace it.
        self.answer = answers if callable(answers) else lambda _: next(script, ACCEPTED)
        self.sink = MemorySink(answers=self.respond, max_bytes=max_bytes)
        self.worker = Worker(
            self.store,
            self.sink,
            config=RunConfig(
                project=ProjectConfig(id=1),
                buffer=BufferConfig(batch_size=batch_size, flush_interval_s=30.0),
                delivery=DeliveryConfig(timeout_s=10.0),
            ),
            compose=lambda _, payloads: b"[" + b",".join(payloads) + b"]",
            clock=self.clock,
            jitter=self.jitter,
            report=lambda *values: self.reports.append(values),
        )

    def respond(self, batch):
        return self.answer(batch)

    def pwrite(self, descriptor, data, place):
        if self.disk_is_full:
            raise OSError(errno.ENOSPC, "no room")
        return os.pwrite(descriptor, data, place)

    def jitter(self, ceiling_s):
        self.ceilings.append(ceiling_s)
        return ceiling_s * self.jitter_share

    def put(self, count, session=1, payload=b"e%d"):
        for _ in range(count):
            self.count += 1
            number = self.count
            self.store.append(
                session,
                [("native", payload % number)],
                time_ms=self.clock.wall_ns() // 10**6,
                event_id=event_id(number),
            )
            self.worker.unseen += 1
            self.worker.session = session
            if self.worker.since_ns is None:
                self.worker.since_ns = self.clock.monotonic_ns()

    def step(self):
        return self.worker.step(self.clock.monotonic_ns())

    def run(self, steps=1000):
        """Step until the worker waits; return for how long."""
        for _ in range(steps):
            wait_s = self.step()
            if wait_s is None or wait_s > 0:
                return wait_s
        pytest.fail("the worker never waits")

    def delivered(self):
        return [payload.decode() for payload in self.sink.payloads]

    def sizes(self):
        return [batch.event_count for batch in self.sink.attempts]


def events(first, last):
    return [f"e{number}" for number in range(first, last + 1)]


def letters(bench):
    return [
        (str(number_of(letter.event_id)), letter.reason)
        for letter in buffer.export(bench.store.folder, dead=True)
    ]


def test_accepted_leaves_the_queue():
    bench = Bench()
    bench.put(50)
    bench.run()

    assert bench.delivered() == events(1, 50)
    assert bench.store.pending("memory").count == 0
    assert bench.worker.counters.delivered == 50
    assert bench.reports == [("delivered", "memory", 50, "")]


def test_temporary_keeps_the_batch_and_its_key():
    bench = Bench([TEMPORARY, TEMPORARY])
    bench.put(50)
    assert bench.run() == pytest.approx(0.5)
    bench.clock.advance(ms=499)
    bench.run()
    assert len(bench.sink.attempts) == 1
    bench.clock.advance(ms=1)
    assert bench.run() == pytest.approx(1.0)
    bench.clock.advance(s=1)
    bench.run()

    assert bench.delivered() == events(1, 50)
    assert len({batch.batch_id for batch in bench.sink.attempts}) == 1
    assert bench.worker.counters.retried == 2


def test_ceilings_double_up_to_300_seconds_and_start_over_after_a_success():
    bench = Bench([TEMPORARY] * 13)
    bench.put(50)
    for _ in range(13):
        bench.run()
        bench.clock.advance(s=300)
    bench.run()

    assert bench.ceilings == [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert bench.delivered() == events(1, 50)
    bench.answer = lambda _: TEMPORARY
    bench.put(50)
    bench.run()
    assert bench.ceilings[-1] == 0.5


@pytest.mark.parametrize(
    ("asked_s", "jitter_share", "expected_s"),
    [
        pytest.param(7.0, 0.0, 7.0, id="a-floor-above-our-wait"),
        pytest.param(7.0, 1.0, 10.5, id="up-to-half-of-it-on-top"),
        pytest.param(0.1, 1.0, 0.5, id="our-wait-above-it"),
        pytest.param(0.1, 0.0, 0.1, id="a-floor-under-no-wait"),
        pytest.param(3600.0, 0.0, 3600.0, id="an-hour"),
        pytest.param(86_400.0, 0.0, 3600.0, id="capped-at-an-hour"),
        pytest.param(1e30, 1.0, 5400.0, id="absurd"),
        pytest.param(-5.0, 1.0, 0.5, id="in-the-past"),
    ],
)
def test_retry_after_is_a_floor(asked_s, jitter_share, expected_s):
    bench = Bench([Answer(Outcome.TEMPORARY, "HTTP 429", asked_s)])
    bench.jitter_share = jitter_share
    bench.put(50)

    assert bench.run() == pytest.approx(expected_s)


def test_wake_ends_our_own_wait_but_not_the_one_that_was_asked_for():
    bench = Bench([TEMPORARY, Answer(Outcome.TEMPORARY, "HTTP 429", 60.0)])
    bench.put(50)
    bench.run()
    bench.worker.wake()
    assert bench.run() == pytest.approx(90.0)
    bench.worker.wake()

    assert bench.run() == pytest.approx(90.0)
    assert len(bench.sink.attempts) == 2
    bench.clock.advance(s=90)
    bench.run()
    assert bench.delivered() == events(1, 50)


@pytest.mark.parametrize("error", [OSError("no route"), ValueError("bug in the sink"), TimeoutError()])
def test_whatever_a_sink_raises_is_temporary(error):
    bench = Bench([error])
    bench.put(50)
    assert bench.run() == pytest.approx(0.5)
    bench.clock.advance(s=1)
    bench.run()

    assert bench.delivered() == events(1, 50)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(None, "send() returned NoneType: expected an Answer", id="none"),
        pytest.param(Outcome.ACCEPTED, "send() returned Outcome: expected an Answer", id="outcome"),
        pytest.param(Answer("accepted"), "outcome = 'accepted': expected an Outcome", id="text"),
        pytest.param(Answer(Outcome.REFUSED, None), "reason = None: expected a text", id="reason"),
        *(
            pytest.param(
                Answer(Outcome.TEMPORARY, "x", wait),
                f"retry_after_s = {wait!r}: expected a finite number of seconds",
                id=str(wait),
            )
            for wait in (float("nan"), float("inf"), float("-inf"), "60")
        ),
    ],
)
def test_a_wrong_answer_is_temporary_and_says_what_is_wrong(answer, said):
    bench = Bench([answer])
    bench.put(50)
    assert bench.run() == pytest.approx(0.5)
    assert bench.worker.counters.last_error == said
    bench.clock.advance(s=1)
    bench.run()

    assert bench.delivered() == events(1, 50)


def test_a_reason_that_is_no_unicode_is_kept_readably():
    bench = Bench([Answer(Outcome.REFUSED, "bad \udcff")])
    bench.put(1)
    bench.worker.request()
    bench.run()

    assert letters(bench) == [("1", "bad ?")]


def test_too_large_is_halved_by_what_was_sent():
    bench = Bench(lambda batch: TOO_LARGE if batch.event_count > 13 else ACCEPTED)
    bench.put(50)
    bench.run()

    assert bench.sizes() == [50, 25, 12, 12, 12, 12, 2]
    assert bench.delivered() == events(1, 50)
    assert letters(bench) == []


def test_a_single_event_that_is_too_large_is_a_dead_letter():
    bench = Bench(lambda batch: TOO_LARGE if b"e7" in batch.payloads else ACCEPTED)
    bench.put(50)
    # The receiver may be at fault: the event waits three times.
    waits = [bench.run()]
    while len(waits) < 3:
        bench.clock.advance(s=waits[-1])
        waits.append(bench.run())
    assert letters(bench) == []
    bench.clock.advance(s=waits[-1])
    bench.run()

    assert waits == pytest.approx([2.0, 4.0, 8.0])
    assert bench.delivered() == [*events(1, 6), *events(8, 50)]
    assert letters(bench) == [("7", "HTTP 413")]
    assert bench.worker.counters.dead_letters == 1


def test_a_receiver_that_finds_everything_too_large_is_at_fault(caplog):
    bench = Bench(lambda _: TOO_LARGE)
    bench.put(50)
    for _ in range(100):
        if bench.worker.counters.paused:
            break
        bench.clock.advance(s=bench.run())

    assert len(letters(bench)) == 10
    assert bench.store.pending("memory").count == 40
    bench.answer = lambda _: ACCEPTED
    bench.worker.wake()
    bench.run()
    assert bench.delivered() == events(11, 50)


def test_the_sinks_own_limit_is_kept_without_asking_it():
    bench = Bench(max_bytes=100)
    bench.put(50, payload=b"%030d")
    bench.worker.request()
    bench.run()

    assert bench.sizes() == [3] * 16 + [2]
    assert all(len(batch.body) <= 100 for batch in bench.sink.attempts)
    assert letters(bench) == []


def test_an_event_over_the_sinks_own_limit_is_a_dead_letter():
    bench = Bench(max_bytes=100)
    bench.put(1)
    bench.put(1, payload=b"%0200d")
    bench.put(1)
    bench.worker.request()
    bench.run()

    assert bench.delivered() == ["e1", "e3"]
    assert [event for event, _ in letters(bench)] == ["2"]


def test_a_batch_is_at_most_512_kb():
    bench = Bench(batch_size=10_000)
    bench.put(600, payload=b"%01000d")
    bench.worker.request()
    bench.run()

    assert max(len(batch.body) for batch in bench.sink.attempts) <= MAX_BATCH_BYTES
    assert sum(bench.sizes()) == 600
    assert len(bench.sizes()) == 2


def test_one_bad_event_is_found_and_the_others_are_sent():
    bench = Bench(lambda batch: REFUSED if b"e7" in batch.payloads else ACCEPTED)
    bench.put(100)
    bench.run()

    assert bench.delivered() == [*events(1, 6), *events(8, 100)]
    assert letters(bench) == [("7", "HTTP 400")]
    assert bench.sizes() == [50] + [1] * 50 + [50]


def test_ten_refused_in_a_row_pause_the_queue_and_no_more_is_given_up():
    bench = Bench(lambda _: REFUSED)
    bench.put(50)
    assert bench.run() == pytest.approx(60.0)
    assert [event for event, _ in letters(bench)] == [str(n) for n in range(1, 11)]
    assert bench.worker.counters.paused
    bench.worker.request()
    bench.run()

    assert bench.worker.counters.paused == "HTTP 400 (10 events in a row refused)"
    assert len(letters(bench)) == 10
    assert bench.store.pending("memory").count == 40
    bench.answer = lambda _: ACCEPTED
    bench.worker.request()
    bench.run()
    assert bench.delivered() == events(11, 50)
    assert not bench.worker.counters.paused


def test_nine_refused_in_a_row_do_not_pause():
    bad = {f"e{n}".encode() for n in [*range(1, 10), *range(11, 20)]}
    bench = Bench(lambda batch: REFUSED if bad & set(batch.payloads) else ACCEPTED)
    bench.put(50)
    bench.run()

    assert bench.delivered() == ["e10", *events(20, 50)]
    assert len(letters(bench)) == 18


def test_unavailable_keeps_everything_and_says_so_once(caplog):
    caplog.set_level("INFO")
    bench = Bench(lambda _: UNAVAILABLE)
    bench.put(120)
    assert bench.run() == pytest.approx(60.0)
    bench.put(50)
    bench.clock.advance(s=59)
    assert bench.run() == pytest.approx(1.0)
    assert len(bench.sink.attempts) == 1
    assert bench.worker.counters.state == "paused"
    bench.worker.request()
    bench.run()

    assert len(bench.sink.attempts) == 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert bench.store.pending("memory").count == 170
    bench.answer = lambda _: ACCEPTED
    bench.worker.request()
    bench.run()
    assert bench.delivered() == events(1, 170)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_paused_sink_is_tried_again_after_a_minute_and_at_last_each_hour():
    bench = Bench(lambda _: UNAVAILABLE)
    bench.put(50)
    waits = []
    for _ in range(9):
        waits.append(bench.run())
        bench.clock.advance(s=waits[-1])

    assert waits == pytest.approx([60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0, 3600.0, 3600.0])
    bench.worker.wake()  # the network is back: at once, and then a minute again
    assert bench.run() == pytest.approx(60.0)
    bench.answer = lambda _: ACCEPTED
    bench.clock.advance(s=60)
    bench.run()
    assert bench.delivered() == events(1, 50)


ILL = {
    **{str(status): answer_of(Reply(status, {})) for status in (401, 403, 404, 413, 500, 503)},
    "page": answer_of(Reply(200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><html>Sign in</html>")),
}


@pytest.mark.parametrize("answer", ILL.values(), ids=ILL)
@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
@pytest.mark.parametrize("how", ["alone", "wake", "request"])
def test_a_receiver_that_is_ill_for_a_second_loses_nothing(answer, share, how):
    bench = Bench()
    bench.jitter_share = share
    start_ns = bench.clock.monotonic_ns()
    well_ns = start_ns + 10**9
    bench.answer = lambda _: answer if bench.clock.monotonic_ns() < well_ns else ACCEPTED
    bench.put(120)
    bench.worker.request()
    while bench.clock.monotonic_ns() < well_ns:
        # A wait of 0 by the jitter still takes a moment.
        left_s = (well_ns - bench.clock.monotonic_ns()) / 1e9
        bench.clock.advance(s=min(left_s, max(0.1, bench.run())))
    if how != "alone":
        getattr(bench.worker, how)()
        bench.worker.request()
        bench.run()
        assert bench.clock.monotonic_ns() == well_ns
    wait_s = bench.run()
    while bench.store.pending("memory").count:
        bench.clock.advance(s=wait_s)
        wait_s = bench.run()

    assert bench.clock.monotonic_ns() - start_ns <= 75 * 10**9
    assert bench.delivered() == events(1, 120)
    assert bench.worker.counters.dead_letters == 0
    assert letters(bench) == []


def test_an_outage_is_told_once_and_so_is_its_end(caplog):
    caplog.set_level("INFO")
    answers = [TEMPORARY] * 5 + [Answer(Outcome.TEMPORARY, "OSError (h.example)")] * 3
    bench = Bench(answers)
    bench.put(50)
    told = []
    for _ in range(9):
        wait_s = bench.run()
        told.append(len(caplog.records))
        counters = bench.worker.counters
        if counters.attempts:
            assert (counters.state, counters.since) == ("waiting", START_NS // 10**6)
        bench.clock.advance(s=wait_s)

    # At the third attempt, when the reason changes, and when it is well.
    assert told == [0, 0, 1, 1, 1, 2, 2, 2, 3]
    assert [record.getMessage() for record in caplog.records] == [
        "sink memory fails, its events are kept (attempt 3): HTTP 503",
        "sink memory fails, its events are kept (attempt 6): OSError (h.example)",
        "sink memory works again after 8 failed attempts",
    ]
    assert (counters.state, counters.since, counters.attempts, counters.last_error) == ("idle", None, 0, "")


def test_dead_letters_are_told_with_the_answer(caplog):
    bench = Bench(lambda batch: Answer(Outcome.REFUSED, f"HTTP 400: {batch.batch_id}"))
    bench.put(2)
    number = bench.worker.request()
    bench.run()

    [record] = caplog.records
    assert record.getMessage().startswith("sink memory: 1 events became dead letters: HTTP 400: ")
    assert number in bench.worker.asked.failed
    assert bench.worker.counters.last_error.startswith("HTTP 400: ")


def test_an_hour_of_500_then_everything_in_order():
    bench = Bench()
    bench.jitter_share = 0.5
    end_ns = bench.clock.monotonic_ns() + 3600 * 10**9
    bench.answer = lambda _: TEMPORARY if bench.clock.monotonic_ns() < end_ns else ACCEPTED
    bench.put(500)
    while bench.store.pending("memory").count:
        bench.clock.advance(s=bench.run() or 0.001)

    assert bench.delivered() == events(1, 500)
    assert len(bench.ceilings) < 50


def test_a_dead_sink_holds_back_no_other(tmp_path):
    clock = FakeClock()
    store = Store(tmp_path, formats={"dead": "native", "live": "native"}, max_age_s=1e9, clock=clock)
    config = RunConfig(project=ProjectConfig(id=1))
    sinks = [MemorySink("dead", answers=lambda _: TEMPORARY), MemorySink("live")]
    workers = [
        Worker(
            store,
            sink,
            config=config,
            compose=lambda _, payloads: b"".join(payloads),
            clock=clock,
            jitter=lambda ceiling: ceiling,
            report=lambda *_: None,
        )
        for sink in sinks
    ]
    for n in range(50):
        store.append(1, [("native", b"e%d" % n)], time_ms=START_NS // 10**6, event_id=event_id(n))
    for worker in workers:
        worker.request()
        worker.step(clock.monotonic_ns())

    assert len(sinks[1].payloads) == 50
    assert store.pending("dead").count == 50
    assert store.pending("live").count == 0


HTML = {"Content-Type": "Text/HTML; charset=utf-8"}


@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        *[(status, {}, Outcome.ACCEPTED) for status in range(200, 205)],
        *[(status, HTML, Outcome.ACCEPTED) for status in range(200, 205)],
        *[(status, {}, Outcome.TEMPORARY) for status in (205, 206, 226, 299)],
        *[(status, {}, Outcome.TEMPORARY) for status in (300, 301, 302, 303, 304, 307, 308)],
        *[
            (status, {}, Outcome.TEMPORARY)
            for status in (408, 425, 429, 500, 501, 502, 503, 504, 505, 511, 599)
        ],
        (413, {}, Outcome.TOO_LARGE),
        *[
            (status, {}, Outcome.REFUSED)
            for status in (400, 402, 406, 409, 411, 414, 415, 422, 423, 431, 451, 499)
        ],
        *[(status, {}, Outcome.UNAVAILABLE) for status in (401, 403, 404, 405, 407, 410)],
    ],
)
def test_every_status(status, headers, outcome):
    assert answer_of(Reply(status, headers)).outcome is outcome


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"Retry-After": "120"}, 120.0, id="seconds"),
        pytest.param({"Retry-After": " 0 "}, 0.0, id="zero"),
        pytest.param(
            {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT", "Date": "Wed, 21 Oct 2026 07:27:30 GMT"},
            30.0,
            id="a-date-by-the-servers-clock",
        ),
        pytest.param({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0, id="a-date-in-the-past"),
        pytest.param({"Retry-After": "soon"}, None, id="garbage"),
        pytest.param({"Retry-After": "-5"}, None, id="negative"),
        pytest.param({"Retry-After": "1" * 400}, 366 * 86_400.0, id="a-number-without-end"),
        pytest.param({}, None, id="none"),
    ],
)
def test_retry_after_is_read(headers, expected):
    assert answer_of(Reply(503, headers)).retry_after_s == expected
