"""The page while it plays, as a link opens it, its digits and paths, and pictures behind the trails."""

import base64
import json
import os
import struct
import zlib
from pathlib import Path

import pytest
from report_pages import picture
from report_recordings import load

from capture.report import build_page, summary

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def test_the_selection_follows_playback(show, session):
    opened = show(build_page([session]))
    page = opened.page
    page.evaluate("touchReport.speed = 8")
    page.get_by_role("button", name="Play").click()
    opened.until("touchReport.now > 9000")
    selected, row, title = page.evaluate(STOP)

    # The last stroke that began before 9 s, or a later one.
    assert selected >= 8
    assert row == str(selected)
    assert f"Stroke {selected}:" in title
    assert opened.problems == []


#: End the playing; what is selected, and what table and why box show.
STOP = """() => {
    document.getElementById("play").click();
    return [touchReport.selected, document.querySelector("tr[aria-current] button").textContent,
        document.getElementById("why-title").textContent];
}"""


def test_a_link_opens_its_stroke(show, session):
    opened = show(build_page([session, session]))
    page = opened.page
    address = page.evaluate("location.href")
    page.evaluate("location.hash = '#stroke=12'")
    opened.until("touchReport.selected === 12")
    page.evaluate("location.hash = '#stroke=13&recording=1'")
    opened.until("touchReport.selected === 13 && touchReport.recNumber === 1")
    page.evaluate("touchReport.select(4)")
    assert page.evaluate("location.hash") == "#stroke=4&recording=1"
    page.goto(address + "#stroke=7")
    page.reload()
    opened.until("document.documentElement.dataset.ready")
    assert page.evaluate("touchReport.selected") == 7
    for wrong in ("#stroke=999", "#stroke=-1", "#stroke=x", "#recording=9&stroke=1", "#%"):
        page.evaluate("hash => { location.hash = hash; }", wrong)
    assert page.evaluate("touchReport.selected") == 7
    assert (opened.problems, opened.requests) == ([], [])


def test_the_speed_chart_is_visible_on_a_desktop(show, session):
    page = show(build_page([session]), viewport=(1400, 1000)).page
    page.evaluate("touchReport.select(13)")
    box = page.locator("figure", has_text="speed").first.bounding_box()

    assert box["y"] + box["height"] <= 1000


def test_numbers_have_three_digits_and_paths_their_last_segment(show, session):
    page = show(build_page([session])).page
    page.evaluate("touchReport.select(12)")
    values = page.locator(".meters .value b").all_inner_texts()
    target = page.locator("#why .facts bdi").first

    assert values[:2] == ["413", "35.2"]
    assert page.locator(".meters .value [data-exact]").nth(1).get_attribute("title") == "35.1992"
    assert ">" not in target.inner_text()
    assert target.get_attribute("title").startswith("[root]>")


def test_trails_are_coloured_by_speed(show, session):
    opened = show(build_page([session]))
    before = picture(opened.page, "#stage")
    button = opened.page.get_by_role("button", name="Speed", exact=True)
    button.click()

    assert button.get_attribute("aria-pressed") == "true"
    assert picture(opened.page, "#stage") != before
    assert opened.problems == []


def png(width, height, color):
    """A picture of one colour."""
    rows = b"".join(b"\x00" + bytes(color) * width for _ in range(height))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    parts = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def log_with(folder, *marks):
    file = folder / "app.touch.jsonl"
    lines = [{"info": {"width": 360, "height": 640, "density": 1.0}}]
    lines += [{"mark": "screen", "time": 0, "name": "Home"}, *({"time": 0, **mark} for mark in marks)]
    lines += [
        {"pointer": 0, "action": action, "time": (100 + ms) * 1_000_000, "x": 90 + ms, "y": 90}
        for action, ms in ((0, 0), (2, 60), (1, 120))
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.fixture
def dark(tmp_path):
    (tmp_path / "app.0.png").write_bytes(png(36, 64, (20, 24, 31)))
    return tmp_path


def test_the_picture_of_a_recording_is_in_the_page(show, dark):
    recording = load(log_with(dark, {"mark": "screenshot", "file": "app.0.png"}))
    uri = "data:image/png;base64," + base64.b64encode((dark / "app.0.png").read_bytes()).decode()
    opened = show(build_page([recording]))
    opened.until("[...touchReport.pictures.values()].every(each => each.complete)")

    assert [stage.image for stage in recording.stages] == [uri]
    assert recording.warnings == []
    assert "1 screenshot" in summary.head(recording)
    assert opened.problems == []


@pytest.mark.parametrize(
    "name", ["gone.png", "../app.0.png", "/etc/hostname", "app.touch.jsonl", "sub/app.0.png", "", 7, None]
)
def test_a_file_that_is_no_picture_beside_the_log_is_left_out(dark, name):
    (dark / "log").mkdir()
    (dark / "log" / "app.1.png").write_bytes(png(2, 2, (0, 0, 0)))
    recording = load(log_with(dark / "log", {"mark": "screenshot", "file": name}))

    assert recording.stages[0].image is None
    assert recording.warnings == ["1 screenshots were left out: missing, no picture, or too large"]


def test_pictures_are_bounded_together(dark, monkeypatch):
    monkeypatch.setattr("capture.report.marks._MAX_PICTURES", 200)
    marks = [{"mark": "screenshot", "file": "app.0.png"}, {"mark": "screen", "name": "Next"}]
    recording = load(log_with(dark, *marks, {"mark": "screenshot", "file": "app.0.png"}))

    assert sum(1 for stage in recording.stages if stage.image) <= 1
    assert recording.warnings


@pytest.mark.skipif("CAPTURE_PICTURES" not in os.environ, reason="CAPTURE_PICTURES=1 makes the pictures anew")
def test_the_picture_of_a_page_that_plays(show, session):
    opened = show(build_page([session]), viewport=(1400, 1000))
    opened.page.get_by_role("button", name="Speed", exact=True).click()
    opened.page.evaluate("touchReport.select(13); touchReport.seek(touchReport.rec.columns.start[13] + 700)")
    opened.page.wait_for_timeout(300)
    path = IMAGES / "report-playing.png"
    opened.page.screenshot(path=str(path))

    assert path.stat().st_size > 5_000
