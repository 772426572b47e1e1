"""What goes wrong around a capture, and that the app goes on."""

import errno
import functools
import os
import threading
from pathlib import Path

import msgspec
import pytest

from capture.config import PrivacyConfig, RunConfig, SinkConfig
from capture.delivery import Delivery
from capture.engine import Capture
from capture.errors import ConfigError, StoreError
from capture.events.privacy import Consent
from capture.replay import Replay
from capture.sinks import Answer, Outcome
from capture.sinks.memory import MemorySink
from capture.store import Store, locks
from capture.store.state import AppState
from capture.testing import FakeClock, TouchScript, decode_batches, memory_capture


def recorded(cap, sink):
    cap.flush()
    return [event for batch in decode_batches(sink.batches) for event in batch.events]


def test_a_capture_needs_a_run_configuration():
    with pytest.raises(TypeError, match=r"expected a RunConfig; RunConfig\.load reads a file"):
        Capture("capture.toml")


def test_a_wrong_sink_is_told_at_construction_before_anything_is_made(tmp_path):
    config = memory_capture(tmp_path / "x", privacy=PrivacyConfig())[0].config
    wrong = RunConfig(project=config.project, buffer=config.buffer, sinks=(SinkConfig(type="teleporter"),))
    with pytest.raises(ConfigError, match=r"sinks\.teleporter\.type"):
        Capture(wrong)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [Capture, functools.partial(Replay, ["x"])], ids=["live", "replay"])
def test_two_given_sinks_of_one_name_are_refused(tmp_path, make):
    config = memory_capture(tmp_path / "x", privacy=PrivacyConfig())[0].config
    sinks = [MemorySink("one"), MemorySink("two"), MemorySink("one")]
    with pytest.raises(ConfigError, match=r"sinks\.name = 'one': two sinks have this name"):
        make(config=config, sinks=sinks)

    assert list(tmp_path.iterdir()) == []


def test_a_session_that_cannot_be_locked_is_recorded_all_the_same(tmp_path, monkeypatch, caplog):
    def refuse(*_, **__):
        raise StoreError("disk I/O error")

    clock = FakeClock()
    cap, sink = memory_capture(tmp_path, clock=clock)
    with cap:
        cap.app_start()
        monkeypatch.setattr(Store, "claim_session", refuse)
        clock.advance(s=1800)
        cap.screen_view("A")
        events = recorded(cap, sink)
        monkeypatch.undo()

    assert [event.session_number for event in events] == [1, 2]
    assert events[1].screen_count == 1
    assert "the session could not be locked: disk I/O error" in caplog.text


def test_an_append_that_fails_unexpectedly_stays_inside_touch_handling(tmp_path, monkeypatch, caplog):
    clock = FakeClock()
    cap, sink = memory_capture(tmp_path, clock=clock)
    with cap:
        cap.app_start()
        monkeypatch.setattr(Store, "append", lambda *_, **__: 1 / 0)
        assert TouchScript(cap, clock).tap().kind.name == "TAP"
        assert TouchScript(cap, clock).tap().kind.name == "TAP"
        monkeypatch.undo()
        TouchScript(cap, clock).tap()
        assert len(recorded(cap, sink)) == 2

    assert caplog.text.count("touch_up failed") == 1
    assert cap.stats.ignored == {"touch_up": 2}


