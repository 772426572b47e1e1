"""One log through several dialects: counts, agreement, partings, and the command."""

import json

import pytest
from strokes import samples, stroke

from capture import ConfigError, GestureConfig, TouchSamples, classify
from capture.cli import run
from capture.gestures.dialects import ROWS
from capture.gestures.lineup import Lineup, configurations

LOG = "tests/data/session.touch.jsonl"
#: A tap; a rest of 450 ms; a way of 20 dp within 100 ms.
TOUCHES = samples(
    stroke((0, 0, 0), (80, 0, 0)),
    stroke((2000, 0, 0), (2450, 0, 0)),
    stroke((4000, 0, 0), (4050, 20, 0), (4100, 20, 0)),
)


@pytest.fixture
def lineup():
    lineup = Lineup(configurations(GestureConfig()))
    lineup.feed(TOUCHES[:3])
    lineup.feed(TOUCHES[3:])
    lineup.finish()
    return lineup


def test_each_dialect_has_every_stroke(lineup):
    assert list(lineup.configs) == list(ROWS)
    assert lineup.count == 3
    for name, config in lineup.configs.items():
        assert lineup.column(name, "kind").tolist() == classify(TOUCHES, gestures=config).kind.tolist()
    assert lineup.counts()["contentsquare"] == {"tap": 3, "long_press": 0, "drag": 0, "fling": 0, "none": 0}


def test_dialects_part_where_one_calls_it_otherwise(lineup):
    rest, way = lineup.partings()

    assert (rest.stroke, rest.kinds["android"], rest.kinds["ios"]) == (1, "long_press", "tap")
    assert "long_press in android: " in rest.why
    assert way.kinds["contentsquare"] == "tap"
    assert way.kinds["kivy"] != "tap"
    assert lineup.agreement()["android"]["android"] == 3
    assert lineup.agreement()["android"]["ios"] < 3


def parting(touches, *names):
    lineup = Lineup(configurations(GestureConfig(), names))
    lineup.feed(touches)
    lineup.finish()
    return next(lineup.partings())


@pytest.mark.parametrize(
    ("points", "names", "why"),
    [
        pytest.param(
            [(0, 0, 0), (50, 100, 0), (300, 100, 0)],
            ["android", "ios", "kivy"],
            "fling in kivy: velocity 2000, fling needs > 800",
            id="fling-before-drag",
        ),
        pytest.param(
            [(0, 0, 0), (750, 60, 0), (900, 60, 0)],
            ["chromium", "hammer", "android"],
            "long_press in android: duration 900, long_press needs >= 400",
            id="long-press-before-drag",
        ),
    ],
)
def test_a_class_that_is_tried_first_is_told_by_its_own_condition(points, names, why):
    assert parting(samples(stroke(*points)), *names).why == why


def test_a_fling_is_no_tap_by_its_distance():
    config = GestureConfig(dialects={"wide": {"base": "ios", "touch_slop_dp": 40}})
    lineup = Lineup(configurations(config, ["contentsquare", "wide"]))
    lineup.feed(samples(stroke((0, 0, 0), (20, 10, 0), (40, 20, 0), (45, 20, 0))))

    assert next(lineup.partings()).why == "fling in wide: drag_distance 20, fling needs > 10"


def test_dialects_that_part_by_a_second_finger_say_so():
    two = TouchSamples(
        pointer=[0, 1, 0, 0, 1], action=[0, 0, 2, 1, 1], time=[0, 1, 10**7, 2 * 10**7, 3 * 10**7],
        x=[0, 300, 100, 200, 300], y=[0] * 5,
    )  # fmt: skip

    assert parting(two, "android", "ios", "flutter").why == "drag in flutter: another finger is ignored"
    assert parting(two, "flutter", "flutter_scroll", "ios").why == "none in ios: another finger was down"


def test_a_row_of_ones_own_is_compared_too():
    config = GestureConfig(dialects={"mine": {"base": "ios", "hold_ms": 300}})
    lineup = Lineup(configurations(config, ["ios", "mine"]))
    lineup.feed(TOUCHES)
    lineup.finish()

    assert [parting.kinds for parting in lineup.partings()] == [{"ios": "tap", "mine": "long_press"}]


def test_the_command_prints_and_writes(tmp_path, capsys):
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "dialects.parquet"

    assert run(["compare-dialects", LOG, "--dialects", "android,hammer", "-o", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "Strokes of each kind" in printed
    assert "Called the same, %" in printed
    assert "\n  13    18.702 s  fling: android" in printed  # the time that explain and replay print
    table = parquet.read_table(file)
    assert table.schema.names[-4:] == ["android", "android_margin", "hammer", "hammer_margin"]
    page = tmp_path / "dialects.html"
    assert run(["compare-dialects", LOG, "--dialects", "android,hammer", "-o", str(page)]) == 0
    assert 'aria-labelledby="dialects-title"' in page.read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match=r"ends in \.parquet or \.html"):
        run(["compare-dialects", LOG, "-o", str(tmp_path / "dialects.txt")])
    capsys.readouterr()
    assert run(["compare-dialects", LOG, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["strokes"] == len(table)
    assert sum(found["counts"]["kivy"].values()) == len(table)


def test_an_unknown_dialect_is_refused():
    with pytest.raises(ConfigError, match="expected one of contentsquare, android"):
        configurations(GestureConfig(), ["androd"])
