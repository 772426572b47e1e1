"""Consent: nothing before the opt-in, nothing after the opt-out, pauses in between."""

import subprocess
import sys
import threading
import uuid

import pytest

from capture.config import BufferConfig, PrivacyConfig
from capture.engine import Capture
from capture.errors import StoreError
from capture.sinks import Answer, Outcome
from capture.sinks.memory import MemorySink
from capture.targets import Target
from capture.testing import FakeClock, TouchScript, decode_batches, memory_capture

NOT_YET = PrivacyConfig(opted_in=False)


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def everything(cap):
    """Make every call that would record something; return what they gave."""
    return [
        cap.app_start(),
        cap.app_show(),
        cap.screen_view("A", ("b",)),
        cap.touch_down(0, 1, 1, target=Target(id="x")),
        cap.touch_move(0, 2, 2),
        cap.touch_up(0, 1, 1),
        cap.touch_down(1, 1, 1),
        cap.touch_cancel(1),
        cap.track_transaction(1, "EUR"),
        cap.track_variable("k", "v"),
        cap.app_hide(),
    ]


def test_nothing_is_recorded_before_the_opt_in(tmp_path):
    cap, sink = memory_capture(tmp_path / "store", privacy=NOT_YET)
    with cap:
        assert everything(cap) == [None] * 11
        assert cap.flush() is True
        assert (cap.user_id, cap.session_number, cap.opted_in, cap.is_recording) == (None, 0, False, False)
        assert cap.stats.collected == 0
        assert cap.stats.gestures == cap.stats.ignored == {}

    assert sink.attempts == []
    assert list(tmp_path.iterdir()) == []


AUDIT = """
import os, sys
opened = []
def hook(event, arguments):
    if event == "open":
        path, mode, flags = arguments
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            opened.append(path)
    elif event in ("os.mkdir", "sqlite3.connect", "os.rename", "tempfile.mkdtemp", "tempfile.mkstemp"):
        opened.append((event, *arguments))
sys.dont_write_bytecode = True
sys.addaudithook(hook)
from capture.config import BufferConfig, ProjectConfig, RunConfig, SinkConfig
from capture.engine import Capture
folder = sys.argv[1]
config = RunConfig(
    project=ProjectConfig(id=1),
    buffer=BufferConfig(path=folder + "/store"),
    sinks=(SinkConfig(type="file", options={"path": folder + "/out"}),),
)
with Capture(config) as cap:
    cap.app_start(); cap.screen_view("A"); cap.touch_down(0, 1, 1); cap.touch_move(0, 1, 1)
    cap.touch_up(0, 1, 1); cap.track_variable("k", 1)
    cap.track_transaction(1, "EUR"); cap.app_hide(); cap.flush(); cap.stats
    before = list(opened)
    cap.opt_in()
print(before)
print(len(opened) > len(before))
"""


def test_an_audit_hook_sees_no_file_before_the_opt_in(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", AUDIT, str(tmp_path)], capture_output=True, text=True, check=False
    )

    # The second line shows that the hook would have seen one.
    assert done.stdout == "[]\nTrue\n", done.stderr


def test_opt_in_makes_the_user_and_the_store(tmp_path):
    cap, sink = memory_capture(tmp_path / "store", privacy=NOT_YET)
    with cap:
        cap.opt_in()
        cap.opt_in()
        assert cap.opted_in
        assert str(uuid.UUID(cap.user_id)) == cap.user_id
        assert cap.screen_view("A") is not None

    assert "state.json" in names(tmp_path / "store")
    assert decode_batches(sink.batches)[0].user_id == cap.user_id


def test_an_opt_in_lasts_over_restarts(tmp_path):
    first, _ = memory_capture(tmp_path, privacy=NOT_YET)
    with first:
        first.opt_in()
    second, _ = memory_capture(tmp_path, privacy=NOT_YET)
    with second:
        assert second.opted_in
        assert second.user_id == first.user_id


def test_opt_out_leaves_the_empty_marker_alone(tmp_path):
    cap, sink = memory_capture(tmp_path)
    with cap:
        cap.screen_view("A")
        cap.opt_out()
        assert (cap.user_id, cap.session_number, cap.opted_in) == (None, 0, False)
        assert names(tmp_path) == ["opted-out"]
        assert everything(cap) == [None] * 11
        assert cap.stats.collected == 0

    assert names(tmp_path) == ["opted-out"]
    assert (tmp_path / "opted-out").stat().st_size == 0
    assert sink.batches == []


