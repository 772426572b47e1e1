"""However a log is cut into blocks and chunks, it gives the same samples, marks and doubts."""

import random

import pytest
from hypothesis import given, strategies as st
from log_seeds import SEEDS

from capture import logs
from capture._native.evdev.text import contains
from capture.errors import TouchLogError
from capture.logs import samples, source


def read(path, name):
    log = logs.open_log(path, format=name)
    rows = [row for chunk in log.chunks() for row in chunk.rows()]
    return str(rows), log.marks, log.warnings


def outcome(path, name):
    try:
        return read(path, name)
    except TouchLogError as error:
        return str(error)


@pytest.mark.parametrize("name", [name for name in SEEDS if name != "csv"])
@pytest.mark.parametrize("size", [1, 7, 64])
def test_blocks_of_any_size(tmp_path, monkeypatch, name, size):
    path = tmp_path / "log"
    path.write_bytes(SEEDS[name] * (1 if name in {"testfairy", "rrweb", "strokes"} else 3))
    whole = read(path, name)
    monkeypatch.setattr(source, "BLOCK_BYTES", size)
    monkeypatch.setattr(samples, "CHUNK_SAMPLES", size)

    assert read(path, name) == whole


#: A device that speaks type B for a while and then turns out to be of type A.
TURNING = {
    "getevent": (
        b"[    1.000000] EV_ABS       ABS_MT_TRACKING_ID   00000001\n"
        b"[    1.000000] EV_ABS       ABS_MT_POSITION_X    0000000a\n"
        b"[    1.000000] EV_SYN       SYN_REPORT           00000000\n"
        * 40
        + b"[    2.000000] EV_SYN       SYN_MT_REPORT        00000000\n"
        b"[    2.000000] EV_SYN       SYN_REPORT           00000000\n" * 2
    ),
    "evemu": (
        b"E: 1.000000 0003 0039 1\nE: 1.000000 0003 0035 5\nE: 1.000000 0000 0000 0\n" * 40
        + b"E: 2.000000 0000 0002 0\nE: 2.000000 0000 0000 0\n" * 2
    ),
    "libinput": (
        b"devices:\n- node: /dev/input/event9\n  evdev:\n    absinfo:\n      53: [0, 99, 0, 0, 10]\n"
        b"      54: [0, 99, 0, 0, 10]\n  events:\n"
        + b"  - evdev:\n    - [  1,      0,   3,  57,       1] # EV_ABS\n"
        b"    - [  1,      0,   3,  53,      10] # EV_ABS\n    - [  1,      0,   0,   0,       0] # SYN\n"
        * 40
        + b"  - evdev:\n    - [  2,      0,   0,   2,       0]\n    - [  2,      0,   0,   0,       0]\n" * 2
    ),
    "evtest": (
        b"Event: time 1.000000, type 3 (EV_ABS), code 57 (ABS_MT_TRACKING_ID), value 7\n"
        b"Event: time 1.000000, type 3 (EV_ABS), code 53 (ABS_MT_POSITION_X), value 5\n"
        b"Event: time 1.000000, -------------- SYN_REPORT ------------\n"
        * 40
        + b"Event: time 2.000000, ++++++++++++++ SYN_MT_REPORT ++++++++++++\n"
        b"Event: time 2.000000, -------------- SYN_REPORT ------------\n" * 2
    ),
}


@pytest.mark.parametrize("name", TURNING)
@pytest.mark.parametrize("size", [1, 7, 17, 64, 100, 200])
def test_a_sign_of_another_protocol_is_found_wherever_a_block_ends(tmp_path, monkeypatch, name, size):
    path = tmp_path / "log"
    path.write_bytes(TURNING[name])
    whole = read(path, name)
    monkeypatch.setattr(source, "BLOCK_BYTES", size)

    assert read(path, name) == whole
    # The pointer is the id, as of type A, and not the slot.
    assert whole[0].startswith(("[(0, 1, 0,", "[(0, 7, 0,"))


@given(st.binary(max_size=80), st.binary(min_size=2, max_size=5), st.data())
def test_a_text_is_found_where_it_stands(block, text, data):
    block = bytes(byte & 1 for byte in block)
    text = bytes(byte & 1 for byte in text)

    assert contains(block, text, data.draw(st.integers(0, len(text) - 2))) is (text in block)


@pytest.mark.parametrize("place", [-1, 2])
def test_a_place_outside_the_text_is_refused(place):
    with pytest.raises(ValueError, match="expected 0 to 1"):
        contains(b"abc", b"abc", place)


@pytest.mark.parametrize("name", ["getevent", "evemu", "evtest", "libinput", "kvi", "jsonl", "strokes"])
def test_damaged_logs_in_blocks_of_any_size(tmp_path, monkeypatch, name):
    chance = random.Random(name)
    path = tmp_path / "log"
    for _ in range(60):
        data = bytearray(SEEDS[name])
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            data[at : at + chance.randint(0, 9)] = chance.randbytes(chance.randint(0, 5))
        path.write_bytes(data)
        with monkeypatch.context() as patch:
            whole = outcome(path, name)
            patch.setattr(source, "BLOCK_BYTES", chance.randint(1, 50))

            assert outcome(path, name) == whole
