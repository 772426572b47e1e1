"""A log played into a live capture: its pace, its touches and marks, its end."""

import json
import signal

import pytest
from replay_logs import MS, flat, log, mark, screen, tap

from capture import ProjectConfig, RunConfig
from capture.config import BufferConfig, DeliveryConfig, DeviceConfig, PrivacyConfig
from capture.errors import ConfigError, SinkError, TouchLogError
from capture.gestures.kinds import GestureKind, Reason
from capture.logs import ReadOptions
from capture.replay import Replay, replay
from capture.sinks import Answer, Outcome
from capture.sinks.memory import MemorySink
from capture.testing import START_NS, FakeClock

CONFIG = RunConfig(project=ProjectConfig(id=7, app_id="app"), device=DeviceConfig(connectivity=1))


START, SHOW, HIDE, SCREEN = 0, 1, 2, 4
TAP, LONG_PRESS, FLING, TRANSACTION, VARIABLE = 6, 8, 10, 16, 18


class Waiting(FakeClock):
    """A clock that a wait moves."""

    def __init__(self):
        super().__init__()
        self.waits = []

    def wait(self, seconds):
        self.waits.append(seconds)
        self.advance(s=seconds)


def played(*paths, speed=1.0, config=CONFIG, sink=None, clock=None, **options):
    """Play logs; return the summary, the events that arrived and what was recognised when."""
    clock = clock or Waiting()
    sink = sink or MemorySink()
    seen = []

    def note(gesture, begun_s):
        seen.append((round((clock.wall_ns() - START_NS) / MS), gesture, begun_s))

    job = Replay(
        paths,
        config=config,
        sinks=[sink],
        speed=speed,
        clock=clock,
        wait=clock.wait,
        on_gesture=note,
        **options,
    )
    job.run()
    return job.summary, events_of(sink), seen


def events_of(sink):
    return [event for batch in sink.batches for event in json.loads(batch.body)["pl"]]


def codes(events):
    return [event["ea"] for event in events]


@pytest.mark.parametrize("speed", [1.0, 4.0, 0.25])
def test_gestures_come_when_they_are_due_and_are_those_of_the_log(tmp_path, speed):
    path = log(tmp_path, *tap(5000), *tap(7000, hold_ms=700), *tap(9000, travel=80.0))
    clock = Waiting()
    summary, events, seen = played(path, speed=speed, clock=clock)

    assert [at for at, _, _ in seen] == pytest.approx([80 / speed, 2700 / speed, 4080 / speed], abs=1)
    assert [gesture.kind for _, gesture, _ in seen] == [
        GestureKind.TAP,
        GestureKind.LONG_PRESS,
        GestureKind.FLING,
    ]
    assert [gesture.duration for _, gesture, _ in seen] == [80, 700, 80]
    assert [begun_s for _, _, begun_s in seen] == pytest.approx([0, 2, 4])
    assert codes(events) == [START, TAP, LONG_PRESS, FLING]
    assert [event["t"] - START_NS // MS for event in events[1:]] == pytest.approx(
        [80 / speed, 2700 / speed, 4080 / speed], abs=1
    )
    assert sum(clock.waits) == pytest.approx(4.08 / speed, abs=1e-6)
    assert max(clock.waits) <= 0.1
    assert (summary.complete, summary.strokes, summary.events, summary.sessions) == (True, 3, 4, 1)
    assert summary.kinds == {"tap": 1, "long_press": 1, "fling": 1}


def test_a_touch_that_comes_late_keeps_its_time(tmp_path):
    class Slow(Waiting):
        def wait(self, seconds):
            super().wait(seconds + 0.5)

    _, events, seen = played(log(tmp_path, *tap(0)), clock=Slow())

    assert seen[0][0] == 580
    assert events[1]["t"] == START_NS // MS + 80


def test_fingers_interleave_as_in_the_log(tmp_path):
    first, second = tap(0, pointer=3), tap(40, pointer=9)
    rows = [first[0], second[0], first[1], second[1], *tap(3000, pointer=3)]
    summary, events, seen = played(log(tmp_path, *rows))

    assert [gesture.reason for _, gesture, _ in seen] == [
        Reason.MULTI_TOUCH,
        Reason.MULTI_TOUCH,
        Reason.RECOGNIZED,
    ]
    assert codes(events) == [START, TAP]
    assert summary.reasons == {"multi_touch": 2, "recognized": 1}


