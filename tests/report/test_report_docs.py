"""The pictures of docs/report.md, made anew with CAPTURE_PICTURES=1."""

import os
from pathlib import Path

import pytest

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


def test_the_page(show, session):
    page = show(build_page([session]), viewport=(1360, 1120)).page
    page.evaluate("touchReport.select(13)")
    page.wait_for_timeout(300)  # until what moves has come to rest

    save(page, "report.png")


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
