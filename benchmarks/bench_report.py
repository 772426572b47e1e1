"""Reports of 10,000 strokes: reading, the page, the terminal; and the page in a browser, if there is one."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from touches import single

from capture.report import build_page, read, summary

STROKES = 10_000
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FRAMES = """() => new Promise((done) => {
    touchReport.speed = 8;
    touchReport.seek(0);
    document.getElementById("play").click();
    let frames = 0;
    const begun = performance.now();
    const count = () => {
        frames++;
        const passed = performance.now() - begun;
        if (passed < 3000) requestAnimationFrame(count); else done((frames / passed) * 1000);
    };
    requestAnimationFrame(count);
})"""
SLIDE = """() => {
    const field = document.getElementById("touch_slop_dp");
    const begun = performance.now();
    for (let value = 10; value < 30; value++) {
        field.value = value;
        field.dispatchEvent(new Event("input"));
    }
    return (performance.now() - begun) / 20;
}"""


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A CSV log of 10,000 strokes."""
    action, time, x, y = single(40 * STROKES)
    end = int(np.flatnonzero(action == 1)[STROKES - 1]) + 1
    file = tmp_path_factory.mktemp("report") / "many.csv"
    rows = np.stack([action[:end], time[:end], x[:end], y[:end]], axis=1)
    np.savetxt(
        file, rows, fmt=["%d", "%d", "%.2f", "%.2f"], delimiter=",", header="action,time,x,y", comments=""
    )
    return str(file)


@pytest.fixture(scope="module")
def recording(log):
    return read([log])[0]


def test_read(benchmark, log):
    found = benchmark.pedantic(lambda: read([log])[0], rounds=3)

    assert len(found) == STROKES


def test_page(benchmark, recording):
    page = benchmark.pedantic(lambda: build_page([recording]), rounds=3)
    benchmark.extra_info["bytes"] = len(page)


def test_terminal_rows(benchmark, recording):
    rows = benchmark.pedantic(lambda: summary.rows(recording), rounds=3)

    assert len(rows) == STROKES


def test_browser(benchmark, recording, tmp_path):
    """Time until everything is drawn (ms), frames per second at 8x, one move of a slider (ms)."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install playwright")
    file = tmp_path / "page.html"
    file.write_text(build_page([recording]), encoding="utf-8")
    with api.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        found = SimpleNamespace(ready=None)

        def opened():
            page.goto(file.as_uri())
            while not (ready := page.evaluate("document.documentElement.dataset.ready")):
                page.wait_for_timeout(5)
            found.ready = int(ready)

        benchmark.pedantic(opened, rounds=3)
        benchmark.extra_info["ready_ms"] = found.ready
        benchmark.extra_info["slider_ms"] = round(page.evaluate(SLIDE), 1)
        benchmark.extra_info["frames_per_s"] = round(page.evaluate(FRAMES), 1)
        browser.close()
    print(benchmark.extra_info)
