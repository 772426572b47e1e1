"""Two recordings side by side on a page."""

import os
from pathlib import Path

import pytest
from report_pages import ink, picture
from report_recordings import DATA, load, many

from capture import RunConfig
from capture.__main__ import main
from capture.config import GestureConfig
from capture.report import read
from capture.report.compare import compare
from capture.report.page import build_diff

SESSION = DATA / "session.touch.jsonl"
IMAGES = Path(__file__).parents[2] / "docs" / "images"


def under(path, **thresholds):
    run = RunConfig.load(environ={}, default_project_id=0)
    run = RunConfig(project=run.project, gestures=GestureConfig(**thresholds))
    return read([str(path)], config=run)[0]


def page_of(before, after):
    return build_diff(before, after, compare(before, after))


@pytest.fixture(scope="module")
def opened(show_once, session):
    return show_once(page_of(session, under(SESSION, touch_slop_dp=40.0)))


def test_what_changed_is_listed_with_the_reason(opened):
    page = opened.page

    assert page.title() == "session.touch.jsonl - touch comparison"
    assert page.locator("#chips").inner_text().split("\n") == [
        "1 of 23 strokes changed",
        "0 only in A",
        "0 only in B",
        "touch slop 24 → 40",
    ]
    assert [text.replace("\n", "") for text in page.locator("#rows tr").all_inner_texts()] == [
        "12\t12\t0:17.208\tbetween slop and drag\ttap\tdistance 35.1992 < 40 dp"
    ]
    assert page.locator("#measures-title").inner_text() == "Stroke 12 of A, 12 of B"
    rows = page.locator(".compared tbody tr").all_inner_texts()
    assert rows[0].split("\t") == ["gesture", "between slop and drag", "tap"]
    assert rows[2].split("\t") == ["distance", "35.2 dp", "35.2 dp"]
    assert (opened.problems, opened.requests) == ([], [])


def test_a_drag_that_became_a_fling_in_a_dialect_has_its_velocity_as_the_reason():
    before, after = (under(SESSION, dialect="android", fling_velocity_dp_s=each) for each in (2000.0, 50.0))

    assert compare(before, after).changes[0].why == "velocity 69.0732 > 50 dp/s"
    assert compare(after, before).changes[0].why == "velocity 69.0732 <= 2000 dp/s"


def test_both_stages_show_the_chosen_stroke_and_play(opened):
    page = opened.page
    page.locator("#filter").select_option("all")
    assert page.locator("#rows tr").count() == 23
    page.evaluate("document.activeElement.blur()")
    before = [picture(page, f"#stage-{side}") for side in "ab"]
    page.keyboard.press("j")
    assert [picture(page, f"#stage-{side}") for side in "ab"] != before
    assert page.evaluate("touchDiff.sides.map((side) => side.selected)") == [13, 13]
    assert page.locator("tr[aria-current] button").inner_text() == "13"
    assert all(ink(page, f"#stage-{side}") > 100 for side in "ab")
    at = page.evaluate("touchDiff.now")
    page.keyboard.press(" ")
    opened.until(f"touchDiff.now > {at}")
    page.keyboard.press(" ")
    assert page.evaluate("touchDiff.sides.every((side) => side.now === touchDiff.now + side.first)")
    page.locator("#rows tr").first.click()
    assert page.evaluate("touchDiff.chosen") == 0
    assert (opened.problems, opened.requests) == ([], [])


def test_strokes_of_one_recording_alone_are_listed(show, tmp_path):
    one, other = (many(tmp_path / f"{seed}.csv", 40, 1, seed=seed) for seed in (1, 2))
    before, after = load(one), load(other)
    found = compare(before, after)
    page = show(page_of(before, after)).page
    counts = {}
    for which in ("changed", "all", "a", "b"):
        page.locator("#filter").select_option(which)
        counts[which] = int(page.locator("#table").get_attribute("aria-rowcount"))
    expected = (len(found.changes), found.matched + 2 * (40 - found.matched), 40 - found.matched)
    assert list(counts.values()) == [1 + each for each in (*expected, expected[-1])]
    assert len(found.pairs) == found.matched
    assert page.locator("#rows tr").first.inner_text().endswith("only in B")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_in_a_comparison(opened, axe, scheme):
    opened.page.emulate_media(color_scheme=scheme)
    opened.page.evaluate(axe)
    found = opened.page.evaluate("axe.run(document)")

    assert [
        (fault["id"], [node["html"][:120] for node in fault["nodes"][:3]]) for fault in found["violations"]
    ] == []


@pytest.mark.parametrize("width", [320, 820, 1440])
def test_nothing_sticks_out_sideways_in_a_comparison(opened, width):
    opened.page.set_viewport_size({"width": width, "height": 844})

    # The stages take their new size with the next frame.
    opened.until(f"document.documentElement.scrollWidth <= {width}")


def test_the_command_writes_the_page(tmp_path, capsys):
    arguments = ["diff", str(SESSION), "--set", "touch_slop_dp=40", "-o"]
    page = tmp_path / "page.html"

    assert main([*arguments, str(page)]) == 0
    assert "1 of 23 strokes changed" in capsys.readouterr().out
    assert "Touch comparison" in page.read_text(encoding="utf-8")
    assert main([*arguments, "page.txt"]) == 2


@pytest.mark.skipif("CAPTURE_PICTURES" not in os.environ, reason="CAPTURE_PICTURES=1 makes the pictures anew")
def test_the_picture_of_a_comparison(show, session):
    page = show(page_of(session, under(SESSION, touch_slop_dp=40.0)), viewport=(1400, 1000)).page
    page.locator("#filter").select_option("all")
    page.wait_for_timeout(300)
    path = IMAGES / "diff.png"
    page.screenshot(path=str(path))

    assert path.stat().st_size > 5_000