def test_an_opt_out_wins_over_the_configuration(tmp_path):
    cap, _ = memory_capture(tmp_path)
    with cap:
        cap.opt_out()
    again, _ = memory_capture(tmp_path, privacy=PrivacyConfig(opted_in=True))
    with again:
        assert not again.opted_in
        assert again.screen_view("A") is None

    assert names(tmp_path) == ["opted-out"]


def test_only_opt_in_ends_an_opt_out_with_a_new_user_and_session_1(tmp_path):
    cap, sink = memory_capture(tmp_path)
    with cap:
        first = cap.user_id
        cap.screen_view("A")
        cap.opt_out()
        cap.opt_in()
        assert cap.user_id not in {None, first}
        assert cap.screen_view("B") is not None
        assert cap.session_number == 1
    [batch] = decode_batches(sink.batches)

    assert batch.user_id == cap.user_id
    assert [event.title for event in batch.events] == ["B"]
    assert batch.events[0].screen_count == 1
    assert "opted-out" not in names(tmp_path)


def test_opt_out_without_an_opt_in_is_remembered(tmp_path):
    cap, _ = memory_capture(tmp_path / "store", privacy=NOT_YET)
    with cap:
        cap.opt_out()

    assert names(tmp_path / "store") == ["opted-out"]


def test_opt_out_stops_a_delivery_under_way(tmp_path):
    sending, go_on, workers = threading.Event(), threading.Event(), []

    def answer(batch):
        workers.append(threading.current_thread())
        sending.set()
        go_on.wait(10)
        return Answer(Outcome.ACCEPTED)

    sink = MemorySink(answers=answer)
    config = memory_capture(tmp_path, privacy=NOT_YET)[0].config
    cap = Capture(config, sinks=[sink])
    with cap:
        cap.opt_in()
        for number in range(120):
            cap.track_variable("k", number)
        assert sending.wait(30)
        [worker] = workers
        cap.opt_out()
        assert names(tmp_path) == ["opted-out"]
        go_on.set()
        worker.join(30)
        assert not worker.is_alive()

    # The request that was under way could not be called back; nothing followed, and no file came back.
    assert len(sink.attempts) == 1
    assert names(tmp_path) == ["opted-out"]


def test_opt_out_stops_a_retry_under_way(tmp_path):
    failed, workers = threading.Event(), []

    def answer(batch):
        workers.append(threading.current_thread())
        failed.set()
        return Answer(Outcome.TEMPORARY, "HTTP 503", 3600.0)

    sink = MemorySink(answers=answer)
    config = memory_capture(tmp_path, privacy=NOT_YET)[0].config
    with Capture(config, sinks=[sink]) as cap:
        cap.opt_in()
        cap.track_variable("k", 1)
        cap.app_hide()
        assert failed.wait(30)
        [worker] = workers
        cap.opt_out()
        worker.join(30)
        assert not worker.is_alive()

    assert len(sink.attempts) == 1
    assert names(tmp_path) == ["opted-out"]


def test_another_process_that_opted_out_stops_ours_from_sending(tmp_path):
    cap, sink = memory_capture(tmp_path)
    with cap:
        cap.track_variable("k", 1)
        (tmp_path / "opted-out").touch()
        assert cap.flush(0.2) is False

    assert sink.attempts == []


@pytest.mark.parametrize("delivers", [True, False])
def test_what_another_process_withdrew_was_not_delivered(tmp_path, delivers):
    captures = [memory_capture(tmp_path) for _ in range(2)]
    # Who is first delivers.
    assert captures[0][0].flush()
    (cap, sink), (other, _) = captures if delivers else captures[::-1]
    with cap, other:
        cap.track_variable("k", 1)
        attempts = len(sink.attempts)
        other.opt_out()
        assert cap.flush() is False
        assert cap.flush() is False
        assert len(sink.attempts) == attempts
        assert not cap.opted_in
        cap.opt_in()
        assert cap.flush()


def test_an_opt_out_of_another_process_is_seen_while_a_call_holds_the_lock(tmp_path):
    cap, _ = memory_capture(tmp_path)
    met, goes_on = threading.Event(), threading.Event()

    def before_send(event):
        met.set()
        assert goes_on.wait(30)
        return event

    with cap:
        cap.before_send = before_send
        caller = threading.Thread(target=cap.track_variable, args=("k", 1))
        caller.start()
        assert met.wait(30)
        (tmp_path / "opted-out").touch()
        try:
            # The thread that meets the marker waits for the lock of the call.
            assert cap.flush(5) is False
            assert (cap.opted_in, cap.stats.recording) == (False, "not_opted_in")
        finally:
            goes_on.set()
            caller.join(30)
        cap.opt_in()
        assert cap.opted_in


