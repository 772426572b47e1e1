"""From logs and batches to recordings, and from recordings to the data of a page."""

import base64
import hashlib
import json
import re
import zlib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from report_recordings import DATA, load, many, samples_of

from capture.errors import TouchLogError
from capture.gestures import FIELDS, classify
from capture.gestures.kinds import GestureKind
from capture.replay import replay
from capture.report import build_page, read, summary
from capture.report.data import page_data
from capture.report.from_currents import read_currents
from capture.report.marks import screenshot_uri
from capture.report.packed import Packed
from capture.report.picture import screen_svg
from capture.report.text import shorten, shown

MS = 1_000_000


def lines(file, *rows):
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def mark(kind, ms, **fields):
    return {"mark": kind, "time": ms * MS, **fields}


def tap(ms, x=50, y=60, pointer=0, stream=0):
    return [
        {"stream": stream, "pointer": pointer, "action": action, "time": at * MS, "x": x, "y": y}
        for action, at in ((0, ms), (1, ms + 80))
    ]


@pytest.mark.parametrize("as_path", [str, Path])
def test_a_single_log_needs_no_list(as_path):
    path = as_path(DATA / "session.touch.jsonl")

    assert [len(each) for each in read(path)] == [len(each) for each in read([path])] == [23]


def test_the_time_before_the_first_screen_is_no_screen(tmp_path):
    log = lines(tmp_path / "a.touch.jsonl", mark("app_start", 0), mark("screen", 1, name="Home"), *tap(2))
    replay(log, tmp_path / "out")
    [recording] = read(str(tmp_path / "out"))

    assert [stage.title for stage in recording.stages] == ["", "Home"]
    assert "1 screen ·" in summary.head(recording)


def test_a_recording_has_the_records_of_the_engine(loaded):
    for recording, path, options in loaded:
        table = classify(samples_of(path, options), density=recording.density)
        for name in FIELDS:
            np.testing.assert_array_equal(recording.columns[name], getattr(table, name), err_msg=name)


def test_trails_are_the_good_samples_of_each_stroke(loaded):
    for recording, path, options in loaded:
        rows = list(samples_of(path, options).rows())
        for number, gesture in enumerate(recording.table):
            expected = [
                (x, y)
                for stream, pointer, action, _, x, y in rows[gesture.first_sample : gesture.last_sample + 1]
                if (stream, pointer) == (gesture.stream, gesture.pointer) and np.isfinite([x, y]).all()
            ]
            _, xs, ys = recording.trail.of(number)

            assert list(zip(xs.tolist(), ys.tolist(), strict=True)) == expected


def test_stages_targets_and_dead_taps_come_from_the_marks(tmp_path):
    file = lines(
        tmp_path / "a.touch.jsonl",
        {"info": {"width": 100, "height": 200, "density": 1.0}},
        *tap(0),
        mark("screen", 500, name="Cart"),
        mark("target", 600, pointer=0, path="[root]>a>", id="a", responsive=False),
        *tap(600),
        *tap(900),
        mark("orientation", 1500, orientation=1),
        mark("target", 1600, pointer=0, path="[root]>b>", id="b", responsive=True),
        *tap(1600),
        mark("transaction", 2000, value=20.0, currency="EUR"),
    )
    recording = load(file)

    assert [(each.title, each.landscape, each.width) for each in recording.stages] == [
        ("Cart", False, 100), ("Cart", True, 200), ("", False, 100),
    ]  # fmt: skip
    assert recording.columns["stage"].tolist() == [2, 0, 0, 1]
    assert [recording.targets[n].id for n in recording.columns["target"]] == ["", "a", "", "b"]
    assert recording.columns["dead"].tolist() == [False, True, False, False]
    assert [(each.kind, each.label) for each in recording.events] == [
        ("screen", "Cart"), ("orientation", ""), ("transaction", "20.0 EUR"),
    ]  # fmt: skip
    assert [(each.start, each.end) for each in recording.visits] == [
        (0, 500),
        (500, 1500),
        (1500, 2000),
    ]


