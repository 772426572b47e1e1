"""Nothing fails in silence: every row of the table in docs/reliability.md, and what it says of consent."""

import contextlib
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from capture import Capture
from capture.config import (
    BufferConfig,
    DeliveryConfig,
    PrivacyConfig,
    ProjectConfig,
    RunConfig,
    SessionConfig,
)
from capture.sinks import ACCEPTED, Answer, Outcome
from capture.sinks.memory import MemorySink
from capture.testing import FakeClock, TouchScript, decode_batches, memory_capture

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"


def rows():
    """Return the rows of the table of failures: name -> (log, state, events)."""
    table = (
        PAGE.read_text(encoding="utf-8").partition("## Diagnose failing delivery")[2].partition("\n## ")[0]
    )
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line[:1] == "|"
    ]
    return {row[0]: row[1:] for row in cells[2:]}


ANSWERS = {
    "no network, no receiver, a timeout": Answer(Outcome.TEMPORARY, "ConnectionRefusedError (h.example)"),
    "408, 425, 429, 5xx, 3xx": Answer(Outcome.TEMPORARY, "HTTP 503: busy"),
    "a captive portal": Answer(Outcome.TEMPORARY, "HTTP 200 with a web page, a captive portal? <html>"),
    "401, 403, 404, 405, 407, 410": Answer(Outcome.UNAVAILABLE, "HTTP 403: who are you"),
    "400, 422 and other 4xx": Answer(Outcome.REFUSED, "HTTP 400: no such session"),
    "413": Answer(Outcome.TOO_LARGE, "HTTP 413: too much"),
    "the sink raises": RuntimeError("bug in the sink"),
}


def respond(answer):
    if isinstance(answer, Exception):
        raise answer
    return answer


def capture_with(folder, sink, clock=None, **delivery):
    config = RunConfig(
        project=ProjectConfig(id=8),
        buffer=BufferConfig(path=str(folder)),
        privacy=PrivacyConfig(opted_in=True),
        delivery=DeliveryConfig(shutdown_timeout_s=0.0, **delivery),
    )
    return Capture(config, sinks=[sink], clock=clock)


def settled(cap, states):
    """Return the counts of the sink once it is in one of the states: an attempt may be under way."""
    pause = threading.Event()
    for _ in range(6000):
        stats = cap.stats.sinks["memory"]
        if stats.state in states:
            return stats
        pause.wait(0.01)
    return stats


@pytest.mark.parametrize("name", ANSWERS)
def test_the_table_of_failures(tmp_path, caplog, name):
    log, states, events = rows()[name]
    caplog.set_level("INFO")
    sink = MemorySink(answers=lambda _: respond(ANSWERS[name]))
    cap = capture_with(tmp_path, sink)
    cap.track_variable("k", "v")
    delivered = cap.flush(0.3 if "attempt" in log else 10.0)
    for _ in range(100):
        # Each flush is an attempt.
        if cap.stats.sinks["memory"].attempts >= 3 or "attempt" not in log:
            break
        delivered = cap.flush(0.1)
    stats = settled(cap, re.findall(r"`(\w+)`", states))
    said = [record for record in caplog.records if record.name == "capture.delivery"]

    assert delivered is False
    assert stats.state in re.findall(r"`(\w+)`", states)
    assert stats.last_error
    assert ("WARNING" in log) == any(record.levelname == "WARNING" for record in said)
    if "kept" in events:
        assert stats.pending == 2
    if "dead letter" in events and "at last" not in events:
        assert stats.dead_letters == 2
    cap.close()


def test_every_row_is_made():
    made_here = {
        "an answer cut off",
        "the folder cannot be written",
        "the store is full or the events are old",
    }
    assert set(rows()) == set(ANSWERS) | made_here


def test_dead_letters_make_flush_false_and_are_told(tmp_path, caplog):
    answers = [Answer(Outcome.REFUSED, 'HTTP 400: {"error":"why"}')]
    sink = MemorySink(answers=lambda _: answers[0])
    with capture_with(tmp_path, sink) as cap:
        cap.track_variable("k", "v")
        assert cap.flush(5.0) is False
        # What became a dead letter before is not pending any more.
        answers[0] = ACCEPTED
        cap.track_variable("k", "v")
        assert cap.flush(5.0) is True
        assert cap.stats.sinks["memory"].dead_letters == 2

    [warning] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert 'HTTP 400: {"error":"why"}' in warning.getMessage()


