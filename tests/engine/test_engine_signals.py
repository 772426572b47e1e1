"""What the host hears and decides: before_send, on_drop, idle, debug, statistics."""

import logging
import sys
import threading

import msgspec
import pytest

from capture import events
from capture.config import PrivacyConfig
from capture.engine import Capture
from capture.engine.idle import IdleWatch
from capture.engine.telemetry import Telemetry
from capture.errors import InvalidEventError
from capture.sinks import Answer, Outcome
from capture.sinks.memory import MemorySink
from capture.store import Store
from capture.targets import Target
from capture.testing import FakeClock, TouchScript, decode_batches, memory_capture


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def opened(tmp_path, clock):
    cap, sink = memory_capture(tmp_path, clock=clock)
    with cap:
        yield cap, sink


@pytest.fixture
def lose(monkeypatch):
    """Return a function that a store calls with each loss: the one that the capture made for it."""
    options, init = {}, Store.__init__
    monkeypatch.setattr(
        Store, "__init__", lambda *place, **given: options.update(given) or init(*place, **given)
    )

    def lose(cause, count):
        options["on_drop"](cause, count)

    return lose


def recorded(cap, sink):
    cap.flush()
    return [event for batch in decode_batches(sink.batches) for event in batch.events]


def test_before_send_sees_every_event_with_full_names(opened):
    cap, sink = opened
    seen = []
    cap.before_send = lambda event: seen.append(event) or event
    cap.screen_view("A")

    assert [type(event) for event in seen] == [events.AppStart, events.ScreenView]
    assert seen[1].common.screen_count == 1
    assert len(recorded(cap, sink)) == 2


def test_before_send_drops_and_the_session_does_not_see_it(opened):
    cap, sink = opened
    cap.app_start()
    cap.before_send = lambda event: None if type(event) is events.ScreenView else event
    assert cap.screen_view("secret") is None
    cap.track_variable("k", 1)
    last = recorded(cap, sink)[-1]

    assert last.screen_count == 0
    assert cap.stats.dropped == {"before_send": 1}
    assert cap.stats.collected == 2


@pytest.mark.parametrize("hidden", ["dropped", "paused", "recorded"])
def test_app_hide_sends_what_was_recorded_whatever_becomes_of_its_event(opened, hidden):
    cap, sink = opened
    arrived, send = threading.Event(), sink.send
    sink.send = lambda *batch: arrived.set() or send(*batch)
    assert cap.flush()  # no start is due any more
    cap.screen_view("A")
    if hidden == "dropped":
        cap.before_send = lambda event: None if type(event) is events.AppHide else event
    if hidden == "paused":
        cap.pause()
    assert not sink.attempts
    event_id = cap.app_hide()

    assert (event_id is not None) is (hidden == "recorded")
    assert arrived.wait(30)


def test_before_send_changes_an_event_but_not_what_makes_it_that_event(opened):
    cap, sink = opened
    cap.app_start()

    def change(event):
        common = msgspec.structs.replace(event.common, session_number=99, event_id="x", time_ms=0, url="u://")
        return msgspec.structs.replace(event, common=common, value="changed")

    cap.before_send = change
    event_id = cap.track_variable("k", "v")
    event = recorded(cap, sink)[-1]

    assert (event.value, event.url) == ("changed", "u://")
    assert (event.event_id, event.session_number) == (event_id, 1)
    assert event.time_ms > 0


@pytest.mark.parametrize(
    "filtered",
    [
        pytest.param(lambda event: 1 / 0, id="raises"),
        pytest.param(lambda event: "text", id="another-type"),
        pytest.param(lambda event: events.AppShow(event.common), id="another-event"),
        pytest.param(lambda event: msgspec.structs.replace(event, key=""), id="outside-the-format"),
        pytest.param(lambda event: msgspec.structs.replace(event, value=object()), id="no-json"),
    ],
)
def test_a_before_send_that_fails_drops_the_event(opened, caplog, filtered):
    cap, sink = opened
    cap.app_start()
    cap.before_send = filtered
    assert cap.track_variable("k", "v") is None
    cap.before_send = None
    cap.track_variable("k", "w")

    assert [event.value for event in recorded(cap, sink)[1:]] == ["w"]
    assert cap.stats.dropped == {"before_send": 1}
    assert "before_send failed" in caplog.text