@pytest.mark.parametrize(
    ("named", "learnt", "dead"),
    [
        pytest.param(None, False, True, id="learnt-to-be-dead"),
        pytest.param(True, False, True, id="what-is-learnt-wins"),
        pytest.param(False, True, False, id="it-reacts-after-all"),
        pytest.param(False, None, True, id="nothing-learnt"),
    ],
)
def test_a_verdict_before_the_up_says_whether_a_tap_is_dead(tmp_path, named, learnt, dead):
    down, *rest = tap(600)
    file = lines(
        tmp_path / "a.touch.jsonl",
        # Of a stroke that there is not.
        mark("verdict", 500, pointer=0, responsive=not learnt),
        mark("target", 600, pointer=0, path="[root]>a>", id="a", responsive=named),
        down,
        mark("verdict", 610, pointer=0, responsive=learnt),
        *rest,
    )
    recording = load(file)

    assert recording.columns["dead"].tolist() == [dead]
    assert recording.events == []


def test_a_session_ends_after_its_timeout(tmp_path):
    minutes = 60_000
    file = lines(tmp_path / "a.touch.jsonl", *tap(0), *tap(29 * minutes), *tap(60 * minutes))

    assert load(file).columns["session"].tolist() == [1, 1, 2]


def test_streams_with_clocks_far_apart_share_one_start(tmp_path):
    year = 365 * 86_400_000
    file = lines(
        tmp_path / "a.touch.jsonl", *tap(5, stream=1), *tap(year, stream=2), *tap(year + 500, stream=2)
    )
    recording = load(file)

    assert recording.columns["start"].tolist() == [0, 0, 500]
    assert recording.length == 580


def test_a_screenshot_is_a_picture_or_nothing():
    png = base64.b64encode(b"\x89PNG\r\n\x1a\n....").decode()

    assert (
        screenshot_uri(png)
        == screenshot_uri("data:text/html;base64," + png)
        == f"data:image/png;base64,{png}"
    )
    assert screenshot_uri(base64.b64encode(b"<svg onload=alert(1)>").decode()) is None
    assert screenshot_uri("https://example.org/x.png") is None
    assert screenshot_uri(7) is None


def test_batches_give_what_the_log_gave(tmp_path, session):
    replay([str(DATA / "session.touch.jsonl")], tmp_path)
    recording = load(tmp_path)
    recognized = session.columns["kind"] != GestureKind.NONE

    assert recording.table is None
    assert recording.columns["kind"].tolist() == session.columns["kind"][recognized].tolist()
    assert recording.columns["direction"].tolist() == session.columns["direction"][recognized].tolist()
    assert [stage.title for stage in recording.stages] == ["Home", "Catalogue", "Product"]
    assert recording.dead_taps == session.dead_taps == 4
    assert len(recording.sessions) == 1


def test_a_kind_that_the_table_does_not_have_is_refused(tmp_path, session):
    replay([str(DATA / "session.touch.jsonl")], tmp_path)
    file = tmp_path / "batches.jsonl"
    file.write_text(file.read_text().replace('"ea":9,', '"ea":11,'))
    columns = {**session.columns, "kind": session.columns["kind"] + np.uint8(1)}

    with pytest.raises(TouchLogError, match="is not a batch: Invalid value 11"):
        read([str(tmp_path)])
    with pytest.raises(ValueError, match="7: not in the table of kinds"):
        screen_svg(msgspec.structs.replace(session, columns=columns))


def test_a_line_that_is_no_batch_is_named(tmp_path):
    (tmp_path / "batches.jsonl").write_text('{"pid": 1}\n')
    with pytest.raises(TouchLogError, match=r"batches\.jsonl.*1.*is not a batch"):
        read([str(tmp_path)])