@pytest.mark.parametrize(
    ("last", "reasons"),
    [
        pytest.param([{"action": 3, "time": 50 * MS, "x": 1.0, "y": 2.0}], {"canceled": 1}, id="cancel"),
        pytest.param([], {"canceled": 1}, id="still-down-at-the-end"),
        pytest.param(tap(50), {"incomplete": 1, "recognized": 1}, id="down-again"),
    ],
)
def test_strokes_without_a_lift_make_no_event(tmp_path, last, reasons):
    summary, events, seen = played(log(tmp_path, tap(0)[0], *last))

    assert summary.reasons == reasons
    assert len(seen) == sum(reasons.values())
    assert codes(events).count(TAP) == reasons.get("recognized", 0)
    assert summary.logs[0].ignored == {}


def test_marks_become_calls_when_they_are_due(tmp_path):
    path = log(
        tmp_path,
        mark(0, "app_show"),
        screen(1000, "Home", path=["start"]),
        mark(1500, "target", pointer=0, path="[root]>button>", id="pay", responsive=False),
        *tap(2000),
        mark(3000, "transaction", value=9.5, currency="EUR", id="t1"),
        mark(3500, "variable", key="plan", value="gold"),
        mark(3600, "variable", key="", value="none"),
        mark(3700, "note", text="nothing of ours"),
        mark(4000, "app_hide"),
    )
    summary, events, _ = played(path)
    tapped = events[3]

    assert codes(events) == [START, SHOW, SCREEN, TAP, TRANSACTION, VARIABLE, HIDE]
    assert (tapped["tvp"], tapped["tvid"]) == ("[root]>button>", "pay")
    assert tapped["scn"] == 1
    assert [event["t"] - START_NS // MS for event in events] == [0, 0, 1000, 2080, 3000, 3500, 4000]
    assert summary.logs[0].ignored == {"unused_marks": 1}


def test_a_verdict_before_the_up_says_whether_the_target_reacts(tmp_path):
    target = {"pointer": 0, "path": "[root]>button>", "id": "pay", "responsive": True}
    path = log(
        tmp_path,
        mark(0, "target", **target),
        *tap(0)[:-1],
        mark(60, "verdict", pointer=0, responsive=False),
        tap(0)[-1],
        # Of a stroke that is over, and with a value that none has.
        mark(900, "verdict", pointer=0, responsive=False),
        mark(900, "verdict", pointer=5, responsive="bad"),
        mark(1900, "target", **target),
        *tap(2000),
    )
    summary, events, _ = played(path)

    assert [event["ur"] for event in events if event["ea"] == TAP] == [False, True]
    assert summary.logs[0].ignored == {"unused_marks": 1}


def test_a_pause_ends_the_session_as_in_an_app(tmp_path):
    minutes = round(CONFIG.session.timeout_s * 1000)
    clock = Waiting()
    summary, events, _ = played(log(tmp_path, *tap(0), *tap(minutes + 80)), clock=clock)
    quick, _, _ = played(log(tmp_path, *tap(0), *tap(minutes + 80)), speed=2.0)

    assert summary.sessions == 2
    assert [event["sn"] for event in events] == [1, 1, 2]
    assert quick.sessions == 1


def test_logs_follow_one_another_on_the_screen_of_each(tmp_path):
    small = log(tmp_path, *tap(0), info={"width": 100, "height": 200, "density": 1.0})
    # 60 px are a fling on the small screen, and no more than 30 dp on the large one.
    large = log(
        tmp_path,
        *tap(10**9, travel=60.0),
        name="b.touch.jsonl",
        info={"width": 400, "height": 300, "density": 2.0},
    )
    sink = MemorySink()
    summary, _, seen = played(small, large, sink=sink)
    headers = [json.loads(batch.body) for batch in sink.batches]

    assert [gesture.reason for _, gesture, _ in seen] == [Reason.RECOGNIZED, Reason.BETWEEN_SLOP_AND_DRAG]
    assert [each.samples for each in summary.logs] == [2, 2]
    assert [each.events for each in summary.logs] == [2, 0]
    assert headers[0]["pid"] == 7
    assert headers[0]["uid"] == summary.user_id


def test_other_streams_are_another_device(tmp_path):
    summary, _, seen = played(log(tmp_path, *flat(tap(0, stream=5), tap(1, stream=6), tap(2000, stream=5))))

    assert len(seen) == 2
    assert summary.logs[0].ignored == {"other_streams": 2}


def test_consent_and_store_are_its_own(tmp_path):
    config = RunConfig(
        project=ProjectConfig(id=7),
        buffer=BufferConfig(path=str(tmp_path / "app")),
        privacy=PrivacyConfig(sampling=0.0, hide_ids=("pay*",), hide_with="drop"),
    )
    rows = [mark(0, "target", pointer=0, path="[root]>button#pay1>", id="pay1"), *tap(0)]
    _, events, _ = played(log(tmp_path, *rows), config=config)

    assert events[1]["tvid"] == ""
    assert not (tmp_path / "app").exists()


def test_without_a_sink_the_batches_are_in_the_folder(tmp_path):
    clock = Waiting()
    summary = replay(
        [log(tmp_path, *tap(0))], tmp_path / "out", config=CONFIG, speed=1.0, clock=clock, wait=clock.wait
    )
    written = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))

    assert (tmp_path / "out" / "batches.jsonl").read_bytes().count(b"\n") == 1
    assert written["complete"] is summary.complete is True
    assert written["sinks"]["file"]["delivered"] == 2