def test_a_pause_records_nothing_and_cancels_strokes(tmp_path):
    clock = FakeClock()
    cap, sink = memory_capture(tmp_path, clock=clock)
    ended = []
    with cap:
        cap.on_gesture = lambda gesture, target: ended.append(gesture.reason.name)
        cap.screen_view("A")
        cap.touch_down(0, 1, 1)
        cap.pause()
        assert ended == ["CANCELED"]
        assert not cap.is_recording
        assert everything(cap) == [None] * 11
        cap.resume()
        assert cap.touch_up(0, 1, 1) is None
        assert cap.stats.ignored == {"orphan_samples": 1}
        assert TouchScript(cap, clock).tap() is not None
        cap.flush()
        # The hide in the pause may have sent what was there.
        sent = [event for batch in decode_batches(sink.batches) for event in batch.events]
        assert [type(event).__name__ for event in sent] == ["AppStartWire", "ScreenViewWire", "TapWire"]


def test_a_store_that_cannot_be_made_does_not_stop_the_app(tmp_path):
    (tmp_path / "file").write_text("in the way")
    blocked = BufferConfig(path=str(tmp_path / "file" / "store"))
    cap, sink = memory_capture(tmp_path, buffer=blocked)
    with cap:
        assert cap.track_variable("k", 1) is not None
        with pytest.raises(StoreError, match="the opt-out is not remembered"):
            cap.opt_out()
        assert everything(cap) == [None] * 11
        assert cap.user_id is None

    assert (tmp_path / "file").read_text() == "in the way"
    assert sink.attempts == []


@pytest.mark.parametrize("opted_in", [True, False], ids=["by configuration", "at an earlier start"])
def test_a_store_that_cannot_be_read_at_the_start_keeps_its_user(tmp_path, monkeypatch, caplog, opted_in):
    first, _ = memory_capture(tmp_path)
    user_id = first.user_id
    first.close()
    monkeypatch.setattr("capture.engine.lifecycle._OPEN_AGAIN_S", 0.01)
    state = tmp_path / "state.json"
    good = state.read_bytes()
    for path in (*tmp_path.glob("*.seg"), *tmp_path.glob("*.bak")):
        path.unlink()
    state.write_bytes(good.replace(b"user_id", b"user_it"))
    before = set(threading.enumerate())
    cap, _ = memory_capture(tmp_path, privacy=PrivacyConfig(opted_in=opted_in))
    found = cap.user_id, cap.is_recording, cap.screen_view("Home")
    [opening] = set(threading.enumerate()) - before
    state.write_bytes(good)
    opening.join(30)

    assert found == (None, False, None)
    assert "nothing is recorded until the store can be read" in caplog.text
    assert cap.user_id == user_id
    assert cap.screen_view("Home") is not None
    cap.close()


@pytest.mark.parametrize("how", ["environment", "configuration"])
def test_a_disabled_capture_does_nothing(tmp_path, monkeypatch, how):
    if how == "environment":
        monkeypatch.setenv("CAPTURE_DISABLED", "1")
    cap, sink = memory_capture(tmp_path / "store", disabled=how == "configuration")
    with cap:
        cap.opt_in()
        assert everything(cap) == [None] * 11
        assert cap.screen_view(None) is cap.track_variable(1, 2.0) is cap.track_transaction("", "") is None
        assert cap.user_id is None
        cap.pause()
        cap.resume()
        cap.opt_out()
        assert cap.flush() is True

    assert list(tmp_path.iterdir()) == []
    assert sink.attempts == []


def test_a_user_who_is_sampled_out_records_nothing(tmp_path):
    cap, sink = memory_capture(tmp_path, privacy=PrivacyConfig(opted_in=True, sampling=0.0))
    with cap:
        assert cap.screen_view("A") is None
        assert cap.track_variable("k", 1) is None
        cap.touch_down(0, 1, 1)
        assert cap.touch_up(0, 1, 1) is not None
        assert cap.stats.ignored == {"sampled_out": 3}

    assert sink.attempts == []


def test_a_closed_capture_does_nothing(tmp_path):
    cap, sink = memory_capture(tmp_path)
    cap.screen_view("A")
    assert cap.close() is True
    count = len(sink.batches)

    assert cap.close() is True
    assert everything(cap) == [None] * 11
    cap.opt_in()
    assert not cap.is_recording
    assert cap.flush() is True
    assert len(sink.batches) == count
    assert (cap.stats.collected, cap.stats.delivered, cap.stats.pending) == (2, 2, 0)
