"""The template encoder gives the bytes of msgspec for any scene, target and gesture."""

import math
import os
import random

import pytest
from example_count import examples

from capture._native.encoder import GestureEncoder
from capture.engine.templates import TemplateEncoder
from capture.events.domain import Scene, VersionOrigin, gesture_event
from capture.events.targets import Target
from capture.formats.native import FORMAT
from capture.gestures.kinds import KINDS
from capture.gestures.recognizer import Gesture

SOAK = os.environ.get("CAPTURE_SOAK", "") not in {"", "0"}
COUNT = examples(100_000)
LETTERS = [
    '"',
    "\\",
    "/",
    "\0",
    "\n",
    "\x1f",
    "\x7f",
    "é",
    "\u2028",
    "\U0001f600",
    "a",
    ">",
    "#",
    ',"t":',
    ',"tvp":',
]
NUMBERS = [0.0, 0.49, 0.5, 1.5, 2**31 - 2, 2**31 - 1, 2**31, 1e300, math.inf, math.nan, 123.456]


def text(chance):
    return "".join(chance.choices(LETTERS, k=chance.randrange(8)))


def scene(chance):
    return Scene(
        url=text(chance),
        screen_count=chance.randrange(2**31),
        connectivity=chance.randrange(-1, 5),
        carrier_id=chance.choice([None, text(chance)]),
        orientation=chance.randrange(2),
        version_origin=VersionOrigin(
            sdk_version=text(chance),
            sdk_build=chance.randrange(99999),
            app_version=text(chance),
            app_flavor=text(chance),
            app_build=chance.randrange(99),
        ),
        session_number=chance.randrange(1, 2**40),
    )


def test_the_bytes_are_those_of_msgspec():
    chance = random.Random(4)
    encoder = TemplateEncoder(lambda target: target, unknown_responsive=True)
    encoder.native = GestureEncoder(chance.randbytes)
    kinds = [int(row.kind) for row in KINDS if row.event is not None]
    scenes = [scene(chance) for _ in range(2000)]
    for _ in range(COUNT):
        shown = chance.choice(scenes)
        target = Target(path=text(chance), id=text(chance), responsive=chance.choice([None, True, False]))
        gesture = Gesture(
            kind=chance.choice(kinds),
            direction=chance.randrange(1, 6),
            distance=chance.choice(NUMBERS),
            velocity=chance.choice(NUMBERS),
        )
        uptime_ms, time_ms = (
            chance.randrange(2**53),
            chance.choice([0, -1, -(2**63), 2**63 - 1, 1700000000000]),
        )
        payload = encoder.encode(gesture, shown, target, uptime_ms, time_ms)
        raw = encoder.native.event_id.hex()
        name = f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"
        common = shown.common(uptime_ms, name, time_ms)

        assert payload == FORMAT.encode(gesture_event(gesture, common, target, True))
        assert name[14] == "4"
        assert name[19] in "89ab"


def test_a_lone_surrogate_is_refused_as_msgspec_does():
    encoder = TemplateEncoder(lambda target: target, unknown_responsive=True)
    with pytest.raises(UnicodeEncodeError):
        encoder.encode(Gesture(kind=6), scene(random.Random(1)), Target(path="\ud800"), 0, 0)


def test_ids_are_not_repeated_in_a_child():
    encoder = TemplateEncoder(lambda target: target, unknown_responsive=True)
    shown, target = scene(random.Random(1)), Target()
    encoder.encode(Gesture(kind=6), shown, target, 0, 0)
    (up, down) = os.pipe()
    pid = os.fork()
    encoder.encode(Gesture(kind=6), shown, target, 0, 0)
    if pid == 0:
        os.write(down, encoder.native.event_id)
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(up, 16) != encoder.native.event_id
    os.close(up)
    os.close(down)


def test_a_kind_without_an_event_is_left_to_others():
    encoder = TemplateEncoder(lambda target: target, unknown_responsive=True)
    assert encoder.encode(Gesture(kind=0), scene(random.Random(1)), Target(), 0, 0) is None
