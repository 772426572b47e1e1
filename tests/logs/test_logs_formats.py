"""The formats: found by content, and what is special about each."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from capture import logs
from capture.errors import TouchLogError
from capture.logs.evemu import DESCRIPTION_SUFFIXES
from capture.logs.samples import SampleWriter

D, U, M, C = range(4)
MS = 1_000_000


def read(tmp_path, content, name="log.txt", **options):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")
    log = logs.open_log(path, options=logs.ReadOptions(**options))
    return log, [row[1:] for chunk in log.chunks() for row in chunk.rows()]


def test_table_and_folder_agree():
    folder = Path(logs.__file__).parent
    shared = {"__init__", "base", "source", "writing", "columns", "evdev", "evemu_writer"}
    shared |= {"samples", "lines", "times", "scripts", "documents", "causes", "decoding"}
    shared |= {
        "arrow",
        "arrowcsv",
        "evenrows",
        "printed",
        "rows",
        "names",
        "onscreen",
        "pairs",
        "strokemaker",
        "suggestions",
        "tables",
        "units",
        "wrapping",
        "jsoncells",
        "jsonrows",
        "mapped",
    }

    assert {path.stem for path in folder.glob("*.py")} - shared == set(logs.FORMATS)
    assert set(logs.FORMATS.values()) == {f"capture.logs.{name}" for name in logs.FORMATS}


@pytest.mark.parametrize("name", logs.FORMATS)
def test_every_format_is_described(name):
    entry = logs.reader_of(name)

    assert entry.description
    assert entry.example
    assert entry.untried == (name in {"libinput", "reran"})


LIBINPUT = """Recording to 'stdout'.
version: 1
ndevices: 2
libinput:
  version: "1.21.0"
  git: "unknown"
devices:
- node: /dev/input/event9
  evdev:
    # Name: Pad
    name: "Pad"
    id: [24, 1, 2, 3]
    codes:
      0: [0, 1]
      3: [0, 1, 47, 53, 54, 57]
    absinfo:
      53: [0, 4095, 0, 0, 10]
      54: [0, 2047, 0, 0, 10]
    properties: [1]
  hid: [
    0x05, 0x0d
  ]
  udev:
    properties:
    - ID_INPUT_TOUCHSCREEN=1
  events:
  # Current time is 12:34:56
  - evdev:
    - [  0,      0,   3,  57,      46] # EV_ABS / ABS_MT_TRACKING_ID       46
    - [  0,      0,   3,  53,    1000] # EV_ABS / ABS_MT_POSITION_X      1000
    - [  0,      0,   0,   0,       0] # ------------ SYN_REPORT (0) ---------- +0ms
  - libinput:
    - {time: 0.000000, type: TOUCH_DOWN, slot: 0, seat_slot: 0, point: [1.0, 2.0]}
  - evdev:
    - [  1, 500000,   3,  57,      -1] # EV_ABS / ABS_MT_TRACKING_ID       -1
    - [  1, 500000,   0,   0,       0] # ------------ SYN_REPORT (0) ---------- +1500ms
- node: /dev/input/event4
  evdev:
    name: "Second"
    absinfo:
      53: [0, 99, 0, 0, 10]
      54: [0, 99, 0, 0, 10]
  events:
  - evdev:
    - [  0,   1000,   3,  57,      11] # EV_ABS / ABS_MT_TRACKING_ID
    - [  0,   1000,   3,  53,      50] # EV_ABS / ABS_MT_POSITION_X
    - [  0,   1000,   0,   0,       0] # ------------ SYN_REPORT (0) ----------
