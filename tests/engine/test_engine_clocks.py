"""Elapsed time is elapsed time: what the wall clock does changes no session, load time, duration or age."""

import json

import pytest

from capture import Capture, SessionConfig
from capture.config import (
    BufferConfig,
    CurrentsConfig,
    PrivacyConfig,
    ProjectConfig,
    RunConfig,
)
from capture.sinks import Answer, Outcome
from capture.sinks.memory import MemorySink
from capture.store import Store
from capture.testing import FakeClock, TouchScript, decode_batches, memory_capture

HOUR_S = 3600
JUMPS = {"ntp": 30 * 365 * 24 * HOUR_S, "+10 min": 600, "+31 min": 1860, "-4 h": -4 * HOUR_S, "none": 0}


def jump(clock, seconds):
    clock.set_wall(clock.wall_ns() + seconds * 10**9)


def recorded(sink):
    return [event for batch in decode_batches(sink.batches) for event in batch.events]


@pytest.fixture(params=JUMPS.values(), ids=JUMPS)
def jump_s(request):
    return request.param


def started(tmp_path, jump_s, **sections):
    # Without a battery the clock begins in 1970.
    clock = FakeClock(wall_ns=90 * 10**9) if jump_s == JUMPS["ntp"] else FakeClock()
    cap, sink = memory_capture(tmp_path, clock=clock, **sections)
    return cap, sink, clock


def test_load_times_sessions_and_times(tmp_path, jump_s):
    cap, sink, clock = started(tmp_path, jump_s)
    with cap:
        cap.screen_view("A")
        TouchScript(cap, clock).tap()
        clock.advance(ms=120)
        jump(clock, jump_s)
        cap.screen_view("B")
        wall_ms = clock.wall_ns() // 10**6
        TouchScript(cap, clock).tap()
        clock.advance(s=1799)
        cap.screen_view("C")
        clock.advance(s=1800)
        cap.screen_view("D")
        assert cap.flush(5.0)
    views = [event for event in recorded(sink) if hasattr(event, "load_time_ms")]

    assert [(view.title, view.session_number) for view in views] == [("A", 1), ("B", 1), ("C", 1), ("D", 2)]
    assert [view.load_time_ms for view in views[1:3]] == [120, 1_799_000]
    # The time of an event is what the clock said, right or wrong.
    assert views[1].time_ms == wall_ms


def test_a_suspend_over_the_timeout_ends_the_session(tmp_path):
    clock = FakeClock()
    cap, sink = memory_capture(tmp_path, clock=clock)
    with cap:
        cap.screen_view("A")
        clock.suspend(s=1800)
        cap.screen_view("B")
        assert cap.flush(5.0)

    assert [event.session_number for event in recorded(sink) if hasattr(event, "title")] == [1, 2]


@pytest.mark.parametrize("pause_s", [60, 1800])
def test_a_restart_between(tmp_path, jump_s, pause_s):
    cap, sink, clock = started(tmp_path, jump_s)
    cap.screen_view("A")
    TouchScript(cap, clock).tap()
    cap.close()
    clock.advance(s=pause_s)
    jump(clock, jump_s)
    again, other = memory_capture(tmp_path, clock=clock)
    with again:
        again.track_variable("k", "v")
        assert again.flush(5.0)
    last = recorded(other)[-1]

    assert recorded(sink)[0].session_number == 1
    assert last.session_number == (1 if pause_s < 1800 else 2)


def test_a_machine_that_was_restarted_has_the_wall_clock_alone(tmp_path):
    cap, _ = memory_capture(tmp_path, clock=FakeClock())
    cap.screen_view("A")
    cap.close()
    # Its uptime begins again.
    later = FakeClock(wall_ns=FakeClock().wall_ns() + 1800 * 10**9, boot_ns=20 * 10**9)
    again, sink = memory_capture(tmp_path, clock=later)
    with again:
        again.screen_view("B")
        assert again.flush(5.0)

    assert recorded(sink)[-1].session_number == 2


class Shy(MemorySink):
    """Takes nothing until it is told to."""

    up = False

    def send(self, batch, timeout_s):
        return super().send(batch, timeout_s) if self.up else Answer(Outcome.TEMPORARY, "down")


@pytest.mark.parametrize("boot_s", [90, 1_600_000_000], ids=["1970", "fake-hwclock"])
def test_a_kiosk_without_a_battery_loses_nothing_at_ntp(tmp_path, boot_s):
    clock, sink = FakeClock(wall_ns=boot_s * 10**9), Shy()
    config = RunConfig(
        project=ProjectConfig(id=8),
        buffer=BufferConfig(path=str(tmp_path)),
        privacy=PrivacyConfig(opted_in=True),
    )
    with Capture(config, clock=clock, sinks=[sink]) as cap:
        for number in range(30):
            cap.track_variable("k", number)
            clock.advance(s=1)
        clock.set_wall(1_790_000_000 * 10**9)
        cap.track_variable("k", "after")
        sink.up = True
        cap.set_connectivity(-1)
        cap.set_connectivity(1)
        assert cap.flush(10.0)
        assert cap.stats.dropped == {}

    assert len(recorded(sink)) == 32
    assert {event.session_number for event in recorded(sink)} == {1}


def test_records_of_sessions_are_as_old_as_events_are(tmp_path):
    # The receiver asks for a wait longer than the deadline of a close: the clock does not pass that one.
    down = Answer(Outcome.TEMPORARY, "down", 3600.0)
    clock, sink = FakeClock(), MemorySink(formats=("currents",), answers=lambda _: down)
    config = RunConfig(
        project=ProjectConfig(id=8),
        buffer=BufferConfig(path=str(tmp_path)),
        privacy=PrivacyConfig(opted_in=True),
    )
    with Capture(config, clock=clock, sinks=[sink]) as cap:
        cap.track_variable("k", "v")
    clock.advance(s=1800)
    # The end of the session has a segment of its own, whose batch was not tried.
    Capture(config, clock=clock, sinks=[sink]).close()
    clock.set_wall(1_790_000_000 * 10**9)
    store = Store(tmp_path, formats={sink.name: "currents"}, clock=clock)
    assert store.claim_delivery()
    store.upkeep()

    assert store.pending(sink.name).count == 6
    assert store.dropped == {}
    store.close()


def test_durations_are_elapsed_time(tmp_path, jump_s):
    clock = FakeClock(wall_ns=90 * 10**9) if jump_s == JUMPS["ntp"] else FakeClock()
    sink = MemorySink(formats=("currents",))
    config = RunConfig(
        project=ProjectConfig(id=8),
        buffer=BufferConfig(path=str(tmp_path)),
        privacy=PrivacyConfig(opted_in=True),
        session=SessionConfig(timeout_s=1800),
        currents=CurrentsConfig(),
    )
    with Capture(config, clock=clock, sinks=[sink]) as cap:
        cap.track_custom_event("first")
        clock.advance(s=42.5)
        jump(clock, jump_s)
        cap.track_custom_event("last")
        cap.end_session()
        assert cap.flush(5.0)
    records = [json.loads(payload) for payload in sink.payloads]
    [end] = [record for record in records if record["event_type"].endswith("SessionEnd")]

    assert end["duration"] == 42.5
