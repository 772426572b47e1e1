"""`capture sweep`: a table, JSON, CSV and pictures."""

import csv
import json
import xml.etree.ElementTree as ET

import pyarrow as pa
import pytest
from pyarrow import parquet

from capture import ConfigError, GestureConfig, TouchSamples, classify
from capture.cli import run
from capture.scale.sweep import Strokes, sweep
from capture.scale.sweep_picture import draw, encode


@pytest.fixture
def log(tmp_path, columns):
    path = tmp_path / "log.parquet"
    parquet.write_table(pa.table(columns), path)
    return str(path)


@pytest.fixture
def strokes(samples):
    return Strokes([(classify(samples), 1.0)])


def test_json_has_every_setting(log, capsys, columns):
    status = run(["sweep", log, "--touch-slop", "8:32:8", "--tap-timeout", "100,500", "--json"])
    shown = json.loads(capsys.readouterr().out)
    gestures = GestureConfig(touch_slop_dp=16, tap_timeout_ms=100)
    kinds = classify(TouchSamples(**columns), gestures=gestures).kind.tolist()

    assert status == 0
    assert len(shown["rows"]) == 8
    row = next(row for row in shown["rows"] if (row["touch_slop_dp"], row["tap_timeout_ms"]) == (16, 100))
    assert [row["tap"], row["long_press"]] == [kinds.count(6), kinds.count(8)]


def test_a_hold_that_was_set_does_not_follow_a_swept_timeout(log, tmp_path, capsys, columns):
    config = tmp_path / "capture.toml"
    config.write_text("[gestures]\ntap_timeout_ms = 500\nhold_ms = 500\n")
    status = run(["sweep", log, "--tap-timeout", "20", "--config", str(config), "--json"])
    row = json.loads(capsys.readouterr().out)["rows"][0]
    gestures = GestureConfig(tap_timeout_ms=20, hold_ms=500)
    kinds = classify(TouchSamples(**columns), gestures=gestures).kind.tolist()

    assert status == 0
    assert [row["tap"], row["long_press"], row["none"]] == [kinds.count(6), kinds.count(8), kinds.count(0)]


def test_two_logs_are_two_streams(log, tmp_path, capsys):
    other = tmp_path / "other.parquet"
    other.write_bytes((tmp_path / "log.parquet").read_bytes())
    run(["sweep", log, "--rage-tap-count", "2", "--json"])
    one = json.loads(capsys.readouterr().out)
    run(["sweep", log, str(other), "--rage-tap-count", "2", "--json"])
    two = json.loads(capsys.readouterr().out)

    assert two["strokes"] == 2 * one["strokes"]
    assert two["rows"][0]["rage"] == 2 * one["rows"][0]["rage"]


@pytest.mark.parametrize(
    ("swept", "first"),
    [("8:64:8", "8 16 24* 32 40 48"), ("8:64:20", "8 28 48 24*")],
    ids=["in-the-grid", "besides"],
)
def test_the_configuration_is_marked_and_there_once(log, capsys, swept, first):
    run(["sweep", log, "--touch-slop", swept])
    out, err = capsys.readouterr()
    head, *lines = (line.split() for line in out.splitlines())

    assert head == ["touch", "slop", "dp", "tap", "long", "press", "drag", "fling", "none", "rage", "changed"]
    assert [line[0] + "*" * (line[-1] == "configured") for line in lines if line] == first.split()
    assert ("2 settings left out" in err) == (swept == "8:64:8")


def test_a_configuration_behind_what_is_shown_comes_last(log, capsys):
    run(["sweep", log, "--tap-timeout", "100:800:10"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]

    assert [line[0] for line in lines if line[-1] == "configured"] == ["500"]
    run(["sweep", log, "--tap-timeout", "0:600:5"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]

    assert (lines[-2][0], lines[-2][-1]) == ("500", "configured")
    assert lines[-1] == ["...", "and", "61", "more"]


def test_csv_has_a_row_for_each_setting(log, tmp_path, capsys):
    run(["sweep", log, "--touch-slop", "8:24:8", "-o", str(tmp_path / "s.csv")])
    with (tmp_path / "s.csv").open() as file:
        rows = list(csv.DictReader(file))

    assert [row["touch_slop_dp"] for row in rows] == ["8", "16", "24"]
    assert {"tap", "none", "rage", "changed"} <= set(rows[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--touch-slop", "8:4:1"], "--touch-slop"),
        ([], "expected at least one threshold"),
        (["--tap-timeout", "x"], "expected FROM:TO:STEP"),
    ],
)
def test_wrong_calls_get_a_line(log, arguments, message):
    with pytest.raises(ConfigError, match=message):
        run(["sweep", log, *arguments])


def test_other_names_of_files_are_refused(log, tmp_path):
    with pytest.raises(ConfigError, match=r"ends in \.svg, \.png or \.csv"):
        run(["sweep", log, "--touch-slop", "8", "-o", str(tmp_path / "s.pdf")])


def rectangles(svg):
    return [each for each in ET.fromstring(svg).iter() if each.tag.endswith("rect")]  # noqa: S314 - our own


def test_one_axis_is_drawn_as_bars(strokes):
    swept = sweep(strokes, {"touch_slop_dp": [8, 16, 24]})
    bars = [each for each in rectangles(draw(swept)) if len(each)]
    heights = [float(each.get("height")) for each in bars]

    assert len(bars) == 3 * 5
    for place in range(3):
        assert sum(heights[place * 5 : place * 5 + 5]) == pytest.approx(300, abs=0.5)


def test_two_axes_are_drawn_as_maps(strokes):
    swept = sweep(strokes, {"touch_slop_dp": [8, 16, 24], "tap_timeout_ms": [100, 500]})
    cells = [each for each in rectangles(draw(swept)) if len(each)]

    assert len(cells) == 6 * 5
    assert len([each for each in cells if each.get("stroke")]) == 5


def test_three_axes_cannot_be_drawn(strokes):
    axes = {"touch_slop_dp": [8, 16], "tap_timeout_ms": [1, 2], "fling_velocity_dp_s": [1, 2]}

    with pytest.raises(ConfigError, match="one or two axes; these vary: touch_slop_dp, tap_timeout_ms, fl"):
        draw(sweep(strokes, axes))


def test_pictures_are_saved_by_name(strokes, tmp_path):
    swept = sweep(strokes, {"touch_slop_dp": [8, 16]})

    assert encode(swept, tmp_path / "s.svg") == draw(swept).encode()
    with pytest.raises(ConfigError, match=r"\.svg or \.png"):
        encode(swept, tmp_path / "s.gif")


def test_png_is_made_of_the_svg(strokes, tmp_path):
    pytest.importorskip("resvg_py")
    content = encode(sweep(strokes, {"touch_slop_dp": [8, 16]}), tmp_path / "s.png")

    assert content.startswith(b"\x89PNG")
