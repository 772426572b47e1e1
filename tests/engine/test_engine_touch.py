"""Touches of a live app: targets, scenes, cancellations, and that nothing raises."""

import math

import numpy as np
import pytest

from capture.config import DeviceConfig, GestureConfig, PrivacyConfig, SessionConfig
from capture.gestures.kinds import GestureKind, Reason
from capture.targets import Target
from capture.testing import FakeClock, TouchScript, decode_batches, memory_capture

BUTTON = Target(path="[root]>form#login>btn>", id="btn_ok", responsive=True)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def opened(tmp_path, clock):
    """A capture with consent, on the screen A, its touch script and its sink."""
    cap, sink = memory_capture(tmp_path, clock=clock)
    with cap:
        cap.screen_view("A")
        yield cap, TouchScript(cap, clock), sink


def recorded(cap, sink):
    cap.flush()
    return [event for batch in decode_batches(sink.batches) for event in batch.events]


@pytest.mark.parametrize(
    ("touch", "name", "kind"),
    [
        pytest.param("tap", "TapWire", GestureKind.TAP, id="tap"),
        pytest.param("long_press", "LongPressWire", GestureKind.LONG_PRESS, id="long-press"),
        pytest.param("drag", "DragWire", GestureKind.DRAG, id="drag"),
        pytest.param("fling", "FlingWire", GestureKind.FLING, id="fling"),
    ],
)
def test_every_kind_is_recorded_with_its_target(opened, touch, name, kind):
    cap, script, sink = opened
    gesture = getattr(script, touch)(target=BUTTON)
    event = recorded(cap, sink)[-1]

    assert gesture.kind is kind
    assert type(event).__name__ == name
    assert (event.target_path, event.target_id) == (BUTTON.path, BUTTON.id)


def test_a_touch_without_a_target_hit_the_root(opened):
    cap, script, sink = opened
    script.tap()
    tap = recorded(cap, sink)[-1]

    assert (tap.target_path, tap.target_id, tap.responsive) == ("[root]>", "", True)


@pytest.mark.parametrize(
    ("known", "learnt", "expected"),
    [
        pytest.param(True, None, True, id="known"),
        pytest.param(False, None, False, id="known-dead"),
        pytest.param(None, None, True, id="unknown"),
        pytest.param(None, False, False, id="learnt-dead"),
        pytest.param(False, True, True, id="learnt-otherwise"),
    ],
)
def test_responsiveness_may_be_learnt_until_the_up(opened, known, learnt, expected):
    cap, script, sink = opened
    script.tap(target=Target(responsive=known), responsive=learnt)

    assert recorded(cap, sink)[-1].responsive is expected


def test_unknown_responsiveness_is_what_the_configuration_says(tmp_path, clock):
    cap, sink = memory_capture(tmp_path, clock=clock, gestures=GestureConfig(unknown_responsive=False))
    with cap:
        TouchScript(cap, clock).tap()
        assert recorded(cap, sink)[-1].responsive is False


def test_a_screen_change_does_not_end_a_stroke_which_belongs_to_the_screen_at_down(opened, clock):
    cap, _, sink = opened
    cap.touch_down(0, 1, 1)
    cap.set_orientation(1)
    cap.set_connectivity(4, "o2")
    cap.screen_view("B")
    clock.advance(ms=70)
    cap.touch_up(0, 1, 1)
    _, first, second, tap = recorded(cap, sink)

    assert (tap.url, tap.screen_count) == (first.url, 1)
    assert (tap.orientation, tap.connectivity) == (0, 1)
    assert (second.orientation, second.connectivity, second.carrier_id) == (1, 4, "o2")
    assert tap.time_ms == second.time_ms + 70
    assert tap.uptime_ms == second.uptime_ms + 70


@pytest.mark.parametrize("ending", ["app_hide", "pause", "opt_out", "close", "touch_cancel"])
def test_what_ends_touches_cancels_open_strokes(opened, clock, ending):
    cap, _, sink = opened
    told = []
    cap.on_gesture = lambda gesture, target: told.append((gesture.reason, gesture.kind, target))
    cap.touch_down(7, 1, 1, target=BUTTON)
    clock.advance(ms=20)
    getattr(cap, ending)(*([7] if ending == "touch_cancel" else []))

    assert told == [(Reason.CANCELED, GestureKind.NONE, BUTTON)]
    assert cap.touch_up(7, 1, 1) is None
    assert "TapWire" not in [type(event).__name__ for event in recorded(cap, sink)]
    assert "dropped_samples" not in cap.stats.ignored


def test_a_cancel_with_a_position_measures_to_it(opened, clock):
    cap, _, _ = opened
    cap.touch_down(0, 0, 0)
    clock.advance(ms=10)

    assert cap.touch_cancel(0, 30, 40).distance == 50
    assert cap.touch_cancel(0) is None


