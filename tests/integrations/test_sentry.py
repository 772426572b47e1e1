"""Breadcrumbs of the last gestures for Sentry, by its own package where that is installed."""

from types import SimpleNamespace

import pytest

from capture import Target
from capture.config import PrivacyConfig
from capture.integrations.sentry import GestureBreadcrumbs
from capture.testing import FakeClock, TouchScript, memory_capture


def captured(folder, sentry, clock, **privacy):
    cap, _ = memory_capture(folder, clock=clock, privacy=PrivacyConfig(opted_in=True, **privacy))
    crumbs = cap.on_gesture = GestureBreadcrumbs(cap, sentry=sentry, clock=clock)
    return cap, crumbs


@pytest.fixture
def sentry():
    processors = []
    scope = SimpleNamespace(add_event_processor=processors.append)
    return SimpleNamespace(get_global_scope=lambda: scope, processors=processors)


def test_the_last_twenty_gestures_are_added_in_the_order_of_time(sentry, tmp_path):
    clock = FakeClock()
    cap, _ = captured(tmp_path, sentry, clock)
    fingers = TouchScript(cap, clock)
    for number in range(25):
        fingers.tap(target=Target(path=f"[root]>b#b{number}>", id=f"b{number}", responsive=number % 2 == 0))
    fingers.fling()
    [add] = sentry.processors
    late = {"message": "own", "timestamp": clock.wall_ns() / 1e9 + 60}
    values = add({"breadcrumbs": {"values": [late, {"message": "early"}]}})["breadcrumbs"]["values"]
    cap.close()

    assert [each["message"] for each in values] == [
        "early",
        *(f"tap on b{number}" for number in range(6, 25)),
        "fling",
        "own",
    ]
    assert values[2]["data"]["dead"] is True
    assert values[-2]["category"] == "touch.fling"
    assert "direction" in values[-2]["data"]


@pytest.mark.parametrize("privacy", [{"hide_ids": ("pin*",)}, {"hide_ids": ("pad",), "positions": "keep"}])
def test_a_hidden_target_leaves_its_kind_and_its_time(sentry, tmp_path, privacy):
    clock = FakeClock()
    cap, crumbs = captured(tmp_path, sentry, clock, **privacy)
    TouchScript(cap, clock).drag(target=Target(path="[root]>pad#pad>key#pin4>", id="pin4"))
    [crumb] = crumbs.add_to({})["breadcrumbs"]["values"]
    cap.close()

    assert (crumb["message"], crumb["data"]) == ("drag", {})


def test_sentry_sends_them(tmp_path):
    sentry_sdk = pytest.importorskip("sentry_sdk")
    events = []
    clock = FakeClock()

    class Transport(sentry_sdk.transport.Transport):
        def capture_envelope(self, envelope):
            events.append(envelope.get_event())

    with sentry_sdk.isolation_scope():
        sentry_sdk.init(
            "http://key@127.0.0.1:1/1",
            transport=Transport(),
            default_integrations=False,
        )
        cap, _ = captured(tmp_path, None, clock)
        TouchScript(cap, clock).tap(target=Target(path="[root]>ok#ok>", id="ok"))
        sentry_sdk.add_breadcrumb(message="own")
        sentry_sdk.capture_message("wrong")
        cap.close()
        sentry_sdk.get_client().close(timeout=0)

    [event] = events
    assert {each["message"] for each in event["breadcrumbs"]["values"]} == {"tap on ok", "own"}