def test_a_call_without_consent_says_so_once(tmp_path, caplog, capsys):
    caplog.set_level("INFO")
    config = RunConfig(project=ProjectConfig(id=6), buffer=BufferConfig(path=str(tmp_path / "store")))
    with Capture(config, debug=True) as cap:
        assert cap.stats.recording == "not_opted_in"
        cap.screen_view("Home")
        TouchScript(cap, FakeClock()).tap()
        cap.track_variable("a", 1)
        told = [record.getMessage() for record in caplog.records if record.name == "capture.engine"]
        assert told == ["nothing is recorded: the user has not opted in; call opt_in() once they have agreed"]
        assert capsys.readouterr().err == f"touchcapture: {told[0]}\n"
        cap.opt_in()
        assert cap.stats.recording == "yes"
        cap.pause()
        assert cap.stats.recording == "paused"
        cap.resume()
        cap.opt_out()
        assert cap.stats.recording == "not_opted_in"
    assert cap.stats.recording == "closed"
    assert not any(tmp_path.glob("store/s*"))


def test_the_reason_why_nothing_is_recorded(tmp_path, monkeypatch):
    unsampled = PrivacyConfig(opted_in=True, sampling=0.0)
    cap, _ = memory_capture(tmp_path / "a", privacy=unsampled)
    assert cap.stats.recording == "sampled_out"
    cap.close()
    cap, _ = memory_capture(tmp_path / "b", disabled=True)
    assert cap.stats.recording == "disabled"
    cap.close()
    shut = tmp_path / "c"
    shut.mkdir()
    (shut / "state.json").write_bytes(b"damaged")
    cap, _ = memory_capture(shut)
    assert cap.stats.recording == "store"
    cap.close()


