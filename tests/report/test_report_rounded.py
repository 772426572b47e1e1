"""The page of very many strokes: measures are rounded, classes are those of the engine."""

from itertools import pairwise

import numpy as np
import pytest
from report_pages import CLASSES, SLIDE
from report_recordings import load, many, samples_of

from capture.gestures import classify
from capture.gestures.config import GestureConfig
from capture.report import build_page, rounded
from capture.report.rounded import needed

#: What the page has of the open recording, as text: numbers may be infinite.
READ = """() => {
    const { rec, original } = touchReport, texts = (columns) => Object.fromEntries(
        Object.entries(columns).map(([name, each]) => [name, [...each].map(String)]));
    return { columns: texts(rec.columns), classes: texts(original), exact: [...rec.rounded] };
}"""
OPEN = """(number) => {
    const choice = document.getElementById("recording");
    choice.value = number;
    choice.dispatchEvent(new Event("change"));
}"""


@pytest.fixture
def all_rounded(monkeypatch):
    """Round recordings of any size."""
    monkeypatch.setattr(rounded, "EXACT_STROKES", 0)


def numbers(texts):
    return np.array([float(text.replace("Infinity", "inf")) for text in texts])


def test_the_page_classifies_every_stroke_as_the_engine_did(show, loaded, all_rounded):
    opened = show(build_page([recording for recording, _, _ in loaded]))
    for number, (recording, path, _) in enumerate(loaded):
        opened.page.evaluate(OPEN, str(number))
        found = opened.page.evaluate(READ)
        for name, column in CLASSES.items():
            expected = np.asarray(recording.columns[column]).astype(int)
            np.testing.assert_array_equal(numbers(found["classes"][name]), expected, err_msg=f"{path} {name}")
        columns = {name: numbers(texts) for name, texts in found["columns"].items()}
        # Of the others nothing is rounded.
        near = np.isfinite(recording.columns["path_length"]) & (recording.columns["reason"] != 5)
        for name, most in within(recording).items():
            own = recording.columns[name][near].astype(float)
            np.testing.assert_allclose(columns[name][near], own, rtol=0, atol=most, err_msg=f"{path} {name}")
        exact = found["exact"]
        np.testing.assert_array_equal(columns["distance"][exact], recording.columns["distance"][exact])
    assert opened.problems == []


def within(recording):
    """How far a rounded value may be from its own."""
    dp = 1 / recording.density + 1e-4
    places = dict.fromkeys(("x", "y", "x_up", "y_up"), 0.5)
    lengths = {"distance": dp / 8, "path_length": dp / 4, "width": dp / 2, "height": dp / 2}
    return {**places, **lengths, "start": 0.5, "span_ns": 500_000, "gap_ns": 1_500_000}


def test_a_slider_moves_the_strokes_beyond_it(show, tmp_path, all_rounded):
    path = many(tmp_path / "many.csv", strokes=800, streams=1)
    recording = load(path)
    page = show(build_page([recording])).page
    moves = [("touch_slop_dp", 33.5), ("tap_timeout_ms", 250.0), ("touch_slop_dp", 24.0)]
    results = page.evaluate(SLIDE, ["0", moves])
    for (key, value), (_, found) in zip(moves, results, strict=True):
        table = classify(samples_of(path), gestures=GestureConfig(**{key: value}))
        kinds = np.array(found["kind"].split(","), dtype=int)
        parted = np.flatnonzero(kinds != np.asarray(table.kind).astype(int))
        measure = table.distance if key == "touch_slop_dp" else table.duration
        assert all(abs(np.asarray(measure)[parted] - value) <= 0.5)
        assert value != 24.0 or not len(parted)


def test_the_why_box_says_which_digits_are_rounded(show, tmp_path, all_rounded):
    recording = load(many(tmp_path / "many.csv", strokes=800, streams=1))
    page = show(build_page([recording])).page
    exact = page.evaluate("[...touchReport.rec.rounded]")
    other = next(row for row in range(len(recording)) if row not in exact)
    facts = page.locator("#why-body .facts").first

    page.evaluate(f"touchReport.select({other})")
    assert "times to 1 ms; capture explain prints all digits" in facts.inner_text()
    assert page.locator("#why-body .value [title]").count() == 0
    page.evaluate(f"touchReport.select({exact[0]})")
    assert "rounded" not in facts.inner_text()
    assert page.locator("#why-body .value [title]").count() > 0


def test_a_browser_that_cannot_unpack_gets_a_message(browser, tmp_path, session):
    file = tmp_path / "page.html"
    file.write_text(build_page([session]), encoding="utf-8")
    page = browser.new_page()
    page.add_init_script("delete window.DecompressionStream")
    page.goto(file.as_uri())
    text = page.locator("#about").inner_text()
    page.close()

    assert text.startswith("This browser cannot unpack the page. Chrome and Edge 80,")


@pytest.mark.parametrize("tolerance", [0.5, 3.0])
def test_samples_that_are_left_out_lie_on_the_trail(loaded, tolerance):
    for recording, _, _ in loaded:
        trail = recording.trail
        kept = needed(trail, tolerance)
        assert len(kept) < len(trail.x)
        for stroke in range(len(recording)):
            _, x, y = (each.astype(float) for each in trail.of(stroke))
            own = kept[(kept >= trail.start[stroke]) & (kept < trail.start[stroke + 1])] - trail.start[stroke]
            assert len(x) == 0 or {0, len(x) - 1} <= set(own.tolist())
            if np.abs([*x, *y, 0]).max() > 1e6:
                continue
            for low, high in pairwise(own):
                for sample in range(low + 1, high):
                    assert (
                        from_line((x[low], y[low]), (x[high], y[high]), (x[sample], y[sample]))
                        <= tolerance + 1e-6
                    )


def from_line(a, b, place):
    """How far a place is from the line between two others."""
    a, b, place = (complex(*each) for each in (a, b, place))
    way = b - a
    part = 0 if way == 0 else min(1, max(0, ((place - a) * way.conjugate()).real / abs(way) ** 2))
    return abs(place - a - part * way)
