"""Where the store is, by platform, and what the live path loads."""

import subprocess
import sys
from pathlib import Path

import pytest

from capture.engine.app_data import data_folder

HEAVY = {"numpy", "pyarrow", "kivy", "urllib3", "typer", "rich", "asyncio", "jsonschema"}


@pytest.mark.parametrize(
    ("platform", "environ", "expected"),
    [
        pytest.param("linux", {"XDG_DATA_HOME": "/data"}, Path("/data/shop.app"), id="xdg"),
        pytest.param("linux", {}, Path.home() / ".local/share/shop.app", id="linux"),
        pytest.param("darwin", {}, Path.home() / "Library/Application Support/shop.app", id="mac"),
        pytest.param("win32", {"LOCALAPPDATA": "/local"}, Path("/local/shop.app"), id="windows"),
        pytest.param("linux", {"ANDROID_PRIVATE": "/app/files"}, Path("/app/files/shop.app"), id="android"),
    ],
)
def test_the_folder_is_the_platforms(monkeypatch, platform, environ, expected):
    monkeypatch.setattr(sys, "platform", platform)

    assert data_folder("shop.app", environ) == expected


@pytest.mark.parametrize(
    ("app_id", "name"),
    [
        pytest.param("../../etc", "_.._etc", id="no-way-out"),
        pytest.param("a/b\\c:d", "a_b_c_d", id="one-name"),
        pytest.param("..", "touchcapture", id="dots"),
        pytest.param("Käse", "Käse", id="letters"),
    ],
)
def test_an_app_id_is_one_name_not_a_path(monkeypatch, app_id, name):
    monkeypatch.setattr(sys, "platform", "linux")

    assert data_folder(app_id, {"XDG_DATA_HOME": "/data"}) == Path("/data") / name


def test_the_live_path_loads_nothing_heavy(tmp_path):
    code = f"""
import sys
from capture.testing import memory_capture
cap, sink = memory_capture({str(tmp_path)!r})
with cap:
    cap.screen_view("A"); cap.touch_down(0, 1, 1); cap.touch_move(0, 1, 1); cap.touch_up(0, 1, 1)
    cap.track_transaction(1, "EUR"); cap.app_hide(); cap.flush()
assert len(sink.batches) == 1, sink.batches
print(sorted({HEAVY!r} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout == "[]\n", done.stderr
