"""The page in a browser: what it shows, that it classifies as the engine does, keys, faults, speed."""

import json
import tomllib

import msgspec
import numpy as np
import pytest
from report_pages import CLASSES, SLIDE, WHY, ink, lack, picture
from report_recordings import DATA, load, many, samples_of

from capture.config import GestureConfig
from capture.explain import explain
from capture.gestures import classify
from capture.replay import replay
from capture.report import build_page
from capture.report.marks import screenshot_uri
from capture.report.text import shown

SESSION = DATA / "session.touch.jsonl"
SLIDERS = ("tap_timeout_ms", "touch_slop_dp", "drag_distance_dp", "fling_velocity_dp_s")


@pytest.fixture(scope="module")
def ten_thousand(tmp_path_factory):
    """10,000 strokes."""
    return load(many(tmp_path_factory.mktemp("many") / "many.csv", strokes=10_000, streams=1))


def test_a_recording_is_shown_without_an_error_or_a_request(show, session):
    opened = show(build_page([session]))
    page = opened.page

    assert page.title() == "session.touch.jsonl - touch report"
    assert page.locator("#chips").inner_text().split("\n") == [
        "26.3 s long",
        "23 strokes",
        "3 screens",
        "1 session",
        "1 of several fingers",
        "4 not recognised",
        "4 dead taps",
        "1 rage run",
    ]
    assert page.locator("#rows tr[data-row]").count() == 23
    assert ink(page, "#stage") > 100
    assert ink(page, "#timeline") > 1000
    assert (opened.problems, opened.requests) == ([], [])


def test_playing_moves_clock_and_trail(show, session):
    opened = show(build_page([session]))
    page = opened.page
    page.locator("#skip").uncheck()
    before = page.evaluate("touchReport.now"), picture(page, "#stage")
    page.locator("#speed").select_option("8")
    page.get_by_role("button", name="Play").click()
    opened.until("touchReport.now > 4600")
    # On a busy machine the end may have been reached: a click would begin anew.
    page.evaluate("touchReport.playing && document.getElementById('play').click()")
    after = page.evaluate("touchReport.now"), picture(page, "#stage")

    assert before[0] == 0
    assert after[0] > 4600
    assert before[1] != after[1]
    assert not page.locator("#clock").inner_text().startswith("0:00.0")


def test_idle_time_is_skipped(show, session):
    opened = show(build_page([session]))
    page = opened.page
    # The next stroke begins 0.9 s later; slowly, so that a busy machine is not past it when it looks.
    page.evaluate("touchReport.seek(700); touchReport.speed = 0.05")
    page.get_by_role("button", name="Play").click()
    opened.until("touchReport.now >= 1279")
    moment = page.evaluate("touchReport.now")

    assert 1279 <= moment < 1629


def test_the_table_filters(show, session):
    page = show(build_page([session])).page
    numbers = lambda: [int(text) for text in page.locator("#rows td:first-child button").all_inner_texts()]  # noqa: E731

    page.locator("#filter-kind").select_option("10")
    assert numbers() == [4, 5, 6, 7, 13, 14]
    page.locator("#filter-stage").select_option(label="Product · 10")
    assert numbers() == [13, 14]
    page.get_by_role("button", name="Clear").click()
    page.locator("#filter-reason").select_option(label="multi touch")
    assert numbers() == [15, 16]
    page.get_by_role("button", name="Clear").click()
    page.locator("#filter-dead").check()
    assert numbers() == [17, 18, 19, 20]
    page.get_by_role("button", name="Clear").click()
    page.locator("#filter-rage").check()
    assert set(numbers()) >= {17, 18, 19}
    page.get_by_role("button", name="Clear").click()
    page.locator("#filter-target").fill("SLIDER")
    assert numbers() == [10, 11]
    assert page.locator("#count").inner_text() == "2 of 23 strokes"
    page.locator("#filter-target").fill("nowhere")
    assert page.locator("#no-rows").is_visible()


