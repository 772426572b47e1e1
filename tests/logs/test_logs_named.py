"""Where a recording's name says what was done, the recognized gestures agree."""

from collections import Counter
from pathlib import Path

import pytest

from capture import logs
from capture.gestures import Recognizer
from capture.gestures.kinds import GestureKind, Reason

RECORDINGS = Path(__file__).parents[3] / "shared" / "touchlogs"
#: Units per dp. The panels have some 10 to 13 units per mm and a dp is 1/160 inch, that is 0.16 mm.
UNITS_PER_DP = {"getevent_lt": 1.5, "evemu": 1.5, "evtest": 2.0}
AGREEMENT = 0.94

# What the names say: "tap" each stroke; "still" a click of the pad's own button, which may take long;
# "move" one finger that went somewhere; "multi" no stroke was alone.
NAMED = {
    "getevent_lt/emulator-single-touch.txt": "tap",
    "getevent_lt/emulator-three-touches.txt": "tap",
    "getevent_lt/phone-single-touch.txt": "tap",
    "getevent_lt/tablet-single-touch.txt": "tap",
    "getevent_lt/tablet-single-drag.txt": "move",
    "getevent_lt/tablet-openAngryBirds-drag-tap-tap.txt": "move tap tap",
    "getevent_lt/phone-two-finger-drag.txt": "multi",
    "evemu/Atmel_maXTouch_Touchscreen.1-finger-drag-up-down.events": "move",
    "evemu/Atmel_maXTouch_Touchscreen.1-finger-fast-taps.events": "tap",
    "evemu/Atmel_maXTouch_Touchscreen.2-fingers-touch-release.events": "multi",
    "evemu/Atmel_maXTouch_Touchscreen.4-finger-drag-down.events": "multi",
    "evemu/ELAN_CANDO_Windows7.1-finger-drag-up-down.events": "move",
    "evemu/SynPS2_Synaptics_TouchPad.hp8470p.two-finger-scroll-horizontal.events": "multi",
    "evemu/SynPS2_Synaptics_TouchPad.hp8470p.two-finger-scroll-vertical.events": "multi",
    "evemu/SynPS2_Synaptics_TouchPad.two-finger-vert-scroll.events": "multi",
    "evemu/Wacom_ISDv4_E6_Finger.2fg-double-tap.events": "multi",
    "evemu/Wacom_ISDv4_E6_Finger.2fg-tap.events": "multi",
    "evemu/Wacom_ISDv4_E6_Finger.double-center-circle.events": "multi",
    "evemu/Wacom_ISDv4_E6_Finger.double-center-scroll.events": "multi",
    "evemu/Wacom_ISDv4_E6_Finger.double-tap-center.events": "tap tap",
    "evemu/Wacom_ISDv4_E6_Finger.double-top-swipe.events": "multi",
    "evemu/Wacom_ISDv4_E6_Finger.single-center-circle.events": "move",
    "evemu/Wacom_ISDv4_E6_Finger.single-center-scroll.events": "move",
    "evemu/Wacom_ISDv4_E6_Finger.single-tap-center.events": "tap",
    "evemu/Wacom_ISDv4_E6_Finger.single-top-swipe.events": "move",
    "evemu/bcm5974.three-finger-click.events": "multi",
    "evemu/cros_one_finger_swipe.evemu.dat": "move",
    "evtest/cros_1f_click.dat": "still",
    "evtest/cros_1f_clickb.dat": "still",
    "evtest/cros_2f_clicks.dat": "multi",
    "evtest/cros_2f_clicks_test_hysteresis.dat": "multi",
    "evtest/cros_2f_scroll_diagonal.dat": "multi",
    "evtest/cros_center_to_right_normal_link.dat": "move",
    "evtest/cros_center_to_right_slow_link.dat": "move",
    "evtest/cros_jagged_two_finger_scroll_horizontal.dat": "multi",
    "evtest/cros_one_finger_long_hold.dat": "hold",
    "evtest/cros_one_finger_swipe.dat": "move",
    "evtest/cros_one_finger_to_edge.*": "move",
    "evtest/cros_one_finger_tracking_pauses_both_ends.dat": "move",
    "evtest/cros_stationary_finger_fat_finger_wobble.dat": "multi",
    "evtest/cros_stationary_finger_shift_with_2nd_finger_tap.dat": "multi",
    "evtest/cros_stationary_finger_strongly_affected_by_2nd_moving_finger_with_gaps.dat": "multi",
    "evtest/cros_two_finger_long_hold.dat": "multi",
    "evtest/cros_two_finger_tap.vertical.dat": "multi",
    "evtest/cros_two_finger_tap_one_finger_hold.dat": "multi multi hold",
    "evtest/cros_two_finger_tracking.bottom_left_to_top_right.normal*": "multi",
    "evtest/cros_two_finger_tracking.bottom_left_to_top_right.slow.dat": "multi",
    "evtest/cros_two_finger_tracking.diagonal.slow.dat": "multi",
    "evtest/cros_two_finger_tracking.right_to_left*": "multi",
    "evtest/cros_two_finger_with_slot_0.dat": "multi",
    "evtest/croslog_one_finger_physical_click*": "still",
    "evtest/croslog_one_finger_swipe*": "move",
    "evtest/croslog_one_finger_tap*": "tap",
    "evtest/croslog_one_finger_tracking.left_to_right*": "move",
    "evtest/croslog_one_finger_tracking.top_to_bottom*": "move",
    "evtest/croslog_two_finger_tracking.left_to_right.normal*": "multi",
    "evtest/croslog_two_finger_tracking.left_to_right.slow*": "multi",
}
EXCEPTIONS = {
    # This pad reports no second contact when the fingers move up and down, only that two are there.
    "evemu/SynPS2_Synaptics_TouchPad.hp8470p.two-finger-scroll-vertical.events": ["FLING"],
    # The log starts when the first finger is down already: its contact has no id and makes no stroke.
    "evtest/cros_two_finger_tap.vertical.dat": ["TAP"],
    # A finger that is down alone is lifted (a width of 0) before the others come down.
    "evemu/bcm5974.three-finger-click.events": ["BETWEEN_SLOP_AND_DRAG", *["MULTI_TOUCH"] * 5],
}
AGREE = {
    "tap": {"TAP"},
    "still": {"TAP", "LONG_PRESS"},
    "hold": {"LONG_PRESS"},
    "move": {"DRAG", "FLING"},
    # A finger that the log leaves on the panel is INCOMPLETE first of all.
    "multi": {"MULTI_TOUCH", "INCOMPLETE"},
}


