"""The public names as a type checker sees them: this file is checked, not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

import capture
from capture.explain import Explanation, explain
from capture.replay import Replay, Summary
from capture.testing import FakeClock

if TYPE_CHECKING:
    import numpy as np


def whole_logs() -> None:
    samples = capture.TouchSamples(action=[0, 1], time=[0, 1], x=[0.0, 0.0], y=[0.0, 0.0])
    table = capture.classify(samples, density={0: 2.0}, gestures=capture.GestureConfig(), threads=2)
    assert_type(table, capture.GestureTable)
    assert_type(table[0], capture.Gesture)
    assert_type(len(table), int)
    assert_type(table.counters, dict[str, int])
    column: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = table.distance
    assert column.size == 1


def one_sample_at_a_time() -> None:
    recognizer = capture.Recognizer(density=2.0)
    recognizer.move(0, 1.0, 1.0, 5)
    gesture: capture.Gesture | None = recognizer.up(0, 1.0, 1.0, 6)
    if gesture is not None:
        assert_type(gesture.kind, capture.GestureKind)
        assert_type(gesture.reason, capture.Reason)
        assert_type(gesture.direction, capture.Direction)
        assert_type(gesture.distance, float)
        assert_type(explain(gesture), Explanation)
    assert_type(recognizer.finish(), capture.GestureTable)


def an_app() -> None:
    config = capture.RunConfig(project=capture.ProjectConfig(id=8))
    assert_type(capture.RunConfig.load("capture.toml"), capture.RunConfig)
    with capture.Capture(config, clock=FakeClock()) as cap:
        cap.opt_in()
        assert_type(cap.screen_view("Checkout", ("cart",)), str | None)
        cap.touch_down(0, 1.0, 1.0, target=capture.Target(path="[root]>", id="", responsive=None))
        cap.touch_move(0, 1.0, 1.0)
        gesture: capture.Gesture | None = cap.touch_up(0, 1.0, 1.0, responsive=True)
        assert gesture is not None
        assert_type(cap.track_transaction(20.0, "EUR", id="32a"), str | None)
        assert_type(cap.track_variable("tier", 3), str | None)
        assert_type(cap.flush(timeout=5.0), bool)
        assert_type(cap.stats.delivered, int)


def a_replay() -> None:
    assert_type(Replay(["a.csv"], "out").run(), Summary)


def what_is_wrong() -> None:
    capture.RunConfig(project=capture.ProjectConfig(id="8"))  # type: ignore[arg-type]
    capture.SinkConfig(kind="file")  # type: ignore[call-arg]