@pytest.mark.parametrize("changed", [{}, {"touch_slop_dp": 40.0}, {"fling_velocity_dp_s": 1500.0}], ids=str)
def test_the_why_box_says_what_explain_says(show, session, changed):
    page = show(build_page([session])).page
    limits = GestureConfig(**changed)
    for key, value in changed.items():
        page.locator(f"#{key}").fill(str(value))
    table = classify(samples_of(SESSION), density=2.75, gestures=limits)
    for row, shown_why in enumerate(page.evaluate(WHY, len(table))):
        told = explain(table[row], limits, density=2.75)
        measured = [told.gesture[name] for name in ("duration", "distance", "velocity")]
        measured += [each.value for each in told.direction_conditions]

        assert shown_why["verdict"].lower() == told.verdict.lower()
        assert [text.split()[0] for text in shown_why["values"]] == [f"{value:.6g}" for value in measured]
        assert shown_why["rivals"] == [
            [rival.kind.replace("_", " "), *(lack(each) for each in rival.failed)] for rival in told.rivals
        ]
        for condition in (*told.conditions, *told.direction_conditions):
            assert f"{abs(condition.margin):.6g} " in " ".join(shown_why["margins"])


def test_sliders_classify_exactly_as_the_engine_does(show, loaded):
    opened = show(build_page([recording for recording, _, _ in loaded]))
    for number, (recording, path, options) in enumerate(loaded):
        samples = samples_of(path, options)
        moves = [(key, value) for key in SLIDERS for value in tried(recording, key)]
        results = opened.page.evaluate(SLIDE, [str(number), moves])
        for (key, value), (limits, found) in zip(moves, results, strict=True):
            gestures = msgspec.convert(limits, GestureConfig, strict=False)
            table = classify(samples, density=recording.density, gestures=gestures)

            assert limits[key] == value
            for name, column in CLASSES.items():
                expected = np.asarray(getattr(table, column)).astype(int)
                place = f"{path} {key}={value} {name}"
                shown_now = np.array(found[name].split(","), dtype=int)
                np.testing.assert_array_equal(shown_now, expected, err_msg=place)
    assert opened.problems == []