"""


X_1000 = float(np.float32(1000 / 10 / 25.4 * 160))


def test_libinput_reads_the_first_touch_device(tmp_path):
    log, rows = read(tmp_path, LIBINPUT)

    # 10 units are a mm, and 160 px an inch.
    assert rows == [(0, D, 0, X_1000, 0), (0, U, 1500 * MS, X_1000, 0)]
    assert (log.info.format, log.info.device, log.info.width, log.info.height, log.info.density) == (
        "libinput",
        "Pad",
        2580,
        1290,
        1,
    )
    assert log.warnings == {"density_from_resolution": 1}


def test_libinput_reads_a_device_behind_the_events_of_another(tmp_path):
    log, rows = read(tmp_path, LIBINPUT, device="second")

    assert rows == [(0, D, MS, 50, 0)]
    assert log.info.width == 100
    assert log.warnings == {"missing_lift": 1, "panel_units": 1}


def test_libinput_without_its_tail(tmp_path):
    _, rows = read(tmp_path, LIBINPUT[: LIBINPUT.index("  1, 500000") + 20])

    assert rows == [(0, D, 0, X_1000, 0)]


def test_evemu_description_beside_the_log(tmp_path):
    for suffix in DESCRIPTION_SUFFIXES:
        (tmp_path / f"panel{suffix}").write_text("N: Panel: 2\nA: 35 10 809 0 0\nA: 36 0 479 0 0 3\n")
        events = "E: 1.000001 0003 0039 0035\nE: 1.000001 0003 0035 0110\nE: 1.000001 0000 0000 0000\n"
        log, rows = read(tmp_path, events, "panel.one-tap.events", screen=(400, 480))

        assert rows == [(0, D, 1_000_001_000, 50, 0)]
        assert log.info.device == "Panel: 2"
        (tmp_path / f"panel{suffix}").unlink()


def test_evemu_description_alone_is_a_log_without_a_touch(tmp_path):
    log, rows = read(tmp_path, "# EVEMU 1.3\nN: Panel\nI: 0018 0000 0000 0000\nA: 35 0 799 0 0 0\n")

    assert rows == []
    assert log.info.format == "evemu"


def test_hid_recorder_is_not_evemu(tmp_path):
    with pytest.raises(TouchLogError, match="not a touch log"):
        read(tmp_path, "D: 0\nR: 4 05 0d 09 04\nN: x\nI: 3 1b96 1\nE: 0.000001 4 01 02 03 04\n")


PYTHON_EVDEV = """time 1522193888.012784 type 3 (EV_ABS), code 57   (ABS_MT_TRACKING_ID), value 7011
time 1522193888.012784 type 3 (EV_ABS), code 53   (ABS_MT_POSITION_X), value 100
time 1522193888.012784 --------- SYN_REPORT --------
time 1522193888.112784 type 3 (EV_ABS), code 57   (ABS_MT_TRACKING_ID), value -1
time 1522193888.112784 --------- SYN_REPORT --------
"""


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text, id="python-evdev"),
        pytest.param(lambda text: text.replace("time ", "Event: time ").replace("784 ", "784, "), id="c"),
        pytest.param(
            lambda text: "".join(f"> {line}" for line in text.splitlines(keepends=True)), id="quoted"
        ),
        pytest.param(lambda text: text.replace(", value", ",\nvalue"), id="wrapped-by-mail"),
        pytest.param(lambda text: text.replace("SYN_REPORT", "EV_SYN"), id="old-name-of-the-report"),
    ],
)
def test_evtest_dialects(tmp_path, change):
    log, rows = read(tmp_path, change(PYTHON_EVDEV))

    assert rows == [(0, D, 1522193888012784000, 100, 0), (0, U, 1522193888112784000, 100, 0)]
    assert (log.info.format, dict(log.warnings)) == ("evtest", {"raw_units": 1})


def evtest_header(*axes):
    """Return the header of evtest for axes (code, value at the start, max)."""
    lines = ["Input driver version is 1.0.1", "Supported events:", "  Event type 3 (EV_ABS)"]
    for code, value, most in axes:
        lines += [
            f"    Event code {code} (ABS)",
            f"      Value  {value}",
            "      Min  0",
            f"      Max  {most}",
        ]
    return "\n".join([*lines, "Testing ... (interrupt to exit)", ""])


def evtest_frame(ms, *events):
    """Return a frame of evtest text."""
    begin = f"Event: time 1.{ms:03}000, "
    lines = [f"{begin}type {kind} (T), code {code} (C), value {value}" for kind, code, value in events]
    return "\n".join([*lines, f"{begin}-------------- SYN_REPORT ------------", ""])


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param(
            evtest_header((47, 1, 9), (53, 0, 99), (54, 0, 99), (57, 0, 65535))
            + evtest_frame(0, (3, 57, 7), (3, 53, 10), (3, 54, 20))
            + evtest_frame(10, (3, 47, 0), (3, 57, 8), (3, 53, 50), (3, 54, 60))
            + evtest_frame(20, (3, 57, -1), (3, 47, 1), (3, 57, -1)),
            [
                (1, D, 1000 * MS, 10, 20),
                (0, D, 1010 * MS, 50, 60),
                (0, U, 1020 * MS, 50, 60),
                (1, U, 1020 * MS, 10, 20),
            ],
            id="the-slot-in-force",
        ),
        pytest.param(
            evtest_header((0, 30, 99), (1, 40, 99))
            + evtest_frame(0, (1, 330, 1), (3, 0, 35))
            + evtest_frame(10, (1, 330, 0)),
            [(0, D, 1000 * MS, 35, 40), (0, U, 1010 * MS, 35, 40)],
            id="where-a-single-touch-was-last",
        ),
        pytest.param(
            evtest_header((0, 30, 99), (1, 40, 99), (47, 0, 9), (53, 5, 99), (54, 6, 99), (57, 3, 65535))
            + evtest_frame(0, (3, 57, 7), (3, 53, 10))
            + evtest_frame(10, (3, 57, -1)),
            [(0, D, 1000 * MS, 10, 0), (0, U, 1010 * MS, 10, 0)],
            id="multi-touch-axes-are-of-no-slot",
        ),
    ],
)
def test_evtest_header_tells_the_state_at_the_start(tmp_path, text, rows):
    assert read(tmp_path, text)[1] == rows


@pytest.mark.parametrize("seconds", [9_223_372_037, 9_999_999_999])
def test_evtest_time_that_64_bits_cannot_hold_is_no_event(tmp_path, seconds):
    late = f"> Event: time {seconds}.000000, -------------- SYN_REPORT ------------\n"
    log, rows = read(tmp_path, PYTHON_EVDEV + late)

    assert len(rows) == 2
    assert log.warnings["unknown_lines"] == 1


RERAN = (
    "6\n0\n1,3,57,12\n1000000\n1,3,53,100\n1\n4,1,116,1\n1\n1,0,0,0\n5000000\n1,3,57,4294967295\n1\n1,0,0,0\n"
)


def test_reran_adds_up_its_intervals(tmp_path):
    log, rows = read(tmp_path, RERAN)

    assert rows == [(0, D, 1_000_002, 100, 0), (0, U, 6_000_003, 100, 0)]
    assert log.info.format == "reran"


def test_sendevent_functions_do_not_run_for_ever(tmp_path):
    calls = "".join(f"function f{n}()\n{{\n" + f"f{n + 1} 1\n" * 60 + "}\n" for n in range(8))
    with pytest.raises(TouchLogError, match="endlessly"):
        read(tmp_path, "sendevent /dev/input/event2 3 57 29\n" + calls + "f0 1\n")


def test_kivy_hovering_is_no_touch(tmp_path):
    content = (
        "#RECORDER1.0\n"
        "(0.5, 'begin', 1, {'is_touch': False, 'profile': ['pos'], 'sy': 0.5, 'sx': 0.5})\n"
        "(0.6, 'end', 1, {'is_touch': False, 'profile': ['pos'], 'sy': 0.5, 'sx': 0.5})\n"
        "(0.75, 'begin', 2, {'is_touch': True, 'profile': ['pos'], 'sy': 0.25, 'sx': 0.5})\n"
        "(0.8, 'end', 2, {'is_touch': True, 'profile': ['pos'], 'sy': 0.25, 'sx': 0.5})\n"
        "not python\n"
        "(0.9, 'begin', 2.5, {'is_touch': True, 'profile': ['pos'], 'sy': 0.25, 'sx': 0.5})\n"
    )
    log, rows = read(tmp_path, content)

    assert rows == [(2, D, 750 * MS, 400, 450), (2, U, 800 * MS, 400, 450)]
    assert log.warnings == {"guessed_screen": 1, "unknown_lines": 2}


@pytest.mark.parametrize("value", [1j, "5", None, 10**400])
@pytest.mark.parametrize("place", range(6))
def test_a_sample_that_does_not_fit_leaves_the_others(value, place):
    writer = SampleWriter(Counter())
    writer.add(0, 0, 0, 0, 1.0, 2.0)
    sample = [0, 0, 1, 10, 3.0, 4.0]
    with pytest.raises((TypeError, OverflowError)):
        writer.add(*sample[:place], value, *sample[place + 1 :])
    writer.add(*sample)

    assert writer.total == 2
    assert list(writer.finish().rows()) == [(0, 0, 0, 0, 1.0, 2.0), (0, 0, 1, 10, 3.0, 4.0)]


MOTION = """I: MotionEvent { action=ACTION_DOWN, id[0]=0, x[0]=10.5, y[0]=20, eventTime=100, downTime=100 }
I: enqueue MotionEvent { action=ACTION_POINTER_DOWN(1), id[0]=0, x[0]=10.5, y[0]=20, id[1]=5, x[1]=1, y[1]=2, eventTime=110 }
I: dispatch MotionEvent { action=ACTION_POINTER_DOWN(1), id[0]=0, x[0]=10.5, y[0]=20, id[1]=5, x[1]=1, y[1]=2, eventTime=110 }
I: MotionEvent { action=ACTION_MOVE, id[0]=0, x[0]=11, y[0]=21, id[1]=5, x[1]=1, y[1]=3, historySize=2, eventTime=120 }
I: MotionEvent { action=ACTION_POINTER_UP(0), id[0]=0, x[0]=11, y[0]=21, id[1]=5, x[1]=1, y[1]=3, eventTime=130 }
D: [MotionEvent] ViewRootImpl { action=ACTION_MOVE, id[0]=0, pointerCount=1, eventTime=135, downTime=1 } moveCount:10
I: MotionEvent { action=ACTION_CANCEL, id[0]=5, x[0]=1, y[0]=3, eventTime=140 }
"""  # noqa: E501 - log lines stand as they are


def test_motion_events_of_several_layers_and_fingers(tmp_path):
    log, rows = read(tmp_path, MOTION)

    assert rows == [
        (0, D, 100 * MS, 10.5, 20),
        (5, D, 110 * MS, 1, 2),
        (0, M, 120 * MS, 11, 21),
        (5, M, 120 * MS, 1, 3),
        (0, U, 130 * MS, 11, 21),
        (5, C, 140 * MS, 1, 3),
    ]
    assert log.warnings == {"duplicate_events": 1, "history_not_printed": 2, "skipped_rows": 1}


NUMBERS = {
    "ACTION_DOWN,": "0,",
    "ACTION_POINTER_DOWN(1)": "0x105",
    "ACTION_MOVE": "2",
    "ACTION_POINTER_UP(0)": "6",
    "ACTION_CANCEL": "3",
}


def test_actions_of_motion_events_may_be_numbers(tmp_path):
    numbers = MOTION
    for name, number in NUMBERS.items():
        numbers = numbers.replace(name, number)
    (tmp_path / "names").mkdir()
    log, rows = read(tmp_path, numbers)
    named, expected = read(tmp_path / "names", MOTION)

    assert "ACTION_" not in numbers
    assert (rows, log.warnings) == (expected, named.warnings)


def test_rrweb_moves_that_come_after_the_lift_are_put_right(tmp_path):
    content = """[{"type":4,"data":{"href":"http://a/","width":400,"height":800},"timestamp":1600000000000},
    {"type":3,"data":{"source":2,"type":7,"id":4,"x":1.5,"y":2},"timestamp":1600000000100},
    {"type":3,"data":{"source":2,"type":9,"id":4,"x":9,"y":8},"timestamp":1600000000200},
    {"type":3,"data":{"source":2,"type":1,"id":4,"x":9,"y":8},"timestamp":1600000000201},
    {"type":3,"data":{"source":6,"positions":[{"x":3,"y":4,"id":4,"timeOffset":-400}]},"timestamp":1600000000550}]"""
    log, rows = read(tmp_path, content)
    start = 1600000000000 * MS

    assert rows == [
        (0, D, start + 100 * MS, 1.5, 2),
        (0, M, start + 150 * MS, 3, 4),
        (0, U, start + 200 * MS, 9, 8),
    ]
    assert (log.info.width, log.info.height) == (400, 800)
    assert [(mark.kind, mark.fields) for mark in log.marks] == [("screen", {"name": "http://a/"})]
    assert log.warnings == {"mouse_events": 1}


def test_an_rrweb_move_whose_offset_is_no_time_is_left_out(tmp_path):
    content = """[{"type":3,"data":{"source":2,"type":7,"id":4,"x":1,"y":2},"timestamp":1600000000100},
    {"type":3,"data":{"source":6,"positions":[{"x":3,"y":4,"timeOffset":1e300}]},"timestamp":1600000000150},
    {"type":3,"data":{"source":2,"type":9,"id":4,"x":1,"y":2},"timestamp":1600000000200}]"""
    log, rows = read(tmp_path, content)

    assert [row[1] for row in rows] == [D, U]
    assert log.warnings["skipped_rows"] == 1


@pytest.mark.parametrize(
    "event",
    [
        pytest.param('"x\\u009cnothing"', id="an-event"),
        pytest.param('{"type":3,"timestamp":1600000000050,"data":"H4sInothing"}', id="its-data"),
    ],
)
def test_rrweb_records_that_are_packed_in_another_way_are_counted(tmp_path, event):
    content = (
        '[{"type":3,"data":{"source":2,"type":7,"x":1,"y":2},"timestamp":1600000000000},\n'
        f'{event},{{"type":3,"data":{{"source":2,"type":9,"x":1,"y":2}},"timestamp":1600000000100}}]'
    )
    log, rows = read(tmp_path, content)

    assert [row[1] for row in rows] == [D, U]
    assert log.counts == {"read": 3, "used": 2, "packed_records": 1}


def test_rrweb_lines_may_hold_whole_pages(tmp_path):
    page = {"type": 2, "data": {"node": "x" * (2 << 20)}, "timestamp": 1600000000000}
    touches = [
        {"type": 3, "data": {"source": 2, "type": kind, "x": 1, "y": 2}, "timestamp": 1600000000000 + kind}
        for kind in (7, 9)
    ]
    _, rows = read(tmp_path, "\n".join(map(json.dumps, [page, *touches])))

    assert [row[1] for row in rows] == [D, U]


def test_strokes_without_times_and_strokes_of_one_point(tmp_path):
    content = '<Gesture Name="x"><Point X="1" Y="2"/><Point X="3" Y="4"/></Gesture>'
    log, rows = read(tmp_path, content)
    assert rows == [(0, D, 16 * MS, 1, 2), (0, U, 32 * MS, 3, 4)]
    assert log.warnings == {"no_clock": 1}
    _, rows = read(tmp_path, '<G><Stroke><Point X="1" Y="2" T="5"/></Stroke></G>')

    assert rows == [(0, D, 5 * MS, 1, 2), (0, U, 5 * MS, 1, 2)]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            '<!DOCTYPE a [<!ENTITY b "bbbb">]><Gesture><Point X="&b;" Y="1"/></Gesture>', id="entity"
        ),
        pytest.param('<!DOCTYPE a SYSTEM "file:///etc/passwd"><Gesture></Gesture>', id="external"),
    ],
)
def test_strokes_with_entities_are_refused(tmp_path, content):
    with pytest.raises(TouchLogError, match="declares entities or a document type"):
        read(tmp_path, content)


def test_strokes_with_damaged_tags_keep_the_others(tmp_path):
    content = (
        '<Gesture>\n<Stroke><Point X="1" Y="2" T="5"/>\nnull\n<Point X="1"\n<Point X="3" Y="4" T="6"/>\n'
        '<!-- <Point X="0" Y="0" T="7"/> -->\n<Stroke><Point X="5" Y="6" T="8"/><Point X="a" Y="6" T="9"/>\n'
    )
    log, rows = read(tmp_path, content)

    assert rows == [(0, D, 5 * MS, 1, 2), (0, U, 6 * MS, 3, 4), (0, D, 8 * MS, 5, 6)]
    assert log.warnings == {"unknown_lines": 1, "skipped_rows": 2, "cut_off": 1, "missing_lift": 1}
    assert log.counts == {"read": 9, "used": 3, "context": 3, "skipped_rows": 2, "unknown_lines": 1}


def test_how_we_swipe_rows_with_empty_fields_and_repeated_errors(tmp_path):
    content = (
        "sentence timestamp keyb_width keyb_height event x_pos y_pos x_radius y_radius angle word is_err\n"
        "hi_john 1000 393 224 touchstart 10 20 0.1 0.1 0 hi 0\n"
        "hi_john 1010 393 224 touchmove 321 173    john 1\n"
        "hi_john 1020 393 224 touchmove 1\n"
        "hi_john 1030 393 224 touchend 321 173   0 two words 1 1 1 1\n"
        "bye 2000 393 224 touchstart 1 2 0 0 0 bye 0\n"
    )
    log, rows = read(tmp_path, content)

    assert rows == [
        (0, D, 1000 * MS, 10, 20),
        (0, M, 1010 * MS, 321, 173),
        (0, U, 1030 * MS, 321, 173),
        (0, D, 2000 * MS, 1, 2),
    ]
    assert [mark.fields["name"] for mark in log.marks] == ["hi_john", "bye"]
    assert log.warnings == {"unknown_lines": 1, "missing_lift": 1}


def test_monkey_commands(tmp_path):
    content = (
        "TOUCH|{'x':1,'y':2,'type':'down',}\nWAIT|{'seconds':0.5,}\nTOUCH|{'x':1,'y':2,'type':'up',}\n"
        "DRAG|{'start':(0,0),'end':(10,20),'duration':0.5,'steps':2,}\nFLY|{'x':1}\n"
    )
    log, rows = read(tmp_path, content)

    assert rows == [
        (0, D, 0, 1, 2),
        (0, U, 1500 * MS, 1, 2),
        (0, D, 2500 * MS, 0, 0),
        (0, M, 2750 * MS, 5, 10),
        (0, U, 3000 * MS, 10, 20),
    ]
    assert log.warnings == {"no_clock": 1, "unknown_lines": 1}


def test_testfairy_keys_are_no_touches_and_interactions_are_marks(tmp_path):
    content = """{"userInteractions": [{"kind": 1, "label": "OK", "ts": 6.5}],
    "input": [{"t": 1, "kc": 4, "ts": 1.0}, {"x": 1, "y": 2, "act": 0, "t": 0, "ts": 6.25}]}"""
    log, rows = read(tmp_path, content)

    assert rows == [(0, D, 6_250_000_000, 1, 2)]
    assert [(mark.kind, mark.time_ns, mark.fields["label"]) for mark in log.marks] == [
        ("interaction", 6_500_000_000, "OK")
    ]
    assert log.warnings == {"skipped_rows": 1, "missing_lift": 1}
