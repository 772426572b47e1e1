"""From evdev frames to touch samples, rule by rule, on text of getevent."""

import pytest

from capture import logs

D, U, M, C = range(4)
ID, X, Y, SLOT, ABS_X, ABS_Y = "0039", "0035", "0036", "002f", "0000", "0001"


def text(*frames, end=True):
    """Frames are (ms, "code value" ...); a value alone is KEY, MT closes a type A contact, DROP drops."""
    lines = []
    for ms, *events in frames:
        stamp = f"[{ms // 1000:8}.{ms % 1000:03}000] "
        lines += [stamp + _event(event) for event in events]
        lines.append(stamp + "0000 0000 00000000")
    return "\n".join(lines if end else lines[:-1]) + "\n"


def _event(event):
    words = {"MT": "0000 0002 00000000", "DROP": "0000 0003 00000000"}
    if event in words:
        return words[event]
    code, value = event.split()
    if code == "TOUCH":
        return f"0001 014a {int(value):08x}"
    return f"0003 {code} {int(value) & 0xFFFFFFFF:08x}"


def samples(tmp_path, content, **options):
    path = tmp_path / "log.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    log = logs.open_log(path, options=logs.ReadOptions(**options))
    rows = [(row[3] // 10**6, *row[1:3], *row[4:]) for chunk in log.chunks() for row in chunk.rows()]
    return rows, dict(log.warnings)


# Each: frames, samples as (ms, pointer, action, x, y), warnings besides raw_units.
TYPE_B = {
    "one-contact": (
        [(0, f"{ID} 7", f"{X} 10", f"{Y} 20"), (8, f"{X} 11"), (16, f"{ID} -1")],
        [(0, 0, D, 10, 20), (8, 0, M, 11, 20), (16, 0, U, 11, 20)],
        {},
    ),
    "a-frame-without-place-is-no-move": (
        [(0, f"{ID} 7", f"{X} 10", f"{Y} 20"), (8, "003a 40"), (16, f"{ID} -1")],
        [(0, 0, D, 10, 20), (16, 0, U, 10, 20)],
        {},
    ),
    "an-axis-never-reported-is-0": (
        [(0, f"{ID} 7", f"{X} 10"), (8, f"{ID} -1")],
        [(0, 0, D, 10, 0), (8, 0, U, 10, 0)],
        {},
    ),
    "slot-values-outlive-contacts": (
        [(0, f"{ID} 7", f"{X} 10", f"{Y} 20"), (8, f"{ID} -1"), (16, f"{ID} 8", f"{X} 30"), (24, f"{ID} -1")],
        [(0, 0, D, 10, 20), (8, 0, U, 10, 20), (16, 0, D, 30, 20), (24, 0, U, 30, 20)],
        {},
    ),
    "the-slot-stays-in-force-across-frames": (
        [(0, f"{SLOT} 3", f"{ID} 7", f"{X} 1", f"{Y} 2"), (8, f"{X} 5"), (16, f"{ID} -1")],
        [(0, 3, D, 1, 2), (8, 3, M, 5, 2), (16, 3, U, 5, 2)],
        {},
    ),
    "a-new-id-in-a-busy-slot": (
        [(0, f"{ID} 7", f"{X} 1", f"{Y} 2"), (8, f"{ID} 8", f"{X} 5"), (16, f"{ID} -1")],
        [(0, 0, D, 1, 2), (8, 0, U, 1, 2), (8, 0, D, 5, 2), (16, 0, U, 5, 2)],
        {},
    ),
    "end-and-new-id-in-one-frame": (
        [(0, f"{ID} 7", f"{X} 1", f"{Y} 2"), (8, f"{ID} -1", f"{ID} 8", f"{X} 5"), (16, f"{ID} -1")],
        [(0, 0, D, 1, 2), (8, 0, U, 1, 2), (8, 0, D, 5, 2), (16, 0, U, 5, 2)],
        {},
    ),
    "the-same-id-again-changes-nothing": (
        [(0, f"{ID} 7", f"{X} 1", f"{Y} 2"), (8, f"{ID} 7", f"{X} 3"), (16, f"{ID} -1")],
        [(0, 0, D, 1, 2), (8, 0, M, 3, 2), (16, 0, U, 3, 2)],
        {},
    ),
    "end-of-an-idle-slot": (
        [(0, f"{ID} -1"), (8, f"{ID} 7", f"{X} 1", f"{Y} 2"), (16, f"{ID} -1"), (24, f"{ID} -1")],
        [(8, 0, D, 1, 2), (16, 0, U, 1, 2)],
        {},
    ),
    "begin-and-end-in-one-frame": (
        [(0, f"{ID} 7", f"{X} 1", f"{Y} 2", f"{ID} -1")],
        [(0, 0, D, 1, 2), (0, 0, U, 1, 2)],
        {},
    ),
    "the-last-place-may-come-with-the-end": (
        [(0, f"{ID} 7", f"{X} 1", f"{Y} 2"), (8, f"{X} 4", f"{ID} -1")],
        [(0, 0, D, 1, 2), (8, 0, U, 4, 2)],
        {},
    ),
    "lifts-before-what-comes-down-in-the-same-frame": (
        [
            (0, f"{SLOT} 1", f"{ID} 7", f"{X} 1", f"{Y} 2"),
            (8, f"{SLOT} 0", f"{ID} 8", f"{X} 5", f"{Y} 6", f"{SLOT} 1", f"{ID} -1"),
            (16, f"{SLOT} 0", f"{ID} -1"),
        ],
        [(0, 1, D, 1, 2), (8, 1, U, 1, 2), (8, 0, D, 5, 6), (16, 0, U, 5, 6)],
        {},
    ),
    "mirrored-axes-and-btn-touch-are-ignored": (
        [
            (0, f"{ID} 7", f"{X} 1", f"{Y} 2", "TOUCH 1", f"{ABS_X} 9", f"{ABS_Y} 9"),
            (8, f"{ABS_X} 10"),
            (16, f"{ID} -1", "TOUCH 0"),
        ],
        [(0, 0, D, 1, 2), (16, 0, U, 1, 2)],
        {},
    ),
    "a-log-that-starts-in-mid-contact": (
        [(0, f"{X} 1"), (8, f"{Y} 2"), (16, f"{ID} -1"), (24, f"{ID} 9", f"{X} 3"), (32, f"{ID} -1")],
        [(24, 0, D, 3, 2), (32, 0, U, 3, 2)],
        {"positions_without_contact": 2},
    ),
    "dropped-events": (
        [
            (0, f"{ID} 7", f"{X} 1", f"{Y} 2"),
            (8, f"{X} 3", "DROP", f"{X} 9", f"{ID} 12"),
            (16, f"{X} 4"),
            (24, f"{ID} 13", f"{X} 5"),
            (32, f"{ID} -1"),
        ],
        [(0, 0, D, 1, 2), (8, 0, C, 1, 2), (24, 0, D, 5, 2), (32, 0, U, 5, 2)],
        {"dropped_by_device": 1, "positions_without_contact": 1},
    ),
    "a-contact-still-down-at-the-end": (
        [(0, f"{ID} 7", f"{X} 1", f"{Y} 2"), (8, f"{X} 3")],
        [(0, 0, D, 1, 2), (8, 0, M, 3, 2)],
        {"missing_lift": 1},
    ),
    "time-going-back": (
        [(8, f"{ID} 7", f"{X} 1", f"{Y} 2"), (0, f"{ID} -1")],
        [(8, 0, D, 1, 2), (0, 0, U, 1, 2)],
        {"time_went_back": 1},
    ),
    "a-clock-step": (
        [(0, f"{ID} 7", f"{X} 1", f"{Y} 2"), (3_600_001, f"{ID} -1")],
        [(0, 0, D, 1, 2), (3_600_001, 0, U, 1, 2)],
        {"clock_steps": 1},
    ),
    "negative-values": (
        [(0, f"{ID} 7", f"{X} -5", f"{Y} 2"), (8, f"{ID} -1")],
        [(0, 0, D, -5, 2), (8, 0, U, -5, 2)],
        {},
    ),
    "a-slot-that-no-panel-has": (
        [(0, f"{SLOT} 5000", f"{ID} 7", f"{X} 1"), (8, f"{SLOT} 0", f"{ID} 8", f"{Y} 2"), (16, f"{ID} -1")],
        [(8, 0, D, 0, 2), (16, 0, U, 0, 2)],
        {"positions_without_contact": 2},
    ),
}
TYPE_A = {
    "one-contact-lifted-by-a-lone-mt-report": (
        [(0, f"{X} 1", f"{Y} 2", "MT"), (8, f"{X} 3", f"{Y} 2", "MT"), (16, "MT")],
        [(0, 0, D, 1, 2), (8, 0, M, 3, 2), (16, 0, U, 3, 2)],
        {},
    ),
    "lifted-by-an-empty-frame": (
        [(0, f"{X} 1", f"{Y} 2", "MT"), (8,)],
        [(0, 0, D, 1, 2), (8, 0, U, 1, 2)],
        {},
    ),
    "ids": (
        [
            (0, f"{ID} 4", f"{X} 1", f"{Y} 2", "MT"),
            (8, f"{ID} 4", f"{X} 1", f"{Y} 3", "MT", f"{ID} 6", f"{X} 50", f"{Y} 60", "MT"),
            (16, f"{ID} 6", f"{X} 51", f"{Y} 60", "MT"),
            (24, "MT"),
        ],
        [
            (0, 4, D, 1, 2), (8, 4, M, 1, 3), (8, 6, D, 50, 60),
            (16, 4, U, 1, 3), (16, 6, M, 51, 60), (24, 6, U, 51, 60),
        ],
        {},
    ),
    "without-ids-the-nearest-is-the-same-finger": (
        [
            (0, f"{X} 1", f"{Y} 1", "MT", f"{X} 100", f"{Y} 100", "MT"),
            (8, f"{X} 99", f"{Y} 99", "MT", f"{X} 3", f"{Y} 3", "MT"),
            (16, f"{X} 98", f"{Y} 99", "MT"),
            (24, f"{X} 97", f"{Y} 99", "MT", f"{X} 1", f"{Y} 1", "MT"),
            (32, "MT"),
        ],
        [
            (0, 0, D, 1, 1), (0, 1, D, 100, 100),
            (8, 1, M, 99, 99), (8, 0, M, 3, 3),
            (16, 0, U, 3, 3), (16, 1, M, 98, 99),
            (24, 1, M, 97, 99), (24, 0, D, 1, 1),
            (32, 1, U, 97, 99), (32, 0, U, 1, 1),
        ],
        {},
    ),
    "an-id-listed-twice": (
        [(0, f"{ID} 4", f"{X} 1", f"{Y} 2", "MT", f"{ID} 4", f"{X} 7", f"{Y} 8", "MT"), (8, "MT")],
        [(0, 4, D, 1, 2), (8, 4, U, 1, 2)],
        {"repeated_ids": 1},
    ),
    "dropped-events": (
        [(0, f"{X} 1", f"{Y} 2", "MT"), (8, "DROP"), (16, f"{X} 5", f"{Y} 6", "MT"), (24, "MT")],
        [(0, 0, D, 1, 2), (8, 0, C, 1, 2), (16, 0, D, 5, 6), (24, 0, U, 5, 6)],
        {"dropped_by_device": 1},
    ),
}  # fmt: skip
SINGLE = {
    "one-touch": (
        [(0, f"{ABS_X} 1", f"{ABS_Y} 2", "TOUCH 1"), (8, f"{ABS_X} 3"), (16, "TOUCH 0")],
        [(0, 0, D, 1, 2), (8, 0, M, 3, 2), (16, 0, U, 3, 2)],
        {},
    ),
    "key-before-places": (
        [(0, "TOUCH 1", f"{ABS_X} 1", f"{ABS_Y} 2"), (8, "TOUCH 0", f"{ABS_X} 4")],
        [(0, 0, D, 1, 2), (8, 0, U, 4, 2)],
        {},
    ),
    "a-log-that-starts-in-mid-contact": (
        [(0, f"{ABS_X} 1"), (8, "TOUCH 0"), (16, "TOUCH 1", f"{ABS_X} 5"), (24, "TOUCH 0")],
        [(16, 0, D, 5, 0), (24, 0, U, 5, 0)],
        {"positions_without_contact": 1, "up_without_down": 1},
    ),
    "up-and-down-in-one-frame": (
        [
            (0, f"{ABS_X} 1", f"{ABS_Y} 2", "TOUCH 1"),
            (8, "TOUCH 0", "TOUCH 1", f"{ABS_X} 7"),
            (16, "TOUCH 0"),
        ],
        [(0, 0, D, 1, 2), (8, 0, U, 1, 2), (8, 0, D, 7, 2), (16, 0, U, 7, 2)],
        {},
    ),
    "repeats-of-the-key": (
        [(0, f"{ABS_X} 1", f"{ABS_Y} 2", "TOUCH 1", "TOUCH 1"), (8, "TOUCH 2"), (16, "TOUCH 0")],
        [(0, 0, D, 1, 2), (16, 0, U, 1, 2)],
        {},
    ),
    # A key that is down is not reported again: the line of its lift was lost.
    "a-second-press": (
        [(0, f"{ABS_X} 1", f"{ABS_Y} 2", "TOUCH 1"), (12, "TOUCH 1"), (16, "TOUCH 0")],
        [(0, 0, D, 1, 2), (12, 0, U, 1, 2), (12, 0, D, 1, 2), (16, 0, U, 1, 2)],
        {},
    ),
    "dropped-events": (
        [
            (0, f"{ABS_X} 1", "TOUCH 1"),
            (8, "DROP", "TOUCH 0"),
            (16, f"{ABS_X} 4"),
            (24, "TOUCH 1"),
            (32, "TOUCH 0"),
        ],
        [(0, 0, D, 1, 0), (8, 0, C, 1, 0), (24, 0, D, 4, 0), (32, 0, U, 4, 0)],
        {"dropped_by_device": 1, "positions_without_contact": 1},
    ),
}
CASES = {f"{kind}-{name}": case for kind, table in (("b", TYPE_B), ("a", TYPE_A), ("single", SINGLE))
         for name, case in table.items()}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_frames_become_samples(tmp_path, case):
    frames, expected, doubts = case
    rows, warnings = samples(tmp_path, text(*frames))

    assert rows == expected
    assert warnings == {"raw_units": 1, **doubts}


def test_frame_ends_at_syn_report_and_not_at_a_new_time(tmp_path):
    content = text((0, f"{X} 1", f"{Y} 2", "MT"), (8, "MT")).replace("0.000000] 0003", "0.000700] 0003")
    rows, _ = samples(tmp_path, content)

    assert rows == [(0, 0, D, 1, 2), (8, 0, U, 1, 2)]


def test_frame_without_its_end_is_left_out(tmp_path):
    rows, warnings = samples(tmp_path, text((0, f"{ID} 7", f"{X} 1"), (8, f"{X} 5"), end=False))

    assert rows == [(0, 0, D, 1, 0)]
    assert warnings == {"raw_units": 1, "unfinished_frame": 1, "missing_lift": 1}


def test_protocol_is_that_of_the_whole_log(tmp_path):
    # The first frame alone looks like type B; a type A report anywhere makes the device type A.
    rows, _ = samples(
        tmp_path, text((0, f"{ID} 4", f"{X} 1", f"{Y} 2"), (8, f"{ID} 4", f"{X} 3", "MT"), (16, "MT"))
    )

    assert rows == [(0, 4, D, 1, 2), (8, 4, M, 3, 2), (16, 4, U, 3, 2)]


def test_log_without_a_touch_has_no_samples_and_no_error(tmp_path):
    rows, warnings = samples(
        tmp_path, "[    1.000000] 0001 0074 00000001\n[    1.000000] 0000 0000 00000000\n"
    )

    assert rows == []
    assert warnings == {}


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r\r\n"], ids=["lf", "crlf", "cr-cr-lf"])
@pytest.mark.parametrize("last", [b"", None], ids=["no-last-line-end", "last-line-end"])
def test_line_ends_change_nothing(tmp_path, line_end, last):
    frames, expected, _ = TYPE_B["one-contact"]
    content = text(*frames).encode().replace(b"\n", line_end)
    if last == b"":
        content = content[: -len(line_end)]

    assert samples(tmp_path, content)[0] == expected


def test_labels_in_any_case_and_with_a_rate(tmp_path):
    content = (
        "[       1.000000] EV_ABS       ABS_MT_TRACKING_ID   0000000A             rate 60\n"
        "[       1.000000] EV_ABS       ABS_MT_POSITION_X    0000000a            \n"
        "[       1.000000] EV_ABS       ABS_MT_TOOL_TYPE     MT_TOOL_FINGER      \n"
        "[       1.000000] EV_KEY       BTN_TOUCH            DOWN                \n"
        "[       1.000000] EV_SYN       SYN_REPORT           00000000            \n"
        "[       1.500000] EV_ABS       ABS_MT_TRACKING_ID   FFFFFFFF            \n"
        "[       1.500000] EV_SYN       SYN_REPORT           00000000            \n"
    )
    rows, warnings = samples(tmp_path, content)

    assert rows == [(1000, 0, D, 10, 0), (1500, 0, U, 10, 0)]
    assert warnings == {"raw_units": 1}


def test_tabs_are_blanks(tmp_path):
    """As an editor or a spreadsheet leaves them."""
    content = (
        "add device 1:\t/dev/input/event3\n"
        "\tABS (0003): ABS_MT_POSITION_X\t: value 0, min 0, max 99, fuzz 0, flat 0, resolution 0\n"
        "\t\tABS_MT_POSITION_Y\t: value 0, min 0, max 199, fuzz 0, flat 0, resolution 0\n"
        "[\t1.000000]\t/dev/input/event3:\tEV_ABS\tABS_MT_TRACKING_ID\t0000000a\n"
        "[\t1.000000]\t/dev/input/event3:\tEV_ABS\tABS_MT_POSITION_X\t0000000a\t\n"
        "[\t1.000000]\t/dev/input/event3:\t0000\t0000\t00000000\n"
        "[\t1.500000]\t/dev/input/event3:\t0003 \t0039\tffffffff\trate 60\n"
        "[\t1.500000]\t/dev/input/event3:\tEV_SYN\tSYN_REPORT\t00000000\n"
    )
    rows, warnings = samples(tmp_path, content)

    assert rows == [(1000, 0, D, 10, 0), (1500, 0, U, 10, 0)]
    assert warnings == {"panel_units": 1}


def test_lines_that_are_no_events_are_counted(tmp_path):
    frames, expected, _ = TYPE_B["one-contact"]
    lines = text(*frames).splitlines(keepends=True)
    rows, warnings = samples(tmp_path, "could not get driver version\n" + "what is this\n".join(lines))

    assert rows == expected
    assert warnings == {"raw_units": 1, "unknown_lines": len(lines) - 1}


def test_log_without_times_gets_made_up_ones(tmp_path):
    frames, _, _ = TYPE_B["one-contact"]
    content = "\n".join(line.partition("] ")[2] for line in text(*frames).splitlines()) + "\n"
    rows, warnings = samples(tmp_path, content)

    assert rows == [(0, 0, D, 10, 20), (10, 0, M, 11, 20), (20, 0, U, 11, 20)]
    assert warnings == {"raw_units": 1, "no_clock": 1}


def test_long_log_comes_in_chunks_that_give_the_same_samples(tmp_path):
    moves = [(8 * number, f"{X} {number}") for number in range(1, 70_000)]
    path = tmp_path / "long.txt"
    path.write_text(text((0, f"{ID} 7", f"{Y} 2"), *moves, (560_000, f"{ID} -1")), encoding="ascii")
    chunks = [len(chunk) for chunk in logs.open_log(path).chunks()]

    assert sum(chunks) == 70_001
    assert max(chunks) <= 1 << 16
    assert len(chunks) > 1


def test_protocol_is_found_however_late_its_sign_comes(tmp_path):
    moves = [(8 * number, f"{ID} 4", f"{X} {number}") for number in range(20_000)]
    path = tmp_path / "late.txt"
    path.write_text(text(*moves, (160_000, f"{ID} 4", f"{X} 7", "MT"), (160_008, "MT")), encoding="ascii")
    rows = [row for chunk in logs.open_log(path).chunks() for row in chunk.rows()]

    assert path.stat().st_size > 2 << 20
    assert {row[1] for row in rows} == {4}


@pytest.mark.parametrize(
    ("lift", "strokes"),
    [
        pytest.param("1.100000", 2, id="later"),
        pytest.param("1.000004", 1, id="at-once"),
    ],
)
def test_a_lift_is_one_though_the_report_before_it_is_lost(tmp_path, lift, strokes):
    """A frame lasts no longer; some drivers close a packet more than they opened, at the same time."""

    def touch(time, x, report="\n"):
        lines = ["0003 0035", "0003 0036", "0000 0002"]
        values = [f"{x:08x}", "00000064", "00000000"]
        text = "".join(f"[ {time}] {line} {value}\n" for line, value in zip(lines, values, strict=True))
        return text + (f"[ {time}] 0000 0000 00000000\n" if report else "")

    lifted = f"[ {lift}] 0000 0002 00000000\n[ {lift}] 0000 0000 00000000\n"
    path = tmp_path / "a.txt"
    path.write_text(touch("1.000000", 100, report="") + lifted + touch("2.000000", 101), encoding="ascii")
    actions = [row[2] for chunk in logs.open_log(path, format="getevent").chunks() for row in chunk.rows()]

    assert actions.count(0) == strokes