def test_unrecognised_strokes_are_told_and_not_recorded(opened, clock):
    cap, script, sink = opened
    told = []
    cap.on_gesture = lambda gesture, target: told.append(gesture)
    between = script.stroke([(0, 0, 0), (100, 30, 0)])
    cap.touch_down(0, 0, 0)
    cap.touch_down(1, 200, 0)
    clock.advance(ms=30)
    both = [cap.touch_up(0, 0, 0), cap.touch_up(1, 200, 0)]

    assert between.reason is Reason.BETWEEN_SLOP_AND_DRAG
    assert [gesture.reason for gesture in both] == [Reason.MULTI_TOUCH] * 2
    assert told == [between, *both]
    assert cap.stats.gestures == {"none": 3}
    assert [type(event).__name__ for event in recorded(cap, sink)] == ["AppStartWire", "ScreenViewWire"]


def test_a_second_down_of_a_finger_returns_the_incomplete_stroke(opened):
    cap, _, sink = opened
    told = []
    cap.on_gesture = lambda gesture, target: told.append((gesture.reason, target.id))
    cap.touch_down(0, 1, 1, target=Target(id="first"))
    ended = cap.touch_down(0, 5, 5, target=Target(id="second"))
    cap.touch_up(0, 5, 5)

    assert ended.reason is Reason.INCOMPLETE
    assert told == [(Reason.INCOMPLETE, "first"), (Reason.RECOGNIZED, "second")]
    assert recorded(cap, sink)[-1].target_id == "second"


def test_rage_and_dead_taps_are_visible_to_the_host(opened):
    cap, script, _ = opened
    told = []
    cap.on_gesture = lambda gesture, target: told.append((gesture.rage, target.responsive))
    for _ in range(3):
        script.tap(target=Target(responsive=False))

    assert told == [(False, False), (False, False), (True, False)]
    assert cap.stats.gestures == {"tap": 3, "rage": 1, "dead": 3}


def test_times_of_the_host_are_kept_and_placed_on_the_wall_clock(opened, clock):
    cap, _, sink = opened
    clock.advance(s=1)
    down = clock.monotonic_ns() - 300_000_000
    cap.touch_down(0, 1, 1, time=down)
    gesture = cap.touch_up(0, 1, 1, time=down + 120_000_000)
    view, tap = recorded(cap, sink)[-2:]

    assert gesture.duration == 120
    # The UP was 180 ms ago, and a second has passed since the screen view.
    assert tap.time_ms == view.time_ms + 820
    assert tap.uptime_ms == view.uptime_ms + 820


@pytest.mark.parametrize("start_ns", [0, 10**18], ids=["another-clock-behind", "another-clock-ahead"])
def test_times_of_another_clock_only_measure(opened, start_ns):
    cap, _, sink = opened
    cap.touch_down(0, 1, 1, time=start_ns)
    gesture = cap.touch_up(0, 1, 1, time=start_ns + 600_000_000)
    view, press = recorded(cap, sink)[-2:]

    assert gesture.kind is GestureKind.LONG_PRESS
    assert press.time_ms == view.time_ms


def test_density_scales_what_is_measured(opened):
    cap, script, sink = opened
    cap.set_screen(2400, 1080, 3.0)
    script.fling()  # 60 px are 20 dp: a tap
    event = recorded(cap, sink)[-1]

    assert type(event).__name__ == "TapWire"
    header = decode_batches(sink.batches)[-1].resolution
    assert (header.width, header.height, header.density) == (1080, 2400, 3.0)


def test_configured_density_and_thresholds(tmp_path, clock):
    cap, _ = memory_capture(
        tmp_path, clock=clock, device=DeviceConfig(density=2.0), gestures=GestureConfig(tap_timeout_ms=1000)
    )
    with cap:
        assert TouchScript(cap, clock).stroke([(0, 0, 0), (900, 40, 0)]).kind is GestureKind.TAP


def test_load_times_count_from_unrecognised_gestures_too(opened, clock):
    cap, script, sink = opened
    script.stroke([(0, 0, 0), (100, 30, 0)])
    clock.advance(ms=250)
    cap.screen_view("B")

    assert recorded(cap, sink)[-1].load_time_ms == 250


def test_a_gesture_that_opens_a_session_counts_no_screen(tmp_path, clock):
    cap, sink = memory_capture(tmp_path, clock=clock, session=SessionConfig(timeout_s=60))
    with cap:
        cap.screen_view("A")
        clock.advance(s=59.95)
        cap.touch_down(0, 1, 1)
        clock.advance(ms=50)
        cap.touch_up(0, 1, 1)
        tap = recorded(cap, sink)[-1]

        assert (tap.session_number, tap.screen_count) == (2, 0)
        assert tap.url.endswith("?title=A")
        cap.screen_view("B")
        assert recorded(cap, sink)[-1].screen_count == 1


