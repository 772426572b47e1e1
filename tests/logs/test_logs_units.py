"""From raw units to px: the range, the screen, and what is said when they are not known."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from capture import logs
from capture.errors import TouchLogError

PHONE = Path(__file__).parents[1] / "data" / "phone.getevent.txt"
HEADER = """add device 1: /dev/input/event1
  name:     "gpio-keys"
add device 2: /dev/input/event2
  name:     "example_ts"
  events:
    ABS (0003): ABS_MT_POSITION_X     : value 0, min 10, max 4105, fuzz 0, flat 0, resolution 0
                ABS_MT_POSITION_Y     : value 0, min -5, max 2042, fuzz 0, flat 0, resolution 0
"""
NUMERIC_HEADER = HEADER.replace("ABS_MT_POSITION_X", "0035             ").replace("ABS_MT_POSITION_Y", "0036")
EVENTS = """[       1.000000] 0003 0039 00000001
[       1.000000] 0003 0035 000003f2
[       1.000000] 0003 0036 000001f4
[       1.000000] 0000 0000 00000000
[       1.100000] 0003 0035 000007d0
[       1.100000] 0003 0036 000003e8
[       1.100000] 0000 0000 00000000
[       1.200000] 0003 0039 ffffffff
[       1.200000] 0000 0000 00000000
"""


def read(tmp_path, content, **options):
    path = tmp_path / "log.txt"
    path.write_text(content, encoding="ascii")
    log = logs.open_log(path, options=logs.ReadOptions(**options))
    return log, [row[4:] for chunk in log.chunks() for row in chunk.rows()]


def px(raw, low, high, size):
    return float(np.float32((raw - low) * size / (high - low + 1)))


@pytest.mark.parametrize("header", [HEADER, NUMERIC_HEADER], ids=["names", "numbers"])
def test_range_of_the_header_with_a_screen(tmp_path, header):
    log, places = read(tmp_path, header + EVENTS, screen=(1080, 1920))

    assert places[0] == (px(1010, 10, 4105, 1080), px(500, -5, 2042, 1920))
    assert (log.info.width, log.info.height, log.info.device) == (1080, 1920, "example_ts")
    assert log.warnings == {}


def test_range_of_the_header_is_the_screen_without_one(tmp_path):
    log, places = read(tmp_path, HEADER + EVENTS)

    assert places[0] == (1000.0, 505.0)
    assert (log.info.width, log.info.height) == (4096, 2048)
    assert log.warnings == {"panel_units": 1}


def test_axis_max_with_a_screen(tmp_path):
    _, places = read(tmp_path, EVENTS, axis_max=(4095, 4095), screen=(1080, 1920))

    assert places[0] == (px(1010, 0, 4095, 1080), px(500, 0, 4095, 1920))


def test_axis_max_goes_before_the_header_and_is_the_screen_without_one(tmp_path):
    log, places = read(tmp_path, HEADER + EVENTS, axis_max=(4095, 1023))

    assert places[0] == (1010.0, 500.0)
    assert (log.info.width, log.info.height) == (4096, 1024)


def test_screen_alone_takes_the_largest_value_seen(tmp_path):
    log, places = read(tmp_path, EVENTS, screen=(1080, 1920))

    assert places[0] == (px(1010, 0, 2000, 1080), px(500, 0, 1000, 1920))
    assert places[1] == (px(2000, 0, 2000, 1080), px(1000, 0, 1000, 1920))
    assert log.warnings == {"guessed_range": 1}


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"density": 2.75}, 1),
        ({"density": 2.75, "axis_max": (4095, 4095)}, 1),
        ({"density": 2.75, "screen": (1080, 2340)}, 0),
        ({}, 1),
    ],
    ids=["range-in-the-log", "range-given", "screen", "no-density"],
)
def test_units_of_the_panel_are_doubtful(options, count):
    log = logs.open_log(PHONE, options=logs.ReadOptions(**options))
    for _ in log.chunks():
        pass

    assert log.warnings["panel_units"] == count


def test_neither_takes_raw_units(tmp_path):
    log, places = read(tmp_path, EVENTS)

    assert places[0] == (1010.0, 500.0)
    assert (log.info.width, log.info.height) == (None, None)
    assert log.warnings == {"raw_units": 1}


def test_range_that_is_none_does_not_count(tmp_path):
    header = HEADER.replace("max 4105", "max 10").replace("max 2042", "max -5")
    log, places = read(tmp_path, header + EVENTS)

    assert places[0] == (1010.0, 500.0)
    assert log.warnings == {"raw_units": 1}


def test_start_time_moves_all_times(tmp_path):
    path = tmp_path / "log.txt"
    path.write_text(EVENTS, encoding="ascii")
    log = logs.open_log(path, options=logs.ReadOptions(start_time_ms=1_700_000_000_000))
    times = [row[3] for chunk in log.chunks() for row in chunk.rows()]

    assert times == [1_700_000_000_000_000_000 + ms * 1_000_000 for ms in (0, 100, 200)]
    assert log.info.start_ms == 1_700_000_000_000


READ_STDIN = """
import sys
from capture import logs
from capture.errors import TouchLogError
try:
    log = logs.open_log("-", options=logs.ReadOptions({options}))