def gestures(path, density):
    recognizer = Recognizer(density=density)
    found = []
    ranges = getattr(logs.open_log(path), "ranges", None)
    # A screen of as many px as the panel has units: the density is given in these.
    screen = ranges and tuple(high - low + 1 for low, high in ranges)
    for chunk in logs.open_log(path, options=logs.ReadOptions(screen=screen)).chunks():
        table = recognizer.feed(chunk)
        found += [table[row] for row in range(len(table))]
    table = recognizer.finish()
    return found + [table[row] for row in range(len(table))]


def names(found):
    return [gesture.kind.name if gesture.kind else gesture.reason.name for gesture in found]


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason=f"no recordings in {RECORDINGS}")
def test_gestures_agree_with_the_names():
    disagree = {}
    for pattern, said in NAMED.items():
        (path,) = RECORDINGS.glob(pattern)
        found = names(gestures(path, UNITS_PER_DP[path.parent.name]))
        words = said.split()
        expected = words if len(words) > 1 else words * len(found)
        if len(found) != len(expected) or any(
            name not in AGREE[word] for name, word in zip(found, expected, strict=True)
        ):
            disagree[pattern] = found

    assert disagree == EXCEPTIONS
    assert 1 - len(disagree) / len(NAMED) >= AGREEMENT


#: The SDK notices a gesture at its DOWN, or up to this long after its UP.
NOTICED_AFTER_NS = 450_000_000
SDK_KINDS = {"1": "tap", "11": "swipe"}


def test_testfairys_own_naming_of_the_same_touches():
    """The table of docs/touch-logs.md: what the SDK called each touch against what it is here."""
    paths = sorted((RECORDINGS / "testfairy_json").glob("*.json"))
    if not paths:
        pytest.skip(f"no recordings in {RECORDINGS}")
    table = Counter()
    for path in paths:
        log = logs.open_log(path)
        list(log.chunks())
        found = [gesture for gesture in gestures(path, 2.75) if gesture.reason is not Reason.INCOMPLETE]
        for mark in log.marks:
            gesture = max(
                (g for g in found if g.time_down <= mark.time_ns + 1_000_000), key=lambda g: g.time_down
            )
            assert mark.time_ns <= gesture.time_up + NOTICED_AFTER_NS
            table[SDK_KINDS[str(mark.fields["kind"])], gesture.kind] += 1

    # The eighth tap is noticed in the middle of a stroke that goes 145 dp: its name is the SDK's error.
    assert table == {
        ("tap", GestureKind.TAP): 7,
        ("tap", GestureKind.FLING): 1,
        ("swipe", GestureKind.FLING): 1,
    }
