"""Users of one device: a session has one user, and nothing of anybody is lost."""

import json
import signal
import subprocess
import sys

import pytest

from capture import Capture
from capture.config import BufferConfig, PrivacyConfig, ProjectConfig, RunConfig, SessionConfig
from capture.sinks.memory import MemorySink
from capture.testing import FakeClock, TouchScript, memory_capture


def started(folder, clock, *, wire="currents", **sections):
    sink = MemorySink(formats=(wire,))
    config = RunConfig(
        project=ProjectConfig(id=8),
        buffer=BufferConfig(path=str(folder)),
        privacy=PrivacyConfig(opted_in=True),
        **sections,
    )
    return Capture(config, clock=clock, sinks=[sink]), sink


def records(*sinks):
    return [json.loads(payload) for sink in sinks for payload in sink.payloads]


def kinds(found):
    names = {"SessionStart", "SessionEnd"}
    short = [(record["event_type"].rpartition(".")[2], record) for record in found]
    return [
        (name if name in names else record.get("name", name), record.get("external_user_id"))
        for name, record in short
        if name in names or "name" in record
    ]


def test_another_user_ends_the_session(tmp_path):
    clock = FakeClock()
    cap, sink = started(tmp_path, clock)
    with cap:
        cap.identify("cashier-1")
        cap.track_custom_event("sale")
        clock.advance(s=90)
        cap.track_custom_event("sale")
        cap.identify("cashier-1")
        cap.identify("cashier-2")
        clock.advance(s=10)
        cap.track_custom_event("sale")
        assert cap.end_session()
        assert not cap.end_session()
        assert cap.flush(5.0)
    found = records(sink)

    sales = [each for each in kinds(found) if each[0] in {"sale", "SessionStart", "SessionEnd"}]
    assert sales == [
        ("SessionStart", "cashier-1"),
        ("sale", "cashier-1"),
        ("sale", "cashier-1"),
        ("SessionEnd", "cashier-1"),
        ("SessionStart", "cashier-2"),
        ("sale", "cashier-2"),
        ("SessionEnd", "cashier-2"),
    ]
    assert [record["duration"] for record in found if "duration" in record] == [90.0, 0.0]


def test_a_session_end_has_the_user_of_its_start_where_users_share_one(tmp_path):
    clock = FakeClock()
    cap, sink = started(tmp_path, clock, session=SessionConfig(per_user=False))
    with cap:
        cap.identify("one")
        cap.track_custom_event("a")
        cap.identify("two")
        cap.track_custom_event("b")
        cap.end_session()
        assert cap.flush(5.0)
    found = kinds(records(sink))

    assert [each for each in found if each[0] in {"a", "b", "SessionStart", "SessionEnd"}] == [
        ("SessionStart", "one"),
        ("a", "one"),
        ("b", "two"),
        ("SessionEnd", "one"),
    ]


CASHIER = """
import json, os, signal, sys
from capture import Capture
from capture.config import BufferConfig, PrivacyConfig, ProjectConfig, RunConfig
from capture.sinks import Answer, Outcome
from capture.sinks.memory import MemorySink
from capture.testing import FakeClock

class Down(MemorySink):
    def send(self, batch, timeout_s):
        return Answer(Outcome.TEMPORARY, "down")

clock = FakeClock()
config = RunConfig(
    project=ProjectConfig(id=8),
    buffer=BufferConfig(path=sys.argv[1]),
    privacy=PrivacyConfig(opted_in=True),
)
cap = Capture(config, clock=clock, sinks=[Down(formats=("currents",))])
cap.identify("cashier-1")
cap.track_custom_event("sale")
clock.advance(s=90)
cap.track_custom_event("sale")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_two_cashiers_and_a_kill_between(tmp_path):
    done = subprocess.run([sys.executable, "-c", CASHIER, tmp_path], check=False)
    assert done.returncode == -signal.SIGKILL
    clock = FakeClock()
    clock.advance(s=200)
    cap, sink = started(tmp_path, clock)
    with cap:
        cap.identify("cashier-2")
        cap.track_custom_event("sale")
        clock.advance(s=30)
        cap.track_custom_event("sale")
        cap.end_session()
        assert cap.flush(5.0)
        assert cap.stats.dropped == {}
    found = records(sink)

    assert [each for each in kinds(found) if each[0] in {"sale", "SessionStart", "SessionEnd"}] == [
        ("SessionStart", "cashier-1"),
        ("sale", "cashier-1"),
        ("sale", "cashier-1"),
        ("SessionEnd", "cashier-1"),
        ("SessionStart", "cashier-2"),
        ("sale", "cashier-2"),
        ("sale", "cashier-2"),
        ("SessionEnd", "cashier-2"),
    ]
    assert [record["duration"] for record in found if "duration" in record] == [90.0, 30.0]
    sessions = {}
    for record in found:
        if "session_id" in record:
            sessions.setdefault(record["session_id"], set()).add(record.get("external_user_id"))
    assert sorted(map(sorted, sessions.values())) == [["cashier-1"], ["cashier-2"]]


def test_an_ended_session_is_not_continued_after_a_restart(tmp_path):
    clock = FakeClock()
    cap, _ = started(tmp_path, clock, wire="native")
    cap.screen_view("A")
    cap.end_session()
    cap.close()
    again, sink = started(tmp_path, clock, wire="native")
    with again:
        again.screen_view("B")
        assert again.flush(5.0)

    assert [event["sn"] for event in records(sink)] == [2, 2]


def test_a_new_user_has_new_ids_and_the_old_one_loses_nothing(tmp_path):
    clock = FakeClock()
    cap, sink = memory_capture(tmp_path, clock=clock)
    with cap:
        cap.track_variable("k", "old")
        old = cap.user_id
        cap.new_user()
        cap.track_variable("k", "new")
        assert cap.user_id not in {old, None}
        assert cap.flush(5.0)
        new = cap.user_id
    bodies = [json.loads(batch.body) for batch in sink.batches]
    by_user = {body["uid"]: [] for body in bodies}
    for body in bodies:
        by_user[body["uid"]] += [event.get("cv") or event.get("v") or event for event in body["pl"]]

    assert set(by_user) == {old, new}
    assert cap.stats.dropped == {}
    again, _ = memory_capture(tmp_path, clock=clock)
    assert again.user_id == new
    again.close()


def test_an_idle_kiosk_ends_the_session(tmp_path):
    class Ticking(FakeClock):
        """Its time passes with each look."""

        def monotonic_ns(self):
            self.advance(ms=50)
            return super().monotonic_ns()

    import threading

    clock, called = Ticking(), threading.Event()
    cap, _ = memory_capture(tmp_path, clock=clock)
    with cap:
        cap.screen_view("A")
        TouchScript(cap, clock).tap()
        number = cap.session_number
        cap.set_idle(0.2, called.set, end_session=True)
        assert called.wait(30)
        cap.screen_view("B")
        assert cap.session_number == number + 1
