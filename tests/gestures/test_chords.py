"""What several fingers do together: the cases of other engines, and the core beside its reference."""

import json
import math
import os
from pathlib import Path

import msgspec
import pytest
from chord_streams import ChordStreams
from dialect_cases import check, rows_of
from reference_chords import ChordReference
from strokes import MS, stroke

from capture import Direction, GestureConfig, Recognizer, TouchSamples, classify
from capture.cli import run
from capture.gestures.chords import MULTI_FIELDS, MultiGesture
from capture.gestures.dialects import OPENABLE, ROWS
from capture.gestures.kinds import Mode, MultiKind, MultiReason
from capture.testing import FakeClock, memory_capture

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
OWN = json.loads((ROOT / "tests" / "data" / "chord_cases.json").read_text(encoding="utf-8"))
#: Chords of the comparison with the reference, over all rows; make soak compares 5,000.
CHORDS = 5 * max(100, int(os.environ.get("CAPTURE_EXAMPLES", "100")) // 20)
VARIANTS = [
    {"dialect": "ios", "transform_slop_dp": 0, "pinch_scale": 0.1, "rotate_deg": 5},
    {"dialect": "android", "velocity_strategy": "impulse", "swipe_velocity_dp_s": 50, "chord_fingers": 3},
    {"dialect": "chromium_desktop", "open": OPENABLE, "free_fingers": 2, "transform_slop_dp": 12.0},
    {"frame_ms": 0, "min_span_dp": 100, "swipe_ratio": 1.5, "velocity_strategy": "lsq2", "clamp": "none"},
]
CONFIGURATIONS = [
    *(GestureConfig(dialect=name) for name in ROWS),
    *(GestureConfig(**variant) for variant in VARIANTS),
]


def columns(rows):
    return TouchSamples.from_rows(rows)


def chords_of(rows, config=None, density=1.0, **options):
    table = classify(columns(rows), density=density, gestures=config, multi=True, **options)
    return [plain(chord) for chord in table.multi]


def plain(chord):
    return {name: known(getattr(chord, name)) for name in MULTI_FIELDS}


def known(value):
    """A value whose NaN equals itself."""
    return "nan" if value != value else float(value)  # noqa: PLR0124


def two(*frames, first=0):
    """Rows of two fingers: (ms, x, y, x, y) of each frame; both come down, move and are lifted."""
    rows = []
    for number, (ms, *places) in enumerate(frames):
        action = 0 if number == 0 else 1 if number == len(frames) - 1 else 2
        rows += [
            (0, finger, action, first + round(ms * MS), *places[2 * finger : 2 * finger + 2])
            for finger in (0, 1)
        ]
    return rows


PINCH = two(
    (0, 100, 100, 200, 100), (16, 80, 100, 220, 100), (32, 50, 100, 250, 100), (40, 50, 100, 250, 100)
)


# ---- what a chord is -------------------------------------------------------------------------------


def test_a_pinch_has_its_scale_and_its_ends():
    [pinch] = classify(columns(PINCH), multi=True).multi

    assert (pinch.kind, pinch.reason, pinch.direction) == (
        MultiKind.PINCH,
        MultiReason.RECOGNIZED,
        Direction.NONE,
    )
    assert (pinch.modes, pinch.fingers, pinch.scale, pinch.rotation) == (Mode.PINCH, 2, 2.0, 0.0)
    assert (pinch.span_down, pinch.span_up, pinch.spread, pinch.shift) == (100.0, 200.0, 50.0, 0.0)
    assert (pinch.x_down, pinch.y_down, pinch.x_up, pinch.y_up) == (150.0, 100.0, 150.0, 100.0)
    assert (pinch.duration, pinch.first_sample, pinch.last_sample) == (40.0, 1, 6)


def test_both_strokes_of_a_chord_are_multi_touch():
    table = classify(columns(PINCH), multi=True)

    assert [gesture.reason.name for gesture in table] == ["MULTI_TOUCH", "MULTI_TOUCH"]


def test_two_fingers_that_pan_in_two_rows_do_not_pinch():
    """One finger's row comes before the other's: between them the pair seems 50 dp longer."""
    frames = [(16 * n, 100 + 50 * n, 100, 200 + 50 * n, 100) for n in range(5)]
    [pan] = chords_of(two(*frames, (80, 300, 100, 400, 100)))

    assert (pan["kind"], pan["direction"]) == (MultiKind.SWIPE, Direction.RIGHT)
    assert (pan["spread"], pan["shift"]) == (0.0, 200.0)


def test_a_full_turn_adds_up():
    places = [
        (16 * n, *(200 + 100 * s * f(math.tau * n / 36) for s in (1, -1) for f in (math.cos, math.sin)))
        for n in range(37)
    ]
    [turn] = chords_of(two(*places, (600, 300, 200, 100, 200)))

    assert turn["kind"] == MultiKind.ROTATE
    assert turn["rotation"] == pytest.approx(360, abs=0.01)


def test_the_names_of_the_engines_own_tests_come_out():
    path = SHARED / "corpus" / "dialects.json"
    if not path.exists():
        pytest.skip(f"no {path}")
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    wrong = {case["id"]: problems for case in cases if (problems := wrong_in(case))}

    assert wrong == {}


@pytest.mark.parametrize("case", OWN["cases"], ids=lambda case: case["id"])
def test_a_case_comes_out_as_its_engine_has_it(case):
    assert wrong_in(case) == []


def wrong_in(case):
    config = GestureConfig(dialect=case["dialect"], verdict_columns=True, **case["set"])
    table = classify(columns(rows_of(case)), density=case.get("density", 1.0), gestures=config, multi=True)
    strokes = [{name: getattr(gesture, name) for name in table.fields} for gesture in table]
    chords = [{name: getattr(chord, name) for name in MULTI_FIELDS} for chord in table.multi]
    return check(case, strokes, chords, config.touch_slop_dp)


# ---- the core beside its reference -----------------------------------------------------------------


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=lambda config: config.dialect)
def test_the_core_equals_its_reference_at_every_limit(config):
    row = msgspec.structs.asdict(config)
    for seed, density in enumerate((1.0, 2.625)):
        count = CHORDS // len(CONFIGURATIONS) // 2 + 1
        rows = ChordStreams(row, f"{config.dialect} {seed}", density).rows(count)
        expected = ChordReference(row, density).feed(rows).finish().records

        assert chords_of(rows, config, density) == [
            {name: known(record[name]) for name in MULTI_FIELDS} for record in expected
        ]