def test_hidden_ids_never_reach_an_event(tmp_path, clock):
    privacy = PrivacyConfig(opted_in=True, hide_ids=("user-*",), hide_titles=("Chat*",), hide_paths=("u?",))
    cap, sink = memory_capture(tmp_path, clock=clock, privacy=privacy)
    with cap:
        cap.screen_view("Chat with Ann", ("u7", "open"))
        TouchScript(cap, clock).tap(target=Target(path="[root]>row#user-7>", id="user-7"))
        cap.flush()
    body = b"".join(batch.body for batch in sink.batches)

    for secret in (b"user-7", b"Chat", b"u7", b"Ann"):
        assert secret not in body
    assert b"/open?title=" in body


HOSTILE = [
    pytest.param((None, 1, 1), {}, id="no-pointer"),
    pytest.param(("a", 1, 1), {}, id="text-pointer"),
    pytest.param((0, "x", 1), {}, id="text-position"),
    pytest.param((0, None, None), {}, id="no-position"),
    pytest.param((0, 1, 1), {"time": "now"}, id="text-time"),
    pytest.param((0, 1, 1), {"time": 2**70}, id="huge-time"),
    pytest.param((0, 1, 1), {"time": 1.5}, id="float-time"),
]


@pytest.mark.parametrize(("place", "options"), HOSTILE)
def test_wrong_touches_never_raise_and_are_counted_and_logged_once(opened, caplog, place, options):
    cap, script, _ = opened
    for _ in range(3):
        assert cap.touch_down(*place, **options) is None
        assert cap.touch_move(*place, **options) is None
        assert cap.touch_up(*place, **options) is None

    assert cap.stats.ignored["touch_down"] == 3
    assert caplog.text.count("touch_down failed") == 1
    assert script.tap() is not None


def test_a_wrong_target_is_counted_and_the_stroke_still_ends(opened, clock):
    cap, _, sink = opened
    cap.touch_down(0, 1, 1, target="btn_ok")
    clock.advance(ms=50)

    assert cap.touch_up(0, 1, 1).kind is GestureKind.TAP
    assert cap.stats.ignored == {"touch_down": 1}
    assert recorded(cap, sink)[-1].target_path == "[root]>"


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"], ids=["high", "low"])
def test_targets_that_are_no_unicode_are_recorded_readably(opened, text):
    cap, script, sink = opened
    script.tap(target=Target(path=f"[root]>{text}>", id=text))

    assert recorded(cap, sink)[-1].target_id == text.replace("\ud800", "?").replace("\udfff", "?")


def test_bad_positions_are_counted_by_the_recogniser(opened, clock):
    cap, _, _ = opened
    cap.touch_down(0, math.nan, 1)
    assert cap.touch_up(0, 1, 1).reason is Reason.MALFORMED
    cap.touch_down(0, 1, 1)
    cap.touch_move(0, math.inf, 1)
    cap.touch_up(0, 1, 1)
    cap.touch_up(0, 1, 1)

    assert cap.stats.ignored == {"dropped_samples": 1, "orphan_samples": 1}


def test_numbers_of_numpy_are_numbers(opened, clock):
    cap, _, sink = opened
    cap.touch_down(np.int32(3), np.float32(1.5), np.float64(2), time=np.int64(clock.monotonic_ns()))
    cap.touch_move(3, np.float32(2), 2)
    clock.advance(ms=5)

    assert cap.touch_up(3, 1, 1).kind is GestureKind.TAP
    assert type(recorded(cap, sink)[-1]).__name__ == "TapWire"


def test_a_callback_that_raises_is_logged_once_and_touches_go_on(opened, caplog):
    cap, script, sink = opened
    cap.on_gesture = lambda gesture, target: 1 / 0
    script.tap()
    script.tap()

    assert caplog.text.count("on_gesture failed") == 1
    assert cap.stats.ignored == {"on_gesture": 2}
    assert len(recorded(cap, sink)) == 4


@pytest.mark.parametrize("pointer", [2**31, 2**40, 2**64 - 1, -(2**31) - 1, -(2**80), -1, True])
def test_any_int_is_a_pointer(tmp_path, pointer):
    clock = FakeClock()
    cap, _ = memory_capture(tmp_path, clock=clock)
    with cap:
        for _ in range(2):
            cap.touch_down(pointer, 10, 10)
            clock.advance(ms=30)
            cap.touch_move(pointer, 11, 10)
            clock.advance(ms=30)
            gesture = cap.touch_up(pointer, 11, 10)
            assert (gesture.kind.name, gesture.sample_count) == ("TAP", 3)
        cap.touch_down(pointer, 10, 10)
        assert cap.touch_down(pointer, 10, 10).reason.name == "INCOMPLETE"
        assert cap.touch_cancel(pointer).reason.name == "CANCELED"
        assert cap.touch_up(pointer, 10, 10) is None
        assert "touch_down" not in cap.stats.ignored