def test_tracking_inside_before_send_is_ignored_and_counted(opened):
    cap, sink = opened
    cap.app_start()

    def track(event):
        assert cap.track_variable("inner", 1) is None
        return event

    cap.before_send = track
    cap.track_variable("outer", 1)

    assert [event.key for event in recorded(cap, sink)[1:]] == ["outer"]
    assert cap.stats.ignored == {"in_before_send": 1}


def test_callbacks_are_called_with_no_lock_held(opened, clock):
    cap, _ = opened
    done = []

    def from_another_thread(gesture, target):
        thread = threading.Thread(target=lambda: done.append(cap.track_variable("k", 1)))
        thread.start()
        thread.join(10)

    cap.on_gesture = from_another_thread
    TouchScript(cap, clock).tap(target=Target(id="x"))

    assert done != []
    assert done[0] is not None


def test_a_signal_handler_may_fail_while_its_thread_counts_a_failure():
    class Interrupted(dict):
        def get(self, *values):
            if not self:
                self["touch_up"] = 0
                telemetry.failed("touch_up", TypeError("in the handler"))
            return super().get(*values)

    telemetry = Telemetry()
    telemetry.failures = Interrupted()
    counting = threading.Thread(
        target=telemetry.failed, args=("touch_up", TypeError("a wrong time")), daemon=True
    )
    counting.start()
    counting.join(10)

    assert telemetry.failures == {"touch_up": 2}


def test_losses_of_the_store_are_reported(lose, opened, caplog):
    cap, _ = opened
    told = []
    cap.on_drop = lambda cause, count: told.append((cause, count))
    lose("age", 3)
    cap.on_drop = lambda cause, count: 1 / 0
    lose("age", 1)

    assert told == [("age", 3)]
    assert "on_drop failed" in caplog.text


def test_losses_of_an_append_are_reported_after_it_with_no_lock_held(lose, opened, monkeypatch):
    cap, _ = opened
    cap.app_start()
    append, told = Store.append, []

    def losing(*arguments, **options):
        lose("memory_full", 1)
        assert told == []
        return append(*arguments, **options)

    def on_drop(cause, count):
        thread = threading.Thread(target=lambda: told.append((cause, cap.session_number, cap.pause())))
        thread.start()
        thread.join(10)

    monkeypatch.setattr(Store, "append", losing)
    cap.on_drop = on_drop
    cap.track_variable("k", 1)

    assert told == [("memory_full", 1, None)]


def test_debug_prints_each_event_as_it_is_recorded(tmp_path, capsys):
    config = memory_capture(tmp_path, privacy=PrivacyConfig(opted_in=True))[0]
    config.close()
    with Capture(config.config, sinks=[MemorySink()], debug=True) as cap:
        cap.screen_view("A")
    lines = capsys.readouterr().err.splitlines()

    assert [line[:7] for line in lines] == ['{"ea":0', '{"ea":4']
    assert '"st":"A"' in lines[1]


