"""The timeline: sessions, screens and scenes, from the times of events alone."""

import pytest
from strokes import samples, stroke

from capture import Action, classify
from capture.config import ProjectConfig, SessionConfig
from capture.events import AppHide, AppShow
from capture.events.device import Device
from capture.events.session import SessionState
from capture.events.timeline import Timeline
from capture.targets import Target

NOW = 1_700_000_000_000
TIMEOUT_MS = 60_000
TAP, NO_GESTURE = classify(samples(stroke((0, 0, 0), (50, 0, 0)), stroke((1000, 0, 0), (1050, 30, 0))))

CANCELED, CUT = classify(
    samples(stroke((0, 0, 0), (50, 0, 0), end=Action.CANCEL), stroke((60, 0, 0), (90, 0, 0), end=Action.MOVE))
)


class Walk:
    """A timeline, and the events that were made with it."""

    def __init__(self):
        self.opened = 0
        self.timeline = Timeline(
            ProjectConfig(id=1),
            SessionConfig(timeout_s=TIMEOUT_MS / 1000),
            Device(),
            unknown_responsive=True,
            open_session=self.open,
        )

    def open(self, last, time_ms):
        del last
        self.opened += 1
        return SessionState.opened(self.opened, time_ms)

    def keep(self, recorded):
        event, state = recorded
        self.timeline.advance(state)
        return event

    def show(self, title, after_ms):
        return self.keep(self.timeline.screen(title, (), (NOW + after_ms, 0, "id")))

    def event(self, build, after_ms, *, action=False):
        return self.keep(self.timeline.event(build, (NOW + after_ms, 0, "id"), action=action))

    def gesture(self, gesture, scene, after_ms):
        recorded = self.timeline.gesture(gesture, scene, Target(), (NOW + after_ms, 0, "id"))
        return None if recorded is None else self.keep(recorded)


def test_a_gesture_has_the_screen_of_its_down():
    walk = Walk()
    walk.show("Home", 0)
    down = walk.timeline.scene
    walk.show("Basket", 10)
    tap = walk.gesture(TAP, down, 20)

    assert (tap.common.url.partition("title=")[2], tap.common.screen_count) == ("Home", 1)
    assert (walk.timeline.scene.url.partition("title=")[2], walk.timeline.scene.screen_count) == ("Basket", 2)


def test_screens_of_an_earlier_session_do_not_count():
    walk = Walk()
    walk.show("Home", 0)
    down = walk.timeline.scene
    tap = walk.gesture(TAP, down, TIMEOUT_MS)
    hidden = walk.event(AppHide, TIMEOUT_MS + 1)

    assert [(each.common.session_number, each.common.screen_count) for each in (tap, hidden)] == [(2, 0)] * 2
    assert tap.common.url == hidden.common.url == down.url


@pytest.mark.parametrize(
    ("gesture", "is_event"),
    [pytest.param(TAP, True, id="tap"), pytest.param(NO_GESTURE, False, id="no-gesture")],
)
def test_load_times_are_measured_from_any_stroke(gesture, is_event):
    walk = Walk()
    walk.show("Home", 0)
    made = walk.gesture(gesture, walk.timeline.scene, 100)

    assert (made is not None) is is_event
    assert walk.show("Basket", 130).load_time_ms == 30


@pytest.mark.parametrize("ended", [pytest.param(CANCELED, id="canceled"), pytest.param(CUT, id="incomplete")])
def test_a_stroke_without_an_up_moves_no_load_time(ended):
    walk = Walk()
    walk.event(AppShow, 0, action=True)
    walk.gesture(ended, walk.timeline.scene, 100)

    assert walk.show("Basket", 130).load_time_ms == 130


def test_a_stroke_that_is_no_gesture_opens_no_session():
    walk = Walk()
    walk.show("Home", 0)

    assert walk.gesture(NO_GESTURE, walk.timeline.scene, TIMEOUT_MS) is None
    assert (walk.timeline.session.number, walk.timeline.session.action_ms) == (1, None)


def test_an_event_that_is_dropped_moves_nothing_but_the_name_of_the_screen():
    walk = Walk()
    walk.event(AppShow, 0, action=True)
    before = walk.timeline.session
    walk.timeline.screen("Secret", (), (NOW + 5, 0, "id"))

    assert walk.timeline.session == before
    assert walk.timeline.scene.screen_count == 0
    assert walk.timeline.scene.url.endswith("title=Secret")


def test_a_resumed_session_is_claimed_by_the_next_event():
    walk = Walk()
    walk.timeline.resume(SessionState.opened(7, NOW))

    assert not walk.timeline.is_over(NOW + 1)
    walk.event(AppShow, 1)
    assert walk.opened == 1
    walk.event(AppHide, 2)
    assert walk.opened == 1
