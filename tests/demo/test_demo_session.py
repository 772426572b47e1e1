"""One visitor of the demo: touches in, gestures and the batch out."""

import json

import msgspec
import pytest

from capture.demo.session import BATCH_SIZE, DemoSession


@pytest.fixture
def session():
    opened = DemoSession()
    yield opened
    opened.close()


def sample(do, ms, x=10, y=10, pointer=1, **more):
    return {"do": do, "id": pointer, "x": x, "y": y, "ms": ms, **more}


def send(session, *samples):
    return session.handle(json.dumps(samples))


def test_a_tap_is_shown_with_its_event(session):
    target = {"path": "[root]>main>button#buy>", "view": "buy", "responsive": False}
    assert send(session, sample("down", 0.5, **target)) == []
    [shown] = send(session, sample("up", 60.25))

    assert (shown["type"], shown["kind"], shown["reason"], shown["duration"]) == (
        "gesture",
        "tap",
        "recognized",
        59.75,
    )
    assert shown["event"]["ea"] == 6
    assert (shown["event"]["tvid"], shown["event"]["ur"]) == ("buy", False)


def test_what_is_not_recognised_is_shown_with_its_reason_and_no_event(session):
    [shown] = send(session, sample("down", 0), sample("move", 50, x=40), sample("up", 100, x=40))

    assert (shown["kind"], shown["reason"], shown["event"]) == ("none", "between_slop_and_drag", None)


def test_two_fingers_are_two_multi_touch_strokes(session):
    shown = send(
        session,
        sample("down", 0),
        sample("down", 5, x=90, pointer=2),
        sample("up", 90),
        sample("up", 95, x=90, pointer=2),
    )

    assert [each["type"] for each in shown] == ["gesture", "chord", "gesture"]
    assert [shown[0]["reason"], shown[2]["reason"]] == ["multi_touch"] * 2
    assert (shown[1]["kind"], shown[1]["fingers"]) == ("tap", 2)


def test_a_cancel_ends_a_stroke(session):
    [shown] = send(session, sample("down", 0), sample("cancel", 50))

    assert shown["reason"] == "canceled"


def test_the_batch_fills_and_is_sent(session):
    assert [event["ea"] for event in session.batch()["filling"]] == [0, 4]
    for number in range(BATCH_SIZE - 3):
        send(session, sample("down", number * 1000), sample("up", number * 1000 + 50))
    before = session.batch()
    send(session, sample("down", 90_000), sample("up", 90_050))
    full = session.batch()

    assert (len(before["filling"]), before["sent"], before["delivered"]) == (BATCH_SIZE - 1, None, 0)
    assert (full["filling"], full["delivered"]) == ([], BATCH_SIZE)
    assert [event["ea"] for event in full["sent"]["pl"]] == [0, 4, *[6] * (BATCH_SIZE - 2)]
    assert full["sent"]["pid"] == 0


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("nonsense", id="no-json"),
        pytest.param("{}", id="no-list"),
        pytest.param('[{"do":"jump","id":1,"x":0,"y":0,"ms":0}]', id="unknown-action"),
        pytest.param('[{"do":"down","id":1,"x":0,"y":0}]', id="no-time"),
        pytest.param('[{"do":"down","id":99999999999,"x":0,"y":0,"ms":0}]', id="pointer-out-of-range"),
        pytest.param('[{"do":"down","id":1,"x":0,"y":0,"ms":0,"text":"secret"}]', id="more-than-is-wanted"),
    ],
)
def test_what_is_no_touch_is_refused(session, message):
    with pytest.raises(msgspec.DecodeError):
        session.handle(message)
