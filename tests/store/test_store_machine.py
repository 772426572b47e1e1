"""Store and delivery as a state machine, against a list: at least once, in order, nothing invented."""

import shutil
import tempfile
from pathlib import Path

from example_count import examples
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from journal_events import event_id

from capture.config import BufferConfig, ProjectConfig, RunConfig
from capture.delivery.worker import Worker
from capture.sinks import ACCEPTED, Answer, Outcome
from capture.sinks.memory import MemorySink
from capture.store import Store, StoredEvent
from capture.testing import FakeClock

CONFIG = RunConfig(project=ProjectConfig(id=1), buffer=BufferConfig(batch_size=4))
NAMES = ("one", "two")
#: A sink that is added at some time.
LATER = "three"
MAX_AGE_S = 100_000
ANSWERS = {
    "accepted": ACCEPTED,
    "temporary": Answer(Outcome.TEMPORARY),
    "lost-answer": OSError("the answer was lost"),
}


class Machine(RuleBasedStateMachine):
    """Two sinks on one store, and perhaps a third, which crashes and starts again."""

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        self.clock = FakeClock()
        self.session = 1
        self.count = 0
        self.names = NAMES
        #: Events that a purge, the bound or their age took from each queue of the stores before this one.
        self.lost = dict.fromkeys((*NAMES, LATER), 0)
        #: How many events had been recorded when a sink was added.
        self.first = dict.fromkeys((*NAMES, LATER), 0)
        #: What was recorded: (session, payload), in order, since the last opt-out.
        self.recorded = []
        #: What reached each receiver, also where its answer was lost.
        self.received = {name: [] for name in (*NAMES, LATER)}
        self.answer = dict.fromkeys((*NAMES, LATER), "accepted")
        self.start()

    def start(self):
        self.store = self.opened()
        self.workers = [
            Worker(
                self.store,
                MemorySink(name, answers=lambda batch, name=name: self.receive(name, batch)),
                config=CONFIG,
                compose=lambda _, payloads: b",".join(payloads),
                clock=self.clock,
                jitter=lambda ceiling_s: ceiling_s,
                report=lambda *_: None,
            )
            for name in self.names
        ]
        for worker in self.workers:
            worker.request()
            worker.session = self.session

    def opened(self):
        formats = dict.fromkeys(self.names, "native")
        return Store(self.folder, formats=formats, clock=self.clock, max_age_s=MAX_AGE_S)

    def end(self):
        """Close the store; what it lost stays lost."""
        self.store.close()
        for name in self.names:
            self.lost[name] += self.store.dropped_of(name)

    def receive(self, name, batch):
        answer = self.answer[name]
        if answer != "temporary":
            self.received[name] += [(batch.session, payload) for payload in batch.payloads]
        return ANSWERS[answer]

    def new_event(self):
        self.count += 1
        payload = b"%d" % self.count
        self.recorded.append((self.session, payload))
        for worker in self.workers:
            worker.unseen += 1
            worker.session = self.session
        return payload

    @rule()
    def append(self):
        payload = self.new_event()
        self.store.append(
            self.session,
            [("native", payload)],
            time_ms=self.clock.wall_ns() // 10**6,
            event_id=event_id(self.count),
            screens=self.count,
        )

    @rule(count=st.integers(1, 11))
    def append_many(self, count):
        payloads = [self.new_event() for _ in range(count)]
        now_ms = self.clock.wall_ns() // 10**6
        events = [StoredEvent(self.session, [("native", p)], now_ms, event_id(int(p))) for p in payloads]
        self.store.append_many(events)

    @rule()
    def new_session(self):
        self.session += 1

    @rule(name=st.sampled_from((*NAMES, LATER)), answer=st.sampled_from(sorted(ANSWERS)))
    def change(self, name, answer):
        self.answer[name] = answer

    @rule(which=st.integers(0, 1), steps=st.integers(1, 6), wait_s=st.sampled_from([0, 1, 31, 400]))
    def work(self, which, steps, wait_s):
        self.clock.advance(s=wait_s)
        for _ in range(steps):
            self.workers[which].step(self.clock.monotonic_ns())

    @rule()
    def flush(self):
        for worker in self.workers:
            worker.request()
            worker.step(self.clock.monotonic_ns())

    @rule()
    def upkeep(self):
        self.store.upkeep()

    @rule()
    def rotate(self):
        self.store._writer.guard.call(self.store._writer.end_session)

    @rule(count=st.integers(1, 5))
    def second_process(self, count):
        """Another process records a session of its own, and delivers nothing."""
        self.session = max(self.session, self.store.last_session()) + 1
        other = self.opened()
        assert other.claim_session(self.session, new=True)
        for _ in range(count):
            payload = self.new_event()
            other.append(
                self.session,
                [("native", payload)],
                time_ms=self.clock.wall_ns() // 10**6,
                event_id=event_id(self.count),
            )
        other.close()
        self.session += 1

    @rule()
    def purge(self):
        self.store.purge()

    @rule()
    def age(self):
        self.clock.advance(s=MAX_AGE_S + 1)
        self.store.upkeep()

    @rule()
    def evict(self):
        self.store.claim_delivery()
        with self.store._s.reading() as index:
            index.refresh(force=True)
            self.store._maintenance.keep_below(index, -(2**40))

    @rule()
    def restart(self):
        self.end()
        self.start()

    @rule()
    def add_sink(self):
        """A new sink gets what is recorded from then on."""
        if LATER not in self.names:
            self.end()
            self.names = (*NAMES, LATER)
            self.first[LATER] = len(self.recorded)
            self.start()

    @rule()
    def crash(self):
        # As after kill -9: the files as they are, and nothing that was in memory.
        copy = Path(tempfile.mkdtemp())
        for path in self.folder.glob("*.seg"):
            shutil.copy(path, copy / path.name)
        self.end()
        shutil.rmtree(self.folder)
        self.folder = copy
        self.start()

    @rule()
    def opt_out(self):
        self.store.destroy()
        self.recorded.clear()
        self.lost = dict.fromkeys((*NAMES, LATER), 0)
        self.first = dict.fromkeys((*NAMES, LATER), 0)
        self.received = {name: [] for name in (*NAMES, LATER)}
        self.session = 1
        self.start()

    def lost_of(self, name):
        return self.lost[name] + self.store.dropped_of(name)

    @invariant()
    def nothing_is_invented(self):
        for name in self.names:
            assert set(self.received[name]) <= set(self.recorded[self.first[name] :])

    @invariant()
    def order_within_a_session(self):
        for name in self.names:
            first_seen = list(dict.fromkeys(self.received[name]))
            for session in {session for session, _ in first_seen}:
                got = [payload for number, payload in first_seen if number == session]
                expected = [
                    payload for number, payload in self.recorded[self.first[name] :] if number == session
                ]
                left_out = [payload for payload in expected if payload not in set(got)]
                assert got == [payload for payload in expected if payload not in set(left_out)]
                if not self.lost_of(name):
                    assert got == expected[: len(got)]

    def teardown(self):
        if not hasattr(self, "store"):
            return
        self.answer = dict.fromkeys((*NAMES, LATER), "accepted")
        for worker in self.workers:
            worker.request()
            for _ in range(1000):
                self.clock.advance(s=400)
                if worker.step(self.clock.monotonic_ns()) is None:
                    break
        for name in self.names:
            missing = set(self.recorded[self.first[name] :]) - set(self.received[name])
            # What was received and not acknowledged may be dropped as well.
            assert len(missing) <= self.lost_of(name)
            assert self.store.pending(name).count == 0
        assert set(self.store.dropped) <= {"store_full", "too_old", "purged"}
        self.store.close()
        shutil.rmtree(self.folder)


Machine.TestCase.settings = settings(
    max_examples=examples(25), stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestMachine = Machine.TestCase
