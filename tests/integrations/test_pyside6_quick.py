"""A Qt Quick app without a display: items of many kinds, rows, pop-ups, pages, fingers."""

import json
import subprocess
import sys

import pytest
from host_processes import SCRIPTS, environment

pytest.importorskip("PySide6.QtQuick", reason="PySide6 has no Qt Quick here", exc_type=ImportError)

#: Path, id and whether it is responsive, in the order of the script's ITEMS.
ITEMS = [
    ("Rectangle#plain>", "plain", False),
    ("Rectangle#tapped>", "tapped", True),
    ("Rectangle#card>Area>", "card", True),
    ("Area#refusing>", "refusing", False),
    ("Rectangle#under>", "under", False),
    ("Text#words>", "words", False),
    ("Button#buy>", "buy", True),
    ("Button#sold>", "sold", False),
    ("CheckBox#check>", "check", True),
    ("Switch#turn>", "turn", True),
    ("RadioButton#radio>", "radio", True),
    ("Slider#slide>", "slide", True),
    ("SpinBox#spin>", "spin", True),
    ("TextField#name>", "name", True),
    ("TextArea#story>", "story", True),
    ("Dial#dial>", "dial", True),
    ("ItemDelegate#entry>Button#remove>", "remove", True),
    ("Frame#frame>Label#note>", "note", False),
    ("Flickable#flick>Rectangle#long>", "long", False),
    ("Rectangle#dragged>", "dragged", False),
    ("Item>Rectangle#seen>", "seen", False),
    ("Tile>", "", True),
    ("Row>Rectangle[0]>", "", False),
    ("MultiPointTouchArea#points>", "points", True),
    ("Button>", "", True),
]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    done = subprocess.run(
        [sys.executable, SCRIPTS / "quick_app.py", tmp_path_factory.mktemp("quick")],
        env=environment(QT_QPA_PLATFORM="offscreen", QT_QUICK_BACKEND="software"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1].removeprefix("RESULT "))
    assert found["warnings"] == []
    return found


@pytest.mark.parametrize("at", range(len(ITEMS)), ids=[path for path, _, _ in ITEMS])
def test_an_item_has_its_path_id_and_verdict(result, at):
    path, view_id, responsive = ITEMS[at]

    assert result["items"][at] == ["TAP", f"Item[{at}]>{path}", view_id, responsive]


def test_rows_have_their_index_in_the_model(result):
    assert result["rows"] == [
        ["TAP", "ListView#list>ItemDelegate[0]>", "", True],
        ["TAP", "ListView#list>ItemDelegate[2]>", "", True],
        ["TAP", "GridView#grid>Rectangle[0]>", "", False],
        ["TAP", "GridView#grid>Rectangle[3]>", "", False],
    ]


def test_a_list_that_scrolls_took_the_touch(result):
    assert result["scroll"][1:] == ["ListView#list>ItemDelegate[2]>", "", True]


def test_a_pinch_is_two_strokes_that_are_no_gestures(result):
    assert [stroke[0] for stroke in result["pinch"]] == ["NONE", "NONE"]
    assert {stroke[2] for stroke in result["pinch"]} == {"buy"}


def test_a_finger_is_seen_once(result):
    assert result["finger"] == ["TAP", "Item[6]>Button#buy>", "buy", True]


def test_pop_ups_are_in_front_and_have_their_names(result):
    assert result["popups"] == [
        ["TAP", "Popup#plainPopup>Button#ok>", "ok", True],
        # A pop-up keeps a touch from what is behind, and does nothing.
        ["TAP", "Popup#plainPopup>", "plainPopup", False],
        # Beside one that is not modal, the page is touched.
        ["TAP", "Item[0]>Rectangle#plain>", "plain", False],
        ["TAP", "Popup#modalPopup>Button#sure>", "sure", True],
        # Beside a modal one, its shade; which closed it.
        ["TAP", "Rectangle>", "", True],
    ]


def test_pages_are_in_paths_and_are_the_screens(result):
    assert result["page"] == ["TAP", "StackView#stack>Page>Button#next>", "next", True]
    assert result["swiped"][1] == "StackView#stack>Page#Second>SwipeView#swipe>Page[1]>Rectangle#inRight>"
    assert result["covered"][2] == "Covered"
    # Of a page in a page, the inner one.
    assert result["screens"] == ["First", "Left", "Right", "Covered"]


def test_the_app_gets_every_event_and_nothing_is_seen_after_uninstalling(result):
    assert result["counts"] == {"tapped": 1, "card": 1, "buy": 3}
    assert result["after"] == 0