def test_nothing_of_an_event_is_logged(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    cap, _ = memory_capture(tmp_path)
    with cap:
        cap.screen_view("Geheimnis")
        cap.track_variable("Schluessel", "Wert")

    assert not any(secret in caplog.text for secret in ("Geheimnis", "Schluessel", "Wert"))


def test_statistics_count_everything(tmp_path):
    answers = [Answer(Outcome.REFUSED, "HTTP 400"), *[Answer(Outcome.REFUSED, "HTTP 400")] * 1]
    sink = MemorySink(answers=answers)
    base, _ = memory_capture(tmp_path, privacy=PrivacyConfig(opted_in=False))
    cap = Capture(base.config, sinks=[sink], clock=FakeClock())
    with cap:
        cap.opt_in()
        cap.hook = "raw"
        cap.screen_view("A")
        cap.track_variable("k", 1)
        assert (cap.stats.collected, cap.stats.pending) == (3, 3)
        cap.flush()
        stats = cap.stats

    assert (stats.delivered, stats.dead_letters, stats.pending, stats.hook) == (2, 1, 0, "raw")
    with pytest.raises(AttributeError):
        stats.collected = 0


def test_statistics_count_by_sink(tmp_path):
    answers = [Answer(Outcome.UNAVAILABLE, "HTTP 404")] * 9
    sinks = [MemorySink("good"), MemorySink("bad", answers=answers)]
    config = memory_capture(tmp_path, privacy=PrivacyConfig(opted_in=False))[0].config
    with Capture(config, sinks=sinks, clock=FakeClock()) as cap:
        assert set(cap.stats.sinks) == {"good", "bad"}
        cap.opt_in()
        cap.screen_view("A")
        assert cap.flush() is False
        good, bad = cap.stats.sinks["good"], cap.stats.sinks["bad"]

    assert (good.pending, good.delivered, good.paused, good.last_error) == (0, 2, "", "")
    assert (bad.pending, bad.delivered, bad.paused, bad.last_error) == (2, 0, "HTTP 404", "HTTP 404")
    assert cap.stats.pending == 2


# The idle signal


def watch(after_s=60):
    clock = FakeClock()
    told = []
    return clock, told, IdleWatch(after_s, lambda: told.append(clock.monotonic_ns()), clock.monotonic_ns)


def test_idle_is_told_once_when_the_time_is_up():
    clock, told, idle = watch()
    assert idle.check() == 60
    clock.advance(s=59.999)
    assert idle.check() == pytest.approx(0.001)
    assert told == []
    clock.advance(ms=1)
    idle.check()
    clock.advance(s=600)
    idle.check()

    assert len(told) == 1


def test_a_touch_arms_it_again():
    clock, told, idle = watch()
    clock.advance(s=60)
    idle.check()
    idle.touched(1)
    idle.touched(0)
    clock.advance(s=60)
    idle.check()

    assert len(told) == 2


def test_an_exit_in_the_callback_does_not_end_the_watch():
    clock, told, _ = watch()

    def leave():
        told.append(1)
        sys.exit(3)

    idle = IdleWatch(60, leave, clock.monotonic_ns)
    for _ in range(2):
        idle.touched(0)
        clock.advance(s=60)
        idle.check()

    assert len(told) == 2


def test_a_finger_that_rests_is_a_touch():
    clock, told, idle = watch()
    idle.touched(1)
    clock.advance(s=600)
    idle.check()
    assert told == []
    idle.touched(0)
    clock.advance(s=60)
    idle.check()

    assert len(told) == 1


def test_the_idle_signal_of_a_capture(tmp_path):
    cap, _ = memory_capture(tmp_path)
    told = threading.Event()
    with cap:
        before = set(threading.enumerate())
        cap.set_idle(3600, lambda: None)
        cap.set_idle(0.01, told.set)
        assert told.wait(10)
        threads = set(threading.enumerate()) - before
        assert all(thread.daemon for thread in threads)
    for thread in threads:
        thread.join(10)

    assert threads != set()
    assert not any(thread.is_alive() for thread in threads)


def test_touches_reach_the_idle_watch(opened, monkeypatch):
    cap, _ = opened
    fingers = []
    monkeypatch.setattr(IdleWatch, "touched", lambda _, down: fingers.append(down))
    cap.set_idle(3600, lambda: None)
    for call in (cap.touch_down, cap.touch_up, cap.touch_down):
        call(0, 1, 1)
    cap.touch_cancel(0)

    assert fingers == [1, 0, 1, 0]


def test_a_time_of_ages_is_a_time(tmp_path):
    cap, _ = memory_capture(tmp_path)
    with cap:
        cap.set_idle(1e300, print)
        assert watch(1e9)[2].check() == 3600.0
        assert cap.flush(1e300)
        cap.flush(-1e300)


def test_an_idle_time_must_be_a_time(opened):
    with pytest.raises(InvalidEventError, match="after_s = -1: expected a positive"):
        opened[0].set_idle(-1, print)