def tried(recording, key):
    """Values of a slider: its ends, some between, the very measures of some strokes and their neighbours."""
    name = {"tap_timeout_ms": "duration", "fling_velocity_dp_s": "velocity"}.get(key, "distance")
    measured = np.unique(np.asarray(recording.columns[name], dtype=np.float64))
    measured = measured[np.isfinite(measured) & (measured > 0) & (measured <= 1000)]
    some = measured[:: max(1, len(measured) // 3)][:3]
    near = [] if key == "tap_timeout_ms" else np.nextafter(some, 2000).tolist()
    return [*dict.fromkeys([0.0, 16.0, 33.5, 48.0, 500.0, *some.tolist(), *near])]


def test_a_slider_marks_what_changed_and_gives_toml(show, session):
    page = show(build_page([session])).page
    page.locator("#touch_slop_dp").fill("36")

    assert page.locator("#changes").inner_text().split("\n") == [
        "1 stroke would change",
        "1 \N{MULTIPLICATION SIGN} between slop and drag → tap",
    ]
    assert page.locator("tr.changed .was").all_inner_texts() == ["was between slop and drag"]
    toml = tomllib.loads(page.locator("#toml").inner_text())
    assert toml == {"gestures": dict(zip(SLIDERS, (500.0, 36.0, 48.0, 100.0), strict=True))}
    page.locator("#touch_slop_dp").fill("60")
    assert page.locator("#drag_distance_dp").input_value() == "60"
    page.locator("#reset").click()
    assert page.locator("#changes").inner_text() == "No stroke would change"
    assert page.locator("#drag_distance_dp").input_value() == "48"


def test_a_range_is_moved_by_keys(show, session):
    page = show(build_page([session])).page
    page.locator("#range-touch_slop_dp").focus()
    page.keyboard.press("ArrowRight")

    assert page.locator("#touch_slop_dp").input_value() == "25"
    assert page.evaluate("touchReport.now") == 0


def test_the_keyboard_plays_seeks_and_steps(show, session):
    opened = show(build_page([session]))
    page = opened.page
    now = lambda: page.evaluate("touchReport.now")  # noqa: E731
    selected = lambda: page.evaluate("touchReport.selected")  # noqa: E731
    press = page.keyboard.press

    press("End")
    assert now() == pytest.approx(session.length)
    press("Home")
    assert now() == 0
    press("ArrowRight")
    press("ArrowRight")
    assert now() == 2000
    press("Shift+ArrowRight")
    press("ArrowLeft")
    assert now() == 11_000
    press("j")
    first = selected()
    press("j")
    assert selected() == first + 1
    press("k")
    assert selected() == first
    assert page.locator("tr[aria-current] button").inner_text() == str(first)
    press(" ")
    opened.until("touchReport.playing")
    press(" ")
    assert not page.evaluate("touchReport.playing")


def test_keys_in_fields_and_buttons_stay_theirs(show, session):
    page = show(build_page([session])).page
    page.locator("#filter-target").focus()
    page.keyboard.type("j k")
    assert page.locator("#filter-target").input_value() == "j k"
    assert page.evaluate("touchReport.selected") == 4
    page.get_by_role("button", name="Heat map").focus()
    page.keyboard.press(" ")

    assert page.evaluate("[touchReport.mode, touchReport.playing]") == ["heat", False]


def test_the_heat_map_counts_the_taps_of_one_screen(show, session):
    page = show(build_page([session])).page
    page.locator("#stage-choice").select_option(label="Product · 10")
    page.get_by_role("button", name="Heat map").click()
    counts = {}
    for which in ("taps", "dead", "rage", "touches", "exits"):
        page.locator("#heat").select_option(which)
        counts[which] = int(page.locator("#heat-count").inner_text().split()[0])

    assert counts == {"taps": 5, "dead": 4, "rage": 4, "touches": 10, "exits": 1}


def test_a_click_on_a_trail_chooses_its_stroke(show, session):
    page = show(build_page([session])).page
    box = page.locator("#stage").bounding_box()
    x, y = float(session.columns["x"][3]) / 1080, float(session.columns["y"][3]) / 2340
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])

    assert page.evaluate("touchReport.selected") == 3
    assert page.locator("#why-title").inner_text() == "Stroke 3: long press"


def test_reasons_are_counted_and_filter_the_table(show, session):
    page = show(build_page([session])).page
    bars = dict(
        page.evaluate("""() => [...document.querySelectorAll("#reasons .bar")].map((bar) => [
            bar.querySelector(".name").textContent, Number(bar.querySelector(".number").textContent)])""")
    )
    page.locator("#reasons").get_by_role("button", name="multi touch").click()

    assert bars == {
        "between slop and drag": 1,
        "multi touch": 2,
        "canceled": 1,
        "incomplete": 0,
        "malformed": 0,
    }
    assert page.locator("#count").inner_text() == "2 of 23 strokes"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(show, session, axe, scheme):
    opened = show(build_page([session, session]), color_scheme=scheme)
    opened.page.evaluate(axe)
    opened.page.get_by_role("button", name="Heat map").click()
    found = opened.page.evaluate("axe.run(document)")
    faults = [
        (fault["id"], fault["impact"], [node["html"][:120] for node in fault["nodes"][:3]])
        for fault in found["violations"]
    ]

    assert faults == []
    assert len(found["passes"]) > 20


def test_both_colour_schemes_and_the_switch(show, session):
    html = build_page([session])
    colors = {}
    for scheme in ("light", "dark"):
        page = show(html, color_scheme=scheme).page
        colors[scheme] = page.evaluate(BACKGROUND)
        page.locator("#theme").click()
        colors[scheme, "switched"] = page.evaluate(BACKGROUND)

    assert colors["light"] == colors["dark", "switched"] != colors["dark"] == colors["light", "switched"]


