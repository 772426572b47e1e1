"""The page in other dialects, and several fingers on its stage, in a browser."""

import math
import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from dialect_streams import Streams
from report_pages import SLIDE, WHY, ink, lack, picture
from report_recordings import DATA, samples_of

from capture import GestureConfig, RunConfig
from capture.explain import explain
from capture.gestures import classify
from capture.gestures.dialects import ROWS
from capture.report import build_page, read

SESSION = DATA / "session.touch.jsonl"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
OTHERS = [name for name in ROWS if name != "contentsquare"]
COLUMNS = {"kind": "kind", "reason": "reason", "direction": "direction", "tapCount": "tap_count"}


def load(path, dialect="contentsquare"):
    run = RunConfig.load(environ={"CAPTURE_GESTURES_DIALECT": dialect}, default_project_id=0)
    return read([str(path)], config=run)[0]


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """A log for each dialect with strokes at and beside its limits; places are eighths of a px, times us."""
    folder = tmp_path_factory.mktemp("limits")
    for dialect in OTHERS:
        rows = Streams(msgspec.structs.asdict(GestureConfig(dialect=dialect)), f"page {dialect}").rows(50)
        lines = ["stream,pointer,action,time,x,y"]
        lines += [
            f"{stream},{pointer},{action},{round(time, -3)},{round(x * 8) / 8},{round(y * 8) / 8}"
            for stream, pointer, action, time, x, y in rows
            if math.isfinite(x)
        ]
        (folder / f"{dialect}.csv").write_text("\n".join(lines) + "\n")
    return {dialect: folder / f"{dialect}.csv" for dialect in OTHERS}


@pytest.fixture(scope="module")
def limits_page(show_once, logs):
    """One page with all of them."""
    return show_once(build_page([load(log, dialect) for dialect, log in logs.items()]))


def test_sliders_decide_as_the_engine_does_in_each_dialect(limits_page, logs):
    opened = limits_page
    for number, (dialect, log) in enumerate(logs.items()):
        own, samples = GestureConfig(dialect=dialect), samples_of(log)
        moves = [(key, value) for key in sliders(own) for value in (12.0, 100.0)]
        results = opened.page.evaluate(SLIDE, [str(number), moves])
        for (key, value), (_, found) in zip(moves, results, strict=True):
            table = classify(samples, gestures=GestureConfig(dialect=dialect, **{key: value}))
            # What had begun of a canceled stroke, and so its place in a run, stays as recorded.
            settled = np.isin(table.reason, [0, 1, 6])
            for name, column in COLUMNS.items():
                np.testing.assert_array_equal(
                    np.array(found[name].split(","), dtype=int)[settled],
                    np.asarray(getattr(table, column)).astype(int)[settled],
                    err_msg=f"{dialect} {key}={value} {name}",
                )
    assert opened.problems == []


KEYS_OF_OTHERS = [
    {"hold_ms": 700.0},
    {"open": ()},
    {"multi_tap_count": 2},
    {"up_moves": False, "after_hold": "keep"},
]


def test_the_default_dialect_takes_keys_of_others(show):
    configs = [GestureConfig(**keys) for keys in KEYS_OF_OTHERS]
    run = RunConfig.load(default_project_id=0, environ={})
    runs = [msgspec.structs.replace(run, gestures=each) for each in configs]
    opened = show(build_page([read([str(SESSION)], config=run)[0] for run in runs]))
    page = opened.page
    for number, config in enumerate(configs):
        page.locator("#recording").select_option(str(number))
        table = classify(samples_of(SESSION), density=2.75, gestures=config.with_verdicts())
        for name, column in COLUMNS.items():
            found = page.evaluate("(name) => [...touchReport.classes[name]]", name)
            assert found == np.asarray(getattr(table, column)).tolist()
        told = [explain(gesture, config, density=2.75).verdict.lower() for gesture in table]
        assert [each["verdict"].lower() for each in page.evaluate(WHY, len(table))] == told
    assert opened.problems == []