except TouchLogError as error:
    sys.exit(str(error))
print([row[4:] for chunk in log.chunks() for row in chunk.rows()][0], log.seed, log.size, dict(log.warnings))
"""


def from_stdin(content, options=""):
    return subprocess.run(
        [sys.executable, "-c", READ_STDIN.format(options=options)],
        input=content,
        capture_output=True,
        text=True,
        check=False,
    )


def test_standard_input_with_a_screen_and_no_range_names_axis_max():
    done = from_stdin(EVENTS, "screen=(1080, 1920)")

    assert done.returncode == 1
    assert done.stderr.startswith("-: ")
    assert "--axis-max" in done.stderr


def test_standard_input_with_a_range():
    done = from_stdin(HEADER + EVENTS, "screen=(4096, 2048)")

    assert done.stdout.startswith("(1000.0, 505.0) ")
    assert done.stdout.endswith(" None {}\n")


def test_standard_input_follows_the_protocol_beyond_its_head():
    keys = "[       0.500000] 0001 0074 00000001\n[       0.500000] 0000 0000 00000000\n" * 2000
    done = from_stdin(keys + EVENTS)

    assert done.stdout.startswith("(1010.0, 500.0) ")


def test_empty_standard_input_is_an_error():
    done = from_stdin("")

    assert done.stderr == "-: the log is empty\n"


SEVERAL = """add device 1: /dev/input/event0
  name:     "gpio-keys"
add device 2: /dev/input/event3
  name:     "front_ts"
    ABS (0003): ABS_MT_POSITION_X     : value 0, min 0, max 999, fuzz 0, flat 0, resolution 0
                ABS_MT_POSITION_Y     : value 0, min 0, max 999, fuzz 0, flat 0, resolution 0
add device 3: /dev/input/event4
  name:     "back_ts"
    ABS (0003): ABS_MT_POSITION_X     : value 0, min 0, max 99, fuzz 0, flat 0, resolution 0
                ABS_MT_POSITION_Y     : value 0, min 0, max 99, fuzz 0, flat 0, resolution 0
[       1.000000] /dev/input/event0: EV_KEY       KEY_POWER            DOWN
[       1.000000] /dev/input/event0: EV_SYN       SYN_REPORT           00000000
[       1.100000] /dev/input/event3: EV_ABS       ABS_MT_TRACKING_ID   00000001
[       1.100000] /dev/input/event4: EV_ABS       ABS_MT_TRACKING_ID   00000001
[       1.100000] /dev/input/event3: EV_ABS       ABS_MT_POSITION_X    0000000a
[       1.100000] /dev/input/event4: EV_ABS       ABS_MT_POSITION_X    0000000b
[       1.100000] /dev/input/event4: EV_SYN       SYN_REPORT           00000000
[       1.150000] /dev/input/event3: EV_ABS       ABS_MT_POSITION_Y    0000000c
[       1.150000] /dev/input/event3: EV_SYN       SYN_REPORT           00000000
"""


@pytest.mark.parametrize(
    ("device", "place", "width"),
    [
        pytest.param(None, (10.0, 12.0), 1000, id="the-one-with-most-touches"),
        pytest.param("/dev/input/event3", (10.0, 12.0), 1000, id="path"),
        pytest.param("event4", (11.0, 0.0), 100, id="end-of-path"),
        pytest.param("4", (11.0, 0.0), 100, id="number"),
        pytest.param("BACK", (11.0, 0.0), 100, id="part-of-name"),
    ],
)
def test_device_of_a_log_with_several(tmp_path, device, place, width):
    log, places = read(tmp_path, SEVERAL, device=device)

    assert places == [place]
    assert log.info.width == width
    assert log.warnings == {"missing_lift": 1, "panel_units": 1} | (
        {"other_devices": 1} if device is None else {}
    )


def test_device_without_touches_has_no_samples(tmp_path):
    log, places = read(tmp_path, SEVERAL, device="gpio")

    assert places == []
    assert log.warnings == {}


def test_device_that_is_not_there(tmp_path):
    with pytest.raises(TouchLogError, match=r"has no device 'event9'; there are: .*event3 'front_ts'"):
        read(tmp_path, SEVERAL, device="event9")
