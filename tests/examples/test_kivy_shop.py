"""The example: a scripted visit without a display, delivered to a folder."""

import subprocess
import sys
from pathlib import Path

import pytest
from host_processes import HEADLESS, environment

from capture.formats import native

pytest.importorskip("kivy", reason="kivy is not installed")

SHOP = Path(__file__).parents[2] / "examples" / "kivy_shop"


@pytest.fixture(scope="module")
def visit(tmp_path_factory):
    """What the visit printed, and the folder that it ran in."""
    folder = tmp_path_factory.mktemp("boats")
    done = subprocess.run(
        [sys.executable, SHOP, "--tour"],
        cwd=folder,
        env=environment(**HEADLESS, KIVY_HOME=str(folder), XDG_DATA_HOME=str(folder / "data")),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout, folder


@pytest.fixture(scope="module")
def events(visit):
    lines = (visit[1] / "boats-batches" / "batches.jsonl").read_bytes().splitlines()
    return [event for line in lines for event in native.decode(line).events]


def test_every_screen_is_seen(events):
    titles = [event.title for event in events if isinstance(event, native.ScreenViewWire)]

    assert titles[0] == titles[-1] == "home"
    assert set(titles) == {"home", "catalogue", "product", "checkout"}


def test_every_gesture_is_made(events):
    assert {native.TapWire, native.LongPressWire, native.DragWire, native.FlingWire} <= {
        type(event) for event in events
    }


def test_it_ends_with_a_sale(events):
    assert [event.payment.currency for event in events if isinstance(event, native.TransactionWire)] == [978]


def test_it_says_where_the_events_are_and_what_the_strokes_were(visit, events):
    first, second = visit[0].splitlines()[-2:]
    taps = [event for event in events if isinstance(event, native.TapWire)]
    dead = sum(not tap.responsive for tap in taps)

    assert first == f"{len(events)} events, {len(events)} delivered to boats-batches/batches.jsonl"
    assert f"'tap': {len(taps)}" in second
    assert second.endswith(f"; of the taps {dead} dead, 0 at the end of a rage run")
