"""Recordings of several fingers by others come out as their names say, or the guide says why not."""

import re
from pathlib import Path

import pytest

from capture import Recognizer
from capture.logs import ReadOptions, open_log

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT.parent / "shared" / "touchlogs"
GUIDE = ROOT / "docs" / "several-fingers.md"
SYNAPTICS = "SynPS2_Synaptics_TouchPad"
LINE = "cros_two_finger_tracking"

#: Part of the file's name -> the chords that it gives, at density 1 in the default dialect: kind (of what was
#: not recognised the reason), direction, fingers.
CHORDS = {
    # As the name says.
    "Wacom_ISDv4_E6_Finger.2fg-tap": ["tap none 2"],
    "Wacom_ISDv4_E6_Finger.double-center-scroll": ["swipe down 2"],
    "Wacom_ISDv4_E6_Finger.double-top-swipe": ["swipe right 2"],
    "Atmel_maXTouch_Touchscreen.4-finger-drag-down": ["swipe down 4"],
    f"{SYNAPTICS}.two-finger-vert-scroll": ["swipe up 2"],
    "cros_jagged_two_finger_scroll_horizontal": ["swipe right 2"],
    "cros_2f_scroll_diagonal": ["swipe down 2"],
    "cros_two_finger_tap_one_finger_hold": ["tap none 2"],
    "cros_2f_clicks_test_hysteresis": ["tap none 2"],
    f"{LINE}.bottom_left_to_top_right.normal": ["swipe right 2"],
    f"{LINE}.bottom_left_to_top_right.slow": ["swipe right 2"],
    f"{LINE}.diagonal.slow": ["swipe left 2"],
    f"{LINE}.right_to_left.slow": ["swipe left 2"],
    "croslog_two_finger_tracking.left_to_right.normal": ["swipe right 2"],
    "croslog_two_finger_tracking.left_to_right.slow": ["swipe right 2"],
    "phone-two-finger-drag": ["swipe right 2"],
    # Not as the name says; the guide tells why.
    "Wacom_ISDv4_E6_Finger.2fg-double-tap": ["tap none 2"],
    "Wacom_ISDv4_E6_Finger.double-center-circle": ["swipe right 2"],
    "Atmel_maXTouch_Touchscreen.2-fingers-touch-release": ["not_a_tap none 2"],
    f"{SYNAPTICS}.hp8470p.two-finger-scroll-horizontal": [
        "swipe right 2",
        "between_slop_and_drag none 2",
        "swipe up 2",
        "pinch none 2",
        "between_slop_and_drag none 2",
        "pinch none 2",
    ],
    f"{SYNAPTICS}.hp8470p.two-finger-scroll-vertical": [],
    "bcm5974.three-finger-click": ["swipe left 2", "pan right 3"],
    "cros_2f_clicks.": ["swipe right 2"],
    "cros_two_finger_tap.vertical": [],
    "cros_two_finger_long_hold": ["not_a_tap none 2"],
    "cros_two_finger_with_slot_0": ["rotate none 2"],
    "cros_stationary_finger_shift_with_2nd_finger_tap": ["tap none 2"],
    "cros_stationary_finger_fat_finger_wobble": ["pinch none 2"],
    "cros_stationary_finger_strongly_affected_by_2nd_moving_finger": ["rotate none 2"],
}


def chords_of(path):
    log, recognizer = open_log(str(path), options=ReadOptions()), Recognizer(1.0)
    found = [chord for chunk in log.chunks() for chord in recognizer.feed(chunk, multi=True).multi]
    found += recognizer.finish(multi=True).multi
    return [
        f"{(chord.kind or chord.reason).name} {chord.direction.name} {chord.fingers}".lower()
        for chord in found
    ]


def path_of(name):
    found = [path for path in RECORDINGS.glob("*/*") if path.name.startswith(name) and path.suffix != ".desc"]
    if not found:
        pytest.skip(f"no {name} in {RECORDINGS}")
    [path] = found
    return path


@pytest.mark.parametrize("name", CHORDS)
def test_a_recording_comes_out_as_the_guide_says(name):
    assert chords_of(path_of(name)) == CHORDS[name]


def test_no_recording_with_one_finger_in_its_name_has_a_chord():
    paths = [
        path for path in RECORDINGS.glob("*/*") if re.search(r"1-finger|one_finger|1f_|single", path.name)
    ]
    if not paths:
        pytest.skip(f"no recordings in {RECORDINGS}")
    # A finger that holds while another one taps is in the table above.
    paths = [path for path in paths if path.suffix != ".desc" and "tap_one_finger_hold" not in path.name]

    assert {path.name: found for path in paths if (found := chords_of(path))} == {}


def test_the_guide_has_each_recording():
    text = GUIDE.read_text(encoding="utf-8")
    devices = (
        r"^(Wacom_ISDv4_E6_Finger|Atmel_maXTouch_Touchscreen|SynPS2_Synaptics_TouchPad|cros|croslog)[._]"
    )
    for name in CHORDS:
        assert f"`{re.sub(devices, '', name).rstrip('.')}`" in text, name
