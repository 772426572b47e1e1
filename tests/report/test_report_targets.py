"""Boxes of targets on the stage: around their touches, or their bounds where the log has them."""

import json

import pytest
from report_pages import picture
from report_recordings import load

from capture.report import build_page

BOXES = """() => touchReport.rec.bounds.length + ": " + document.getElementById("targets").hidden + " "
    + ["box-drawn", "box-real"].map((id) => !document.getElementById(id).hidden)"""


def log_of(file, *targets):
    """One tap on each target: its name, place and bounds."""
    rows = [
        {"info": {"width": 360, "height": 640, "density": 1.0}},
        {"mark": "screen", "time": 0, "name": "Home"},
    ]
    for number, (name, x, y, bounds) in enumerate(targets):
        at = number * 1_000_000_000
        mark = {"mark": "target", "time": at, "pointer": 0, "path": f"[root]>{name}>", "id": name}
        rows.append(mark if bounds is None else {**mark, "bounds": bounds})
        rows += [
            {"action": action, "time": at + 1 + action * 60_000_000, "x": x, "y": y} for action in (0, 1)
        ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        pytest.param([10, 20, 100.5, 40], (10.0, 20.0, 100.5, 40.0), id="good"),
        pytest.param(None, None, id="none"),
        pytest.param([1, 2, 3], None, id="three"),
        pytest.param([1, 2, "3", 4], None, id="text"),
        pytest.param([1, 2, True, 4], None, id="bool"),
        pytest.param({"x": 1}, None, id="no-list"),
    ],
)
def test_bounds_of_targets_are_read(tmp_path, bounds, expected):
    recording = load(log_of(tmp_path / "a.touch.jsonl", ("a", 30, 30, bounds)))

    assert recording.bounds == ({} if expected is None else {(0, 1): expected})


def test_the_stage_shows_targets(show, tmp_path):
    touched = load(
        log_of(tmp_path / "a.touch.jsonl", ("a", 90, 90, None), ("b", 200, 300, None), ("a", 120, 90, None))
    )
    real = load(log_of(tmp_path / "b.touch.jsonl", ("a", 90, 90, [50, 60, 200, 80])))
    opened = show(build_page([touched, real]))
    page = opened.page

    assert page.evaluate(BOXES) == "0: false true,false"
    with_boxes = picture(page, "#stage")
    page.get_by_role("button", name="Targets").click()
    assert picture(page, "#stage") != with_boxes
    page.get_by_role("button", name="Targets").click()
    assert picture(page, "#stage") == with_boxes
    page.locator("#recording").select_option("1")
    assert page.evaluate(BOXES) == "1: false false,true"
    # A finger is 24 dp around its place; what the log says is as it says.
    found = page.evaluate(
        "[...touchReport.rec.boxes.get(0)].map((each) => [each.left, each.top, each.right, each.bottom])"
    )
    assert found == [[50, 60, 250, 140]]
    page.locator("#recording").select_option("0")
    found = page.evaluate(
        "touchReport.rec.boxes.get(0).map((each) => [each.left, each.top, each.right, each.bottom])"
    )
    assert found == [[66, 66, 144, 114], [176, 276, 224, 324]]
    assert opened.problems == []


def test_a_log_without_targets_has_no_boxes(show, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("action,time,x,y\n0,1,5,5\n1,90000000,5,5\n")
    page = show(build_page([load(file)])).page

    assert page.get_by_role("button", name="Targets").is_hidden()
    assert page.locator("#box-drawn, #box-real").evaluate_all("nodes => nodes.every((node) => node.hidden)")