def test_the_last_place_is_that_of_the_last_move_where_an_up_is_none(show, tmp_path):
    log = tmp_path / "roll.csv"
    log.write_text("action,time,x,y\n0,0,0,0\n2,50000000,12,0\n1,60000000,100,0\n")
    run = RunConfig.load(
        environ={"CAPTURE_GESTURES_TAP_AT": "end", "CAPTURE_GESTURES_UP_MOVES": "false"}, default_project_id=0
    )
    recording = read([str(log)], config=run)[0]
    page = show(build_page([recording])).page

    assert recording.columns["end_distance"].tolist() == [12]
    assert page.evaluate("[...touchReport.classes.kind]") == recording.table.kind.tolist() == [6]


def test_a_drag_distance_gives_way_to_the_touch_slop_wherever_the_engine_wants_it_larger(show):
    run = RunConfig.load(default_project_id=0, environ={"CAPTURE_GESTURES_HOLD_MS": "700"})
    page = show(build_page(read([str(SESSION)], config=run))).page
    [[limits, _]] = page.evaluate(SLIDE, ["0", [("touch_slop_dp", 60.0)]])

    assert limits["drag_distance_dp"] == 60


def sliders(config):
    keys = ["hold_ms", "touch_slop_dp", "fling_velocity_dp_s"]
    keys += ["tap_timeout_ms"] if config.tap_timeout_ms < math.inf else []
    # With the drag distance the axis of a drag would change, which no record has.
    return keys + (["drag_distance_dp"] if config.drag_metric != "axis" else [])


def test_the_why_box_says_what_explain_says_in_each_dialect(limits_page, logs):
    page = limits_page.page
    for number, (dialect, log) in enumerate(logs.items()):
        config = GestureConfig(dialect=dialect)
        page.locator("#recording").select_option(str(number))
        table = classify(samples_of(log), gestures=config)
        for row, shown_why in enumerate(page.evaluate(WHY, 30)):
            told = explain(table[row], config)
            assert shown_why["verdict"].lower() == told.verdict.lower()
            assert shown_why["rivals"] == [
                [rival.kind.replace("_", " "), *lacks(rival, told)] for rival in told.rivals
            ]
            for condition in told.conditions:
                if condition.margin is not None:
                    margin = f"{abs(condition.margin):.6g} " if condition.margin else "exactly at "
                    assert margin in " ".join(shown_why["margins"])


def lacks(rival, told):
    if not rival.failed:
        return [f"nothing: {told.by_measures.replace('_', ' ')} is tried first"]
    return [lacked(each) for each in rival.failed]


def lacked(condition):
    if condition.margin is None:
        never = "not recorded" if condition.measure == "fling distance" else "never"
        return f"{condition.measure} {condition.relation} {condition.threshold:.6g} {condition.unit}{never}"
    return lack(condition)


def test_the_strokes_are_seen_with_other_eyes(show, session):
    opened = show(build_page([session]))
    page = opened.page
    rows = page.locator("#dialect-rows tr")
    assert [text.split("\t")[0] for text in rows.all_inner_texts()] == list(ROWS)

    for dialect in OTHERS:
        page.locator("#dialect-rows").get_by_role("button", name=dialect, exact=True).click()
        table = classify(samples_of(SESSION), density=2.75, gestures=GestureConfig(dialect=dialect))
        found = (
            page.evaluate("[...touchReport.classes.kind]"),
            page.evaluate("[...touchReport.classes.tapCount]"),
        )
        assert found == (table.kind.tolist(), table.tap_count.tolist())
    page.locator("#filter-changed").check()
    changed = page.locator("#rows tr[data-row]").count()
    way = table.direction != session.columns["direction"]
    assert changed == int(((table.kind != session.columns["kind"]) | way).sum())
    page.locator("#reset").click()
    assert page.evaluate("touchReport.view") is None
    assert opened.problems == []


def test_the_sources_of_thresholds_and_the_others_are_told(show):
    page = show(build_page([load(SESSION, "android")])).page
    page.evaluate("touchReport.select(12)")

    assert (
        "touch slop\n8 dp, Android ViewConfiguration TOUCH_SLOP, whole px"
        in page.locator(".sources").inner_text()
    )
    others = page.locator(".others li").all_inner_texts()
    assert len(others) == len(ROWS) - 1
    assert others[0].split("\n") == ["contentsquare", "between slop and drag", "margin 27 %"]


