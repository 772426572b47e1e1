"""The scripted day of an app against an expectation that was worked out by hand."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from capture.formats import native
from capture.testing import START_NS

SCRIPT = Path(__file__).parents[1] / "scripts" / "day.py"
START_MS = START_NS // 1_000_000

# The day in ms from its start. Every gesture begins a second after the one before:
# 30 taps of 50 ms, 30 presses of 800 ms, 30 drags of 1000 ms, 30 flings of 100 ms.
HOME_MS = 1_000
LIST_MS = HOME_MS + 30 * 1_050 + 200  # 32,700
DETAIL_MS = LIST_MS + 30 * 1_800 + 300  # 87,000
CHECKOUT_MS = DETAIL_MS + 30 * 2_000 + 400  # 147,400
HIDE_MS = CHECKOUT_MS + 30 * 1_100  # 180,400
SHOW_MS = HIDE_MS + 1_799_999  # 29 min 59.999 s later: the same session
SECOND_MS = SHOW_MS + 1_800_000  # 30 min later: the next session
EVENING_MS = SECOND_MS + 1_740_000  # 29 min later
LAST_MS = EVENING_MS + 1_800_000


def run(folder, part):
    return subprocess.run(
        [sys.executable, SCRIPT, folder, part],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])},
    )


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    folder = tmp_path_factory.mktemp("day")
    killed = run(folder, "morning")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    ended = run(folder, "evening")
    assert ended.returncode == 0, ended.stderr
    lines = (folder / "out" / "batches.jsonl").read_bytes().splitlines()
    return [native.decode(line) for line in lines]


def test_batches_have_the_expected_sessions_and_sizes(batches):
    assert [(batch.events[0].session_number, len(batch.events)) for batch in batches] == [
        (1, 50),  # full
        (1, 50),  # full
        (1, 31),  # app hide
        (1, 1),  # the session ended with an event left: the show after 29 min 59.999 s
        (2, 1),  # left by the killed process, sent at the next start
        (2, 2),  # app start and screen of the restarted process, which continues session 2
        (3, 1),  # the last session, at close
    ]


def test_a_batch_never_mixes_sessions(batches):
    assert all(len({event.session_number for event in batch.events}) == 1 for batch in batches)


def test_every_event_in_its_order_time_and_screen(batches):
    start, show, hide = native.AppStartWire, native.AppShowWire, native.AppHideWire
    expected = [(start, 0, 1, 0), (show, 0, 1, 0), (native.ScreenViewWire, HOME_MS, 1, 1)]
    expected += [(native.TapWire, HOME_MS + 1_050 * n, 1, 1) for n in range(1, 31)]
    expected += [(native.ScreenViewWire, LIST_MS, 1, 2)]
    expected += [(native.LongPressWire, LIST_MS + 1_800 * n, 1, 2) for n in range(1, 31)]
    expected += [(native.ScreenViewWire, DETAIL_MS, 1, 3)]
    expected += [(native.DragWire, DETAIL_MS + 2_000 * n, 1, 3) for n in range(1, 31)]
    expected += [(native.ScreenViewWire, CHECKOUT_MS, 1, 4)]
    expected += [(native.FlingWire, CHECKOUT_MS + 1_100 * n, 1, 4) for n in range(1, 31)]
    expected += [(native.TransactionWire, HIDE_MS, 1, 4)] * 2
    expected += [(native.StringVariableWire, HIDE_MS, 1, 4), (native.NumberVariableWire, HIDE_MS, 1, 4)]
    expected += [(hide, HIDE_MS, 1, 4), (show, SHOW_MS, 1, 4), (show, SECOND_MS, 2, 0)]
    expected += [(start, EVENING_MS, 2, 0), (native.ScreenViewWire, EVENING_MS, 2, 1)]
    expected += [(native.StringVariableWire, LAST_MS, 3, 0)]

    assert [
        (type(event), event.time_ms - START_MS, event.session_number, event.screen_count)
        for batch in batches
        for event in batch.events
    ] == expected


def test_load_times(batches):
    views = [event for batch in batches for event in batch.events if type(event) is native.ScreenViewWire]

    assert [(view.title, view.load_time_ms) for view in views] == [
        ("Home", 1000),  # since the app show
        ("List", 200),  # since the last tap
        ("Detail", 300),
        ("Checkout", 400),
        ("Home", 0),  # in the same moment as the app start of the restarted process
    ]


def test_the_current_screen_names_every_url(batches):
    urls = [event.url for batch in batches for event in batch.events]

    assert urls[:2] == ["app-and://day/?title="] * 2
    assert urls[2:33] == ["app-and://day/?title=Home"] * 31
    assert urls[33:64] == ["app-and://day/shop?title=List"] * 31
    assert urls[64:95] == ["app-and://day/shop/item?title=Detail"] * 31
    # It survives the change of session, but not the restart.
    assert urls[95:133] == ["app-and://day/?title=Checkout"] * 38
    assert urls[133:] == ["app-and://day/?title="] + ["app-and://day/?title=Home"] * 2


def test_what_events_carry(batches):
    found = [event for batch in batches for event in batch.events]
    taps = [event for event in found if type(event) is native.TapWire]
    drags = [event for event in found if type(event) is native.DragWire]
    flings = [event for event in found if type(event) is native.FlingWire]
    payments = [event.payment for event in found if type(event) is native.TransactionWire]

    assert {(tap.target_path, tap.target_id, tap.responsive) for tap in taps} == {
        ("[root]>btn#ok>", "ok", True)
    }
    assert {(drag.direction, drag.distance, drag.velocity) for drag in drags} == {(4, 60, 60)}
    assert {(fling.direction, fling.distance, fling.velocity) for fling in flings} == {(4, 60, 600)}
    assert payments == [native.Payment(20.0, 978, "32a"), native.Payment(1.0, 840)]


def test_one_user_and_unique_events(batches):
    ids = [event.event_id for batch in batches for event in batch.events]

    assert len(set(ids)) == len(ids) == 136
    assert len({batch.user_id for batch in batches}) == 1
