"""Pages that are written: an interrupt leaves no half page, and screenshots only where they are wanted."""

import base64
import errno
import json
import os

import pytest
from report_recordings import DATA

from capture import ConfigError, report
from capture.__main__ import main
from capture.cli._show import writing

SESSION = str(DATA / "session.touch.jsonl")
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="


@pytest.mark.parametrize("before", [None, b"the page of yesterday"], ids=["new", "old"])
def test_an_interrupted_write_leaves_no_half_page(tmp_path, before):
    page = tmp_path / "page.html"
    if before is not None:
        page.write_bytes(before)
    with pytest.raises(KeyboardInterrupt):
        interrupted_write(page)

    assert (page.read_bytes() if page.exists() else None) == before
    assert (tmp_path / "page.html.part").read_bytes() == b"<!doctype html><html>"


def interrupted_write(page):
    with writing(page) as file:
        file.write(b"<!doctype html><html>")
        raise KeyboardInterrupt


def test_a_full_disk_names_the_file_and_leaves_no_part(tmp_path):
    with pytest.raises(ConfigError, match=r"page\.html: cannot be written: No space left"):
        full_disk(tmp_path / "page.html")

    assert list(tmp_path.iterdir()) == []


def full_disk(page):
    with writing(page):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("command", [["report", SESSION], ["diff", SESSION, "--set", "touch_slop_dp=40"]])
def test_ctrl_c_while_a_page_is_made_leaves_none(tmp_path, monkeypatch, command):
    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "build_page", interrupted)
    monkeypatch.setattr("capture.report.page.build_diff", interrupted)

    assert main([*command, "-o", str(tmp_path / "page.html")]) == 130
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def pictured(tmp_path):
    """A recording as `record(..., screenshots=True)` writes it: pictures in files beside the log."""
    (tmp_path / "app-0001-Home.png").write_bytes(base64.b64decode(PIXEL))
    rows = [
        {"info": {"width": 360, "height": 640}},
        {"mark": "screen", "time": 0, "name": "Home"},
        {"mark": "screenshot", "time": 1, "file": "app-0001-Home.png"},
        {"action": 0, "time": 2, "x": 5, "y": 5},
        {"action": 1, "time": 80_000_000, "x": 5, "y": 5},
    ]
    file = tmp_path / "app.touch.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_screenshots_are_embedded_unless_they_are_not_wanted(pictured, tmp_path):
    pages = {}
    for option in ("--screenshots", "--no-screenshots"):
        page = tmp_path / f"{option}.html"
        assert main(["report", str(pictured), option, "-o", str(page)]) == 0
        pages[option] = page.read_text(encoding="utf-8")

    assert PIXEL in pages["--screenshots"]
    assert PIXEL not in pages["--no-screenshots"]


def test_view_says_how_many_screenshots_there_are(pictured, capsys):
    assert main(["view", str(pictured)]) == 0
    assert "1 screenshot" in capsys.readouterr().out
    assert main(["view", "--json", str(pictured)]) == 0
    assert json.loads(capsys.readouterr().out)[0]["screenshots"] == 1