def test_the_page_of_ten_minutes_is_under_a_megabyte(tmp_path):
    recording = load(many(tmp_path / "ten.csv", strokes=750, streams=1))
    page = build_page([recording])

    assert recording.length > 600_000
    assert len(page.encode()) < 1_000_000


def test_trails_of_a_page_are_the_samples_within_an_eighth_of_a_px(loaded):
    for recording, _, _ in loaded:
        packed = Packed()
        data = page_data(recording, packed)["trail"]
        whole = zlib.decompress(base64.b64decode(packed.text))
        near = np.abs(recording.trail.x) < 1e8
        found = {name: np.cumsum(unfolded(whole, data[name])) for name in ("time", "x", "y")}

        np.testing.assert_allclose(found["time"] / 1e3, recording.trail.time, atol=0.0006)
        np.testing.assert_allclose(found["x"][near] / 8, recording.trail.x[near], atol=0.0626)
        np.testing.assert_allclose(found["y"][near] / 8, recording.trail.y[near], atol=0.0626)


def unfolded(data, place):
    """Zigzag numbers by rank, read slowly."""
    _, begin, count, size = place
    ranks = [data[begin + rank * count : begin + (rank + 1) * count] for rank in range(size)]
    numbers = [int.from_bytes(bytes(each), "little") for each in zip(*ranks, strict=True)]
    return np.array([(number >> 1) ^ -(number & 1) for number in numbers])


def test_nothing_of_a_log_can_end_the_element_that_holds_it(tmp_path):
    file = lines(tmp_path / "a.touch.jsonl", mark("screen", 0, name="</script><!--<script>&\u2028"), *tap(1))
    page = build_page([load(file)])
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1]

    assert not re.search(r"[<>&\u2028\u2029]", data)
    assert json.loads(data)[0]["stages"][0][0] == "</script><!--<script>&\\u2028"


def test_the_policy_names_the_scripts_by_their_hashes(session):
    page = build_page([session])
    unpack = re.search(r"<script>(.*)</script>", page, re.DOTALL)[1]
    script = re.search(r'<script type="text/plain" id="script">(.*?)</script>', page, re.DOTALL)[1]
    texts = [unpack.encode(), zlib.decompress(base64.b64decode(script))]
    digests = [base64.b64encode(hashlib.sha256(text).digest()).decode() for text in texts]

    assert "script-src " + " ".join(f"&#x27;sha256-{digest}&#x27;" for digest in digests) + ";" in page
    assert "default-src &#x27;none&#x27;" in page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plain", "plain", id="plain"),
        pytest.param("\x1b[31mred", "\\x1b[31mred", id="escape"),
        pytest.param("a\u202eb", "a\\u202eb", id="bidi-override"),
        pytest.param("שלום مرحبا", "שלום مرحبا", id="right-to-left"),
        pytest.param("नि\u200dर", "नि\u200dर", id="joiner"),
        pytest.param("\ud800", "\\ud800", id="lone-surrogate"),
        pytest.param("\U000e0041", "\\U000e0041", id="tag"),
    ],
)
def test_what_acts_is_shown_as_its_escape(text, expected):
    assert shown(text) == expected


def test_a_long_text_loses_its_middle():
    assert shorten("a" * 50 + "z" * 50, 11) == "aaaaa…zzzzz"
    assert shorten("short", 5) == "short"


def test_the_stage_of_a_screen_view_of_currents_is_its_title(tmp_path):
    properties = {"title": "Checkout", "screen": "Cart", "session_number": 3}
    record = {
        "event_type": "users.behaviors.CustomEvent",
        "id": "1",
        "user_id": "u",
        "name": "screen_view",
        "time": 1,
        "properties": json.dumps(properties),
    }
    [recording] = read_currents([lines(tmp_path / "records.jsonl", record)])

    assert [each.title for each in recording.stages] == ["Checkout"]
    assert [each.number for each in recording.sessions] == [3]