def test_interrupted_it_delivers_what_was_played(tmp_path):
    clock = Waiting()
    sink = MemorySink()
    wait = clock.wait

    def interrupting(seconds):
        wait(seconds)
        if len(clock.waits) == 8:
            signal.raise_signal(signal.SIGINT)

    job = Replay(
        [log(tmp_path, *tap(0), *tap(500, hold_ms=400), *tap(3_600_000))],
        tmp_path / "out",
        config=CONFIG,
        sinks=[sink],
        speed=1.0,
        clock=clock,
        wait=interrupting,
    )
    with pytest.raises(KeyboardInterrupt):
        job.run()

    assert codes(events_of(sink)) == [START, TAP]
    assert len(clock.waits) == 8
    assert job.summary.complete is False
    assert job.summary.reasons == {"recognized": 1, "canceled": 1}
    assert json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))["strokes"] == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_log_that_breaks_off_delivers_what_was_played(tmp_path):
    path = log(tmp_path, *tap(0))
    other = log(tmp_path, *tap(0), name="other.touch.jsonl")
    with other.open("ab") as file:
        file.write(b"{" * (2 << 20))
    sink = MemorySink()
    clock = Waiting()
    job = Replay([path, other], config=CONFIG, sinks=[sink], speed=1.0, clock=clock, wait=clock.wait)
    with pytest.raises(TouchLogError, match=r"other\.touch\.jsonl:3: "):
        job.run()

    assert codes(events_of(sink)) == [START, TAP]
    assert not job.summary.complete


def test_a_sink_that_takes_nothing_is_an_error(tmp_path):
    sink = MemorySink(answers=lambda _: Answer(Outcome.TEMPORARY, "HTTP 503"))
    config = RunConfig(project=ProjectConfig(id=7), delivery=DeliveryConfig(shutdown_timeout_s=0.0))

    with pytest.raises(SinkError, match="2 events were not delivered"):
        played(log(tmp_path, *tap(0)), sink=sink, config=config)


def test_refused_events_leave_the_replay_incomplete(tmp_path):
    sink = MemorySink(answers=[Answer(Outcome.REFUSED, "HTTP 422")] * 9)
    summary, _, _ = played(log(tmp_path, *tap(0)), sink=sink)

    assert not summary.complete
    assert summary.sinks["memory"].dead_letters > 0


def test_start_time_and_speed_exclude_each_other(tmp_path):
    with pytest.raises(ConfigError, match="--start-time and --speed"):
        played(log(tmp_path, *tap(0)), options=ReadOptions(start_time_ms=5))


def test_where_capture_is_disabled_nothing_is_played(tmp_path, monkeypatch):
    monkeypatch.setenv("CAPTURE_DISABLED", "1")
    with pytest.raises(ConfigError, match="capture is disabled"):
        played(log(tmp_path, *tap(0)))
