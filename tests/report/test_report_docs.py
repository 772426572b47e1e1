"""The pictures of docs/report.md, made anew with CAPTURE_PICTURES=1."""

import base64
import json
import os
from pathlib import Path

import pytest
from msgspec.structs import replace
from report_recordings import DATA, load

from capture.report import build_page

IMAGES = Path(__file__).parents[2] / "docs" / "images"

pytestmark = pytest.mark.skipif(
    "CAPTURE_PICTURES" not in os.environ, reason="CAPTURE_PICTURES=1 makes the pictures of the guide anew"
)


def save(locator, name):
    path = IMAGES / name
    path.unlink(missing_ok=True)
    locator.screenshot(path=str(path))

    assert path.stat().st_size > 5_000


#: A screen of an app, as a screenshot behind the trails.
SCREEN = """<style>
body { margin: 0; background: #14161c; color: #e8e8ee; font: 17px system-ui; width: 360px; height: 780px }
h1 { margin: 0; padding: 34px 18px 12px; font-size: 21px }
div { margin: 0 14px; border-radius: 18px } p { padding: 0 18px } b { font-size: 24px }
</style>
<h1>Product</h1>
<div style="height: 270px; background: linear-gradient(140deg, #31447a, #7a3550)"></div>
<p>Walking shoes<br><b>89.00 EUR</b></p>
<div style="height: 150px; background: #22302c"></div>
<div style="margin: 18px; padding: 16px; background: #e0a030; color: #222; text-align: center">Buy</div>"""


def turned(file):
    """The project's recording, held sideways."""
    lines = []
    for text in (DATA / "session.touch.jsonl").read_text().splitlines():
        row = json.loads(text)
        if "info" in row:
            row["info"] |= {"width": 2340, "height": 1080}
        elif "x" in row:
            row |= {"x": row["y"], "y": 1080 - row["x"]}
        lines.append(json.dumps(row))
    file.write_text("\n".join(lines))
    return load(file)


def with_screen(browser, session):
    """The project's recording with a screenshot of each screen."""
    page = browser.new_page(viewport={"width": 360, "height": 780}, device_scale_factor=2)
    page.set_content(SCREEN)
    image = "data:image/png;base64," + base64.b64encode(page.screenshot()).decode()
    page.close()
    return replace(session, stages=[replace(stage, image=image) for stage in session.stages])


@pytest.mark.parametrize(
    ("name", "width", "height", "scheme"),
    [
        ("report", 1400, 1000, "light"),
        ("report-dark", 1400, 1000, "dark"),
        ("report-phone", 390, 844, "light"),
        ("report-landscape", 1400, 1000, "light"),
        ("report-picture", 1400, 1000, "dark"),
    ],
)
def test_the_page(show, browser, session, tmp_path, name, width, height, scheme):
    recording = turned(tmp_path / "turned.touch.jsonl") if name == "report-landscape" else session
    recording = with_screen(browser, session) if name == "report-picture" else recording
    page = show(build_page([recording]), viewport=(width, height), color_scheme=scheme).page
    page.evaluate("touchReport.select(13)")
    if width < 500:
        page.evaluate("document.getElementById('stage-card').scrollIntoView()")
    page.wait_for_timeout(300)  # until what moves has come to rest

    save(page, f"{name}.png")


def test_the_why_box(show, session):
    page = show(build_page([session]), viewport=(860, 1300), color_scheme="dark").page
    page.locator("#touch_slop_dp").fill("36")
    page.evaluate("touchReport.select(12)")
    page.wait_for_timeout(300)

    save(page.locator("#why"), "why-box.png")


def test_the_heat_map(show, session):
    page = show(build_page([session]), viewport=(1400, 1120)).page
    page.locator("#stage-choice").select_option(label="Product · 10")
    page.get_by_role("button", name="Heat map").click()
    page.wait_for_timeout(300)

    save(page.locator("#stage-card"), "heat-map.png")