BACKGROUND = "() => [getComputedStyle(document.documentElement).backgroundColor, touchReport.colors.stage]"


@pytest.mark.parametrize("width", [320, 390, 820, 1440, 2200])
def test_nothing_sticks_out_sideways(show, session, width):
    page = show(build_page([session]), viewport=(width, 844)).page

    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [720, 1100, 1279, 1280, 1300, 1440])
def test_the_table_shows_its_targets_without_a_scroll_bar(show, session, width):
    page = show(build_page([session]), viewport=(width, 900)).page

    assert page.evaluate(HIDDEN) == [0, []]


@pytest.mark.parametrize("width", [720, 1100, 1279])
def test_in_two_columns_the_why_box_stands_beside_the_stage(show, session, width):
    page = show(build_page([session]), viewport=(width, 900)).page
    stage, why, table = (page.locator(each).bounding_box() for each in ("#stage-card", "#why", "#table-card"))

    assert why["y"] == stage["y"] < table["y"]


#: By how much (px) the table is wider than its room, and which of two targets are cut.
HIDDEN = """() => {
    const box = document.getElementById("rows-box");
    const texts = [...document.querySelectorAll("#rows td:last-child .clip")];
    const known = texts.filter((each) => ["button_start", "card_offer"].includes(each.textContent));
    if (known.length !== 2) return "they are not shown";
    return [box.scrollWidth - box.clientWidth,
        known.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent)];
}"""


def test_printing_shows_every_row_in_light_colours(show, ten_thousand):
    page = show(build_page([ten_thousand]), color_scheme="dark").page
    dark = page.evaluate(BACKGROUND)
    before = page.locator("#rows tr[data-row]").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    printed = page.locator("#rows tr[data-row]").count()
    light = page.evaluate(BACKGROUND)
    page.evaluate("dispatchEvent(new Event('afterprint'))")

    assert before < 100
    assert printed == 2000
    assert light != dark == page.evaluate(BACKGROUND)
    assert page.locator("#rows tr[data-row]").count() == before


def test_pages_are_small(session, ten_thousand):
    # How soon they are ready, and the page of 247,000 samples: bench_report.py.
    assert len(build_page([session]).encode()) < 120_000
    assert len(build_page([ten_thousand]).encode()) < 300_000


def test_ten_thousand_strokes_scroll_and_play(show, ten_thousand):
    # How many frames a second it draws: bench_report.py.
    opened = show(build_page([ten_thousand]))
    page = opened.page
    page.locator("#rows-box").evaluate("box => { box.scrollTop = 150000; }")
    opened.until(
        "[...document.querySelectorAll('#rows button')].some((each) => Number(each.textContent) > 4500)"
    )
    page.get_by_role("button", name="Play").click()
    opened.until("touchReport.now > 100")

    assert len(ten_thousand) == 10_000
    assert opened.problems == []


HOSTILE = {
    "script": "</script><script>window.pwned = 1</script>",
    "image": "<img src=x onerror='window.pwned = 2'>",
    "quotes": """"' ` \\ ${window.pwned=3} &lt;b&gt; --> ]]> <!--""",
    "control": "bell\x07 escape\x1b[2J nul\x00 line\u2028 end",
    "bidi": "\u202egnp.exe\u202c \u2067\u05e9\u05dc\u05d5\u05dd\u2069 \u0645\u0631\u062d\u0628\u0627",
    "placeholder": "@@data@@ @@script@@ %s {0} {{x}}",
    "long": "A" * 10_000,
}