def test_a_store_whose_counts_cannot_be_read_still_gives_statistics(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise StoreError("disk I/O error")

    cap, _ = memory_capture(tmp_path)
    with cap:
        cap.screen_view("A")
        monkeypatch.setattr("capture.store.queues.count_pending", refuse)
        assert (cap.stats.collected, cap.stats.pending) == (2, 0)
        monkeypatch.undo()


def test_a_store_that_cannot_be_opened_records_nothing(tmp_path, monkeypatch, caplog):
    def refuse(self, *_, **__):
        raise StoreError("cannot be opened")

    monkeypatch.setattr(Store, "__init__", refuse)
    cap, sink = memory_capture(tmp_path)
    with cap:
        assert not cap.opted_in
        assert cap.screen_view("A") is None
        with pytest.raises(StoreError):
            cap.opt_in()

    assert "nothing is recorded until the store can be read: cannot be opened" in caplog.text
    assert sink.attempts == []


def test_a_failed_opt_in_does_not_end_an_opt_out(tmp_path, monkeypatch):
    cap, _ = memory_capture(tmp_path)
    with cap:
        cap.opt_out()
        for name in ("first", "write"):
            monkeypatch.setattr(AppState, name, lambda *_: (_ for _ in ()).throw(StoreError("full")))
        with pytest.raises(StoreError, match="full"):
            cap.opt_in()
        monkeypatch.undo()
        assert [path.name for path in tmp_path.iterdir()] == ["opted-out"]
        assert not cap.opted_in


def test_an_opt_out_that_cannot_be_ended_is_told_and_can_be_ended_later(tmp_path, monkeypatch):
    cap, _ = memory_capture(tmp_path)
    with cap:
        cap.opt_out()
        monkeypatch.setattr(Consent, "give", lambda _: (_ for _ in ()).throw(PermissionError("read-only")))
        with pytest.raises(StoreError, match=f"^{tmp_path}: the opt-out cannot be ended: read-only"):
            cap.opt_in()
        assert (cap.opted_in, cap.is_recording, cap.user_id) == (False, False, None)
        assert cap.screen_view("A") is None
        monkeypatch.undo()
        cap.opt_in()
        assert cap.screen_view("B") is not None


def test_a_store_without_a_user_is_no_consent(tmp_path):
    Store(tmp_path, formats={"memory": "native"}).close()
    cap, sink = memory_capture(tmp_path, privacy=PrivacyConfig(opted_in=False))
    with cap:
        assert not cap.opted_in
        assert cap.screen_view("A") is None

    assert sink.attempts == []


def test_state_of_another_kind_starts_the_sessions_anew(tmp_path, caplog, monkeypatch):
    store = Store(tmp_path, formats={"memory": "native"})
    store.write_state({"user_id": "ac1529a7-59f6-49d9-b254-6f0a22f57284"})
    store.close()
    monkeypatch.setattr("capture.store.recovery.last_state", lambda *_: {"screen_count": "seven"})
    cap, sink = memory_capture(tmp_path)
    with cap:
        assert cap.screen_view("A") is not None

    assert "the session of the store cannot be continued" in caplog.text
    assert decode_batches(sink.batches)[0].events[0].session_number == 1


def test_a_host_that_tells_of_the_network_ends_the_wait_of_the_delivery(tmp_path, monkeypatch):
    cap, _ = memory_capture(tmp_path)
    woken = []
    with cap:
        monkeypatch.setattr(Delivery, "wake", lambda _: woken.append(1))
        cap.set_connectivity(-1)
        assert woken == []
        cap.set_connectivity(4)
        # Also where nothing has changed, as far as we know: the receiver may be another one now.
        cap.set_connectivity(4)
        assert woken == [1, 1]


def test_the_network_is_looked_at_anew_unless_the_host_says(tmp_path, monkeypatch):
    clock = FakeClock()
    base, _ = memory_capture(tmp_path / "x", privacy=PrivacyConfig())
    found = [1]
    monkeypatch.setattr("capture.engine.device.connectivity", lambda *_: found[0])
    device = type(base.config.device)(os_version="1")
    cap, sink = memory_capture(tmp_path, clock=clock, device=device)
    script = TouchScript(cap, clock)
    with cap:
        script.tap()
        found[0] = -1
        script.tap()  # too soon to look again
        clock.advance(s=31)
        script.tap()
        cap.set_connectivity(3)
        clock.advance(s=31)
        script.tap()
        taps = [event for event in recorded(cap, sink) if type(event).__name__ == "TapWire"]

    assert [tap.connectivity for tap in taps] == [1, 1, -1, 3]


def test_an_idle_watch_is_not_started_for_nothing(tmp_path):
    cap, _ = memory_capture(tmp_path)
    cap.close()
    before = set(threading.enumerate())
    cap.set_idle(1, print)

    assert set(threading.enumerate()) <= before


def test_a_closed_capture_keeps_saying_what_was_not_delivered(tmp_path):
    config = memory_capture(tmp_path)[0].config
    cap = Capture(config, sinks=[MemorySink(answers=lambda _: Answer(Outcome.UNAVAILABLE, "HTTP 404"))])
    cap.screen_view("A")

    assert [cap.close(), cap.close(), cap.flush()] == [False] * 3
    assert cap.stats.pending == 2


def test_a_store_is_closed_whatever_the_delivery_raises(tmp_path, monkeypatch):
    closed, deliveries = [], []
    cap, _ = memory_capture(tmp_path)
    monkeypatch.setattr(Delivery, "close", lambda delivery, _: deliveries.append(delivery) or 1 / 0)
    monkeypatch.setattr(Store, "close", lambda store, real=Store.close: closed.append(1) or real(store))
    with pytest.raises(ZeroDivisionError):
        cap.close()
    monkeypatch.undo()
    deliveries[0].abort()

    assert closed == [1]


def test_without_a_sink_events_wait_and_nothing_counts_as_delivered(tmp_path):
    config = memory_capture(tmp_path)[0]
    config.close()
    with Capture(config.config) as cap:
        assert cap.flush() is True
        cap.screen_view("A")
        assert cap.flush() is False
        assert cap.close() is False
    assert cap.stats.pending == 2
    cap, sink = memory_capture(tmp_path)
    with cap:
        assert [type(event).__name__ for event in recorded(cap, sink)] == ["AppStartWire", "ScreenViewWire"]


def test_events_that_a_close_loses_are_dropped_and_not_pending(tmp_path):
    (tmp_path / "file").touch()
    config = memory_capture(tmp_path / "x", privacy=PrivacyConfig())[0].config
    config = msgspec.structs.replace(
        config,
        buffer=msgspec.structs.replace(config.buffer, path=str(tmp_path / "file" / "store")),
        privacy=PrivacyConfig(opted_in=True),
    )
    cap = Capture(config, sinks=[MemorySink(answers=lambda _: Answer(Outcome.UNAVAILABLE, "HTTP 404"))])
    cap.screen_view("A")
    assert cap.stats.pending == 2

    assert cap.close() is False
    counts = cap.stats.sinks["memory"]
    assert (counts.stored, counts.dropped, counts.pending) == (2, 2, 0)


@pytest.mark.skipif(os.name != "posix", reason="POSIX tells a lock that is held from one that cannot be")
def test_a_file_system_without_locks_delivers_from_memory(tmp_path, monkeypatch, caplog):
    def fail(_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "_lock", fail)
    cap, sink = memory_capture(tmp_path)
    cap.screen_view("A")

    assert len(recorded(cap, sink)) == 2
    assert cap.close()
    assert "No locks available" in caplog.text
    assert len(list(tmp_path.iterdir())) <= 3


def test_a_folder_of_another_user_records_nothing_and_is_told(tmp_path, monkeypatch, caplog):
    def refuse(path):
        if tmp_path not in path.parents:
            return exists(path)
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    config, exists = memory_capture(tmp_path)[0].config, Path.exists
    monkeypatch.setattr(Path, "exists", refuse)
    with Capture(config, sinks=[MemorySink()]) as cap:
        assert cap.screen_view("A") is None
        assert cap.stats.recording == "store"

    told = [record.levelname for record in caplog.records if "Permission denied" in record.message]
    assert told == ["ERROR"]