def test_a_folder_that_cannot_be_written_delivers_from_memory(tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    sink = MemorySink()
    with capture_with(tmp_path / "file" / "store", sink) as cap:
        for number in range(120):
            cap.track_variable("k", number)
        assert cap.flush(10.0)
        assert cap.stats.collected == cap.stats.delivered == 121
        assert cap.stats.recording == "yes"

    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert "memory" in errors[0].getMessage()


HOME = """
import os, pwd
from capture import *
from capture.engine.app_data import data_folder

def nobody(number):
    raise KeyError("uid not found")

pwd.getpwuid = nobody
os.environ.pop("HOME", None)
os.environ.pop("XDG_DATA_HOME", None)
try:
    Capture(RunConfig(project=ProjectConfig(id=8)))
except ConfigError as error:
    print(error)
os.environ["XDG_DATA_HOME"] = "relative/data"
os.environ["HOME"] = "/home/somebody"
print(data_folder("app"))
os.environ["HOME"] = "relative"
try:
    data_folder("app")
except ConfigError:
    print("no home")
os.environ["XDG_DATA_HOME"] = "/data"
print(data_folder("app"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the folders of Linux")
def test_without_a_home_the_setting_is_named():
    done = subprocess.run([sys.executable, "-c", HOME], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    first, second, third, fourth = done.stdout.splitlines()
    assert first.startswith("[buffer] path: required here")
    assert second == "/home/somebody/.local/share/app"
    assert (third, fourth) == ("no home", "/data/app")


def test_what_a_handler_records_comes_after_its_tap(tmp_path):
    clock = FakeClock()
    cap, sink = memory_capture(tmp_path, clock=clock)
    with cap:
        cap.screen_view("A")
        clock.advance(s=20)
        cap.touch_down(2**80, 5, 5)
        clock.advance(ms=50)
        with cap.touch_dispatch(2**80, 5, 5, responsive=lambda: True) as dispatch:
            clock.advance(ms=30)
            cap.screen_view("B")
        assert dispatch.gesture.kind.name == "TAP"
        cap.touch_down(-1, 5, 5)
        with pytest.raises(ZeroDivisionError), cap.touch_dispatch(-1, 5, 5):
            raise ZeroDivisionError
        assert cap.flush(5.0)
    events = [event for batch in decode_batches(sink.batches) for event in batch.events]
    names = [type(event).__name__.removesuffix("Wire") for event in events]
    assert names == ["AppStart", "ScreenView", "Tap", "ScreenView", "Tap"]
    assert events[3].load_time_ms == 30
    assert events[2].responsive is True


def test_no_app_show_twice(tmp_path):
    cap, sink = memory_capture(tmp_path)
    with cap:
        for call in (cap.app_show, cap.app_show, cap.app_hide, cap.app_hide, cap.app_show):
            call()
        assert cap.flush(5.0)
    names = [type(event).__name__ for batch in decode_batches(sink.batches) for event in batch.events]
    assert names == ["AppStartWire", "AppShowWire", "AppHideWire", "AppShowWire"]


@pytest.mark.parametrize(
    "call", ["identify", "end_session", "new_user", "app_hide", "app_start", "touch_down"]
)
def test_each_call_without_consent_says_so(tmp_path, caplog, call):
    caplog.set_level("INFO")
    cap, _ = memory_capture(tmp_path, privacy=PrivacyConfig())
    arguments = {"identify": ["u7"], "touch_down": [0, 1.0, 1.0]}
    getattr(cap, call)(*arguments.get(call, []))
    cap.close()

    assert sum("has not opted in" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError])
def test_what_handlers_raise_loses_and_hides_nothing(tmp_path, error):
    def fail(*_):
        raise error

    def tap(cap, **more):
        cap.touch_down(1, 5, 5)
        with contextlib.suppress(error), cap.touch_dispatch(1, 5, 5, **more):
            pass

    cap, sink = memory_capture(tmp_path)
    with cap:
        cap.screen_view("A")
        tap(cap, responsive=fail)
        cap.on_gesture = fail
        tap(cap)
        cap.on_gesture, cap.before_send = None, fail
        tap(cap)
        cap.before_send = None
        tap(cap)
        assert cap.flush(10.0)
        dropped = cap.stats.dropped
    names = [type(event).__name__ for batch in decode_batches(sink.batches) for event in batch.events]

    assert names == ["AppStartWire", "ScreenViewWire", "TapWire", "TapWire", "TapWire"]
    assert dropped == {"before_send": 1}


@pytest.mark.parametrize(
    "call", ["identify", "flush", "set_screen", "set_orientation", "new_user", "end_session"]
)
def test_a_tap_comes_before_what_any_call_of_its_handler_changes(tmp_path, call):
    arguments = {"identify": ["other"], "set_screen": [300, 200, 1.5], "set_orientation": [1]}
    cap, sink = memory_capture(tmp_path, session=SessionConfig(per_user=False))
    with cap:
        cap.screen_view("A")
        cap.touch_down(1, 5, 5)
        with cap.touch_dispatch(1, 5, 5) as dispatch:
            getattr(cap, call)(*arguments.get(call, []))
            assert dispatch.gesture.kind.name == "TAP"
        assert cap.flush(10.0)
    names = [type(event).__name__ for batch in decode_batches(sink.batches) for event in batch.events]

    assert names == ["AppStartWire", "ScreenViewWire", "TapWire"]


def test_pointers_beyond_32_bits_are_pointers_in_each_call(tmp_path, caplog):
    cap, _ = memory_capture(tmp_path)
    first, second = 2**70, -(2**90)
    with cap:
        cap.touch_move(first, 5, 5)
        assert cap.touch_up(first, 5, 5) is None
        assert cap.touch_cancel(second) is None
        cap.touch_down(first, 5, 5)
        cap.touch_down(second, 300, 300)
        assert {cap.touch_up(each, 5, 5).reason.name for each in (first, second)} == {"MULTI_TOUCH"}
        cap.touch_down(first, 5, 5)
        cap.pause()
        cap.resume()
        assert cap.touch_up(first, 5, 5) is None
        cap.touch_down(first, 5, 5)
        assert cap.touch_up(first, 5, 5).kind.name == "TAP"
        assert cap.stats.ignored == {"orphan_samples": 4}

    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_facts_that_cannot_be_set_in_time_reach_no_host(tmp_path):
    """As where a disk hangs under a record of another thread; a host sets the screen at each touch."""
    cap, _ = memory_capture(tmp_path)
    reached, go_on = threading.Event(), threading.Event()

    def hang(event):
        reached.set()
        go_on.wait(60)
        return event

    with cap:
        cap.screen_view("A")
        cap.before_send = hang
        thread = threading.Thread(target=cap.track_variable, args=("k", 1))
        thread.start()
        assert reached.wait(60)
        cap.set_screen(300, 200, 1.5)
        cap.set_orientation(1)
        cap.set_platform(None)
        cap.set_advertising_id(None)
        assert cap.screen_view("B") is None
        go_on.set()
        thread.join()
        # The density apart from the size of the screen.
        assert cap.stats.ignored == {"busy": 6}