@pytest.fixture
def hostile(tmp_path):
    """A log in which every string is meant badly, under a name that is too."""
    file = tmp_path / "<img src=x onerror=window.pwned=4>&quot;.touch.jsonl"
    text = HOSTILE["script"] + HOSTILE["image"]
    lines = [{"info": {"device": text, "format": "jsonl", "width": 360, "height": 640}}]
    for number, (kind, each) in enumerate(HOSTILE.items()):
        at = number * 1_000_000_000
        lines += [
            {"mark": "screen", "time": at, "name": each},
            {
                "mark": "target",
                "time": at,
                "pointer": 0,
                "path": f"[root]>{each}>",
                "id": each,
                "responsive": False,
            },
            {"mark": "transaction", "time": at, "value": 1, "currency": each, "id": each},
            {"mark": "variable", "time": at, "key": each, "value": each},
            {"mark": each, "time": at, "name": each},
            {"mark": "screenshot", "time": at, "image": f"data:image/svg+xml,{each}"},
        ]
        lines += [
            {"pointer": 0, "action": action, "time": at + ms * 1_000_000, "x": 90, "y": 90 + kind.count("o")}
            for action, ms in ((0, 1), (1, 60))
        ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_hostile_content_is_text_and_runs_nothing(show, hostile):
    opened = show(build_page([load(hostile)]))
    page = opened.page
    told = []
    for number in range(len(HOSTILE)):
        page.evaluate("n => touchReport.select(n)", number)
        told.append(page.locator("#why-body").text_content())
    page.locator("#filter-target").fill(HOSTILE["image"])

    assert page.evaluate("window.pwned") is None
    assert page.locator("img, iframe, #why script, #table script").count() == 0
    for said, each in zip(told, HOSTILE.values(), strict=True):
        assert shown(each) in said
    assert page.locator("#about").inner_text().startswith("<img src=x")
    assert page.locator("#count").inner_text() == "1 of 7 strokes"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    assert (opened.problems, opened.requests) == ([], [])


def test_the_policy_stops_what_is_not_the_page_s_own(show, session):
    opened = show(build_page([session]))
    opened.page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.pwned = 1";
        document.body.append(script);
        const link = document.createElement("div");
        link.innerHTML = "<img src='https://example.org/x.png'>";
        document.body.append(link);
    }""")
    opened.page.wait_for_timeout(50)

    assert opened.page.evaluate("window.pwned") is None
    assert any("Content Security Policy" in problem for problem in opened.problems)


def test_a_screenshot_lies_under_the_trails(show, session):
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
    stages = [msgspec.structs.replace(each) for each in session.stages]
    stages[0].image = screenshot_uri(pixel)
    with_image = msgspec.structs.replace(session, stages=stages)
    opened = show(build_page([with_image]))
    opened.until("[...touchReport.pictures.values()].every(each => each.complete)")
    opened.page.evaluate("touchReport.seek(0)")

    assert picture(opened.page, "#stage") != picture(show(build_page([session])).page, "#stage")
    assert opened.problems == []


def test_batches_are_a_timeline_and_a_table(show, tmp_path):
    replay([str(DATA / "session.touch.jsonl")], tmp_path / "out")
    opened = show(build_page([load(tmp_path / "out")]))
    page = opened.page

    assert page.locator("#rows tr[data-row]").count() == 19
    assert page.locator("#stage-card").is_hidden()
    assert page.locator("#tune").is_hidden()
    page.locator("#filter-dead").check()
    assert page.locator("#rows tr[data-row]").count() == 4
    assert "touch log tells why" in page.locator("#why-body").inner_text()
    assert opened.problems == []


def test_a_log_without_a_touch_is_shown(show, tmp_path):
    file = tmp_path / "empty.touch.jsonl"
    file.write_text('{"info": {"width": 100, "height": 200}}\n')
    opened = show(build_page([load(file)]))

    assert opened.page.locator("#count").inner_text() == "0 strokes"
    assert opened.page.locator("#play").is_disabled()
    opened.page.keyboard.press("j")
    opened.page.get_by_role("button", name="Heat map").click()
    assert opened.problems == []