def test_a_pinch_is_drawn_and_explained(show, session):
    opened = show(build_page([session]))
    page = opened.page
    page.evaluate("touchReport.select(15)")
    chord = page.locator("#why .chord").inner_text().split("\n")

    assert page.locator("tr[data-row='15'] .badge.chord").inner_text() == "pinch"
    assert (
        "2 fingers: pinch \N{MULTIPLICATION SIGN}3.15, with stroke 16"
        in page.locator("#why-body").inner_text()
    )
    assert chord[:4] == ["scale", "3.15: 85.3 → 269 dp", "rotation", "0.17°"]
    assert ink(page, "#stage") > 100
    # Without its chord the stroke looks otherwise, and so does the stage while it plays.
    play = "touchReport.seek(touchReport.rec.chords[0].start + 200)"
    pictures = [picture(page, "#stage")]
    page.evaluate(play)
    pictures.append(picture(page, "#stage"))
    page.evaluate("touchReport.rec.chords[0].stage = -1; touchReport.version++")
    page.evaluate(play)
    pictures.append(picture(page, "#stage"))
    page.evaluate("touchReport.rec.chordOf.clear(); touchReport.following = false; touchReport.select(15)")
    pictures.append(picture(page, "#stage"))
    assert len(set(pictures)) == 4
    assert opened.problems == []


@pytest.mark.parametrize("fingers", [2, 3, 5])
def test_chords_of_any_number_of_fingers_are_drawn(show, tmp_path, fingers):
    rows = [(0, n, 0, n, 200 + 60 * n, 300) for n in range(fingers)]
    for ms in (20, 40, 60):
        rows += [
            (0, n, 2, ms, 200 + 60 * n + 30 * math.cos(n + ms / 20) * ms / 20, 300 + 2 * ms)
            for n in range(fingers)
        ]
    rows += [(0, n, 1, 80 + n, 200 + 60 * n, 420) for n in range(fingers)]
    log = tmp_path / "many.csv"
    lines = [",".join(map(str, (s, p, a, t * 1_000_000, x, y))) for s, p, a, t, x, y in rows]
    log.write_text("\n".join(["stream,pointer,action,time,x,y", *lines]) + "\n")
    opened = show(build_page([load(log)]))
    opened.page.evaluate("touchReport.select(0)")

    assert opened.page.locator(".badge.chord").count() == fingers
    assert ink(opened.page, "#stage") > 300
    assert opened.problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_in_a_dialect(show, axe, scheme):
    opened = show(build_page([load(SESSION, "flutter")]), color_scheme=scheme)
    opened.page.evaluate("touchReport.select(15)")
    opened.page.locator("#dialects summary").click()
    opened.page.evaluate(axe)
    found = opened.page.evaluate("axe.run(document)")

    assert [
        (fault["id"], [node["html"][:120] for node in fault["nodes"][:3]]) for fault in found["violations"]
    ] == []


@pytest.mark.parametrize("width", [320, 390, 820, 1280, 1440])
def test_nothing_sticks_out_sideways_in_a_dialect(show, width):
    page = show(build_page([load(SESSION, "chromium_desktop")]), viewport=(width, 844)).page
    page.locator("#dialects summary").click()
    # The counts of a long recording.
    page.evaluate(
        "for (const cell of document.querySelectorAll('#dialect-rows td')) cell.textContent = '104,975'"
    )

    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.skipif("CAPTURE_PICTURES" not in os.environ, reason="CAPTURE_PICTURES=1 makes the pictures anew")
@pytest.mark.parametrize(
    ("name", "viewport", "scheme"),
    [
        ("pinch", (1400, 1000), "light"),
        ("pinch-dark", (1400, 1000), "dark"),
        ("pinch-phone", (390, 844), "light"),
    ],
)
def test_the_picture_of_a_pinch(show, session, name, viewport, scheme):
    page = show(build_page([session]), viewport=viewport, color_scheme=scheme).page
    page.evaluate("touchReport.select(15)")
    if viewport[0] < 500:
        page.locator("#stage-card").scroll_into_view_if_needed()
        page.evaluate("document.getElementById('stage-card').scrollIntoView()")
    page.wait_for_timeout(300)
    path = IMAGES / f"{name}.png"
    page.screenshot(path=str(path))

    assert path.stat().st_size > 5_000