@pytest.mark.parametrize("config", CONFIGURATIONS, ids=lambda config: config.dialect)
def test_chords_are_the_same_however_the_log_is_driven(config):
    row = msgspec.structs.asdict(config)
    streams = [ChordStreams(row, f"driven {number}").rows(12) for number in range(3)]
    rows = [(number, *one[1:]) for number, each in enumerate(streams) for one in each]
    rows.sort(key=lambda one: one[3])
    whole = chords_of(rows, config)
    live, chunked = Recognizer(gestures=config), Recognizer(gestures=config)
    calls = [live.down, live.up, live.move, live.cancel]
    for stream, pointer, action, time, x, y in rows:
        calls[action](pointer, x, y, time, stream=stream)
    live.finish()
    parts = [
        plain(chord)
        for at in range(0, len(rows), 23)
        for chord in chunked.feed(columns(rows[at : at + 23]), multi=True).multi
    ]
    parts += [plain(chord) for chord in chunked.finish(multi=True).multi]

    assert [plain(chord) for chord in live.take_chords()] == whole
    assert live.chords == []
    assert parts == whole
    assert chords_of(rows, config, threads=3) == whole
    for number, each in enumerate(streams):
        alone = chords_of(sorted(each, key=lambda one: one[3]), config)
        mine = [chord for chord in whole if chord["stream"] == number]
        names = [name for name in MULTI_FIELDS if name not in {"stream", "first_sample", "last_sample"}]
        assert [[chord[name] for name in names] for chord in mine] == [
            [chord[name] for name in names] for chord in alone
        ]


def test_strokes_are_the_same_with_and_without_chords():
    rows = ChordStreams(msgspec.structs.asdict(GestureConfig()), "strokes").rows(60)
    without, with_chords = classify(columns(rows)), classify(columns(rows), multi=True)

    assert without.multi is None
    assert list(without) == list(with_chords)


def test_many_fingers_stay_linear():
    """Fingers of 20,000 streams, two at a time, with a third: within a test's patience."""
    streams = 20_000
    rows = [(s, p, 0, p, 10.0 * p, 0.0) for p in (0, 1) for s in range(streams)]
    rows += [(s, 0, 1, 5, 0.0, 0.0) for s in range(streams)]
    rows += [(s, 2, a, 6 + a, 20.0, 0.0) for a in (0, 1) for s in range(streams)]
    rows += [(s, 1, 1, 9, 10.0, 0.0) for s in range(streams)]

    assert len(classify(columns(rows), multi=True).multi) == 2 * streams


# ---- tables and files ------------------------------------------------------------------------------


def test_columns_and_records_agree():
    table = classify(columns(PINCH + stroke((100, 0, 0), (150, 0, 0))), multi=True).multi

    assert len(table) == 1
    assert table.counts() == {"pinch": 1}
    assert [getattr(table, name)[0] for name in MULTI_FIELDS][:-1] == [
        getattr(table[0], name) for name in MULTI_FIELDS
    ][:-1]
    assert table[0] == table[-1] == next(iter(table))
    with pytest.raises(IndexError, match="chord 1 of 1"):
        table[1]
    assert MultiGesture(kind=2, scale=2.0).kind is MultiKind.PINCH


def test_chords_are_arrow():
    pytest.importorskip("pyarrow")
    table = classify(columns(PINCH), multi=True).multi.to_arrow()

    assert table.schema.names == list(MULTI_FIELDS)
    assert table.column("scale").to_pylist() == [2.0]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_classify_multi_writes_one_record_a_chord(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    log, file = tmp_path / "log.csv", tmp_path / f"chords{suffix}"
    lines = ["stream,pointer,action,time,x,y", *(",".join(map(str, row)) for row in PINCH)]
    log.write_text("\n".join(lines) + "\n")

    assert run(["classify", str(log), "--multi", "--dialect", "flutter", "-o", str(file)]) == 0

    if suffix == ".parquet":
        from pyarrow import parquet

        [record] = parquet.read_table(file).to_pylist()
    elif suffix == ".csv":
        head, line = file.read_text().splitlines()
        record = dict(zip(head.split(","), line.split(","), strict=True))
    else:
        record = json.loads(file.read_text())
    assert list(record) == list(MULTI_FIELDS)
    assert (record["kind"], float(record["scale"])) == ("pinch", 2.0)


# ---- live ------------------------------------------------------------------------------------------


def test_a_capture_counts_chords(tmp_path):
    cap, _ = memory_capture(tmp_path, clock=FakeClock())
    with cap:
        cap.touch_down(0, 100, 100, time=0)
        cap.touch_down(1, 200, 100, time=1)
        cap.touch_move(1, 300, 100, time=20 * MS)
        cap.touch_up(1, 300, 100, time=30 * MS)
        cap.touch_up(0, 100, 100, time=40 * MS)

        assert cap.stats.chords == {"pinch": 1}
