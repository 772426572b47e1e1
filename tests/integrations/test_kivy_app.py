"""An app in full: verdicts, targets, screens, the lifecycle, odd devices, a failing hook."""

import pytest

pytest.importorskip("kivy", reason="kivy is not installed")

HOME = "[root]>ScreenManager>Screen#home>BoxLayout>"


@pytest.fixture(scope="module")
def both(run_all):
    return run_all(("kivy_app.py",), ("kivy_app.py", "merged"))


@pytest.fixture
def raw(both):
    return both[0]


@pytest.fixture
def merged(both):
    return both[1]


@pytest.fixture(params=["raw", "merged"])
def result(request):
    found = request.getfixturevalue(request.param)
    assert found["hook"] == request.param
    return found


def test_verdicts(result):
    rows = ["label", "button", "label in scroll view", "button in scroll view", "slider"]
    rows += ["text input", "switch", "disabled button", "button behind a popup"]
    verdicts = [responsive for _, _, _, responsive in result["taps"]]

    assert dict(zip(rows, verdicts, strict=True)) == {
        "label": False,
        "button": True,
        "label in scroll view": False,
        "button in scroll view": True,
        "slider": True,
        "text input": True,
        "switch": True,
        "disabled button": False,
        "button behind a popup": None,
    }


def test_targets(result):
    assert [(path, own_id) for _, path, own_id, _ in result["taps"]] == [
        (f"{HOME}Label#dead>", "dead"),
        (f"{HOME}Button#alive>", "alive"),
        # analytics_id is the app's own word, and is escaped.
        (f"{HOME}ScrollView#feed>GridLayout#rows>Label#row %3E %231>", "row > #1"),
        (f"{HOME}ScrollView#feed>GridLayout#rows>Button>", ""),
        (f"{HOME}Slider#volume>", "volume"),
        (f"{HOME}TextInput>", ""),  # a password: masked
        (f"{HOME}Switch#dark>", "dark"),
        (f"{HOME}Button#off>", "off"),
        ("[root]>Popup>", ""),
    ]


def test_every_tap_is_a_tap(result):
    assert {gesture["kind"] for gesture, *_ in result["taps"]} == {"TAP"}


def test_wheel_twins_drivers_and_exclusive_grabs(result):
    # Strokes so far: the wheel is none; two devices are one finger; a driver of tests dispatches
    # directly; the UP of an exclusive grab is seen.
    assert result["devices"] == {"wheel": 0, "twins": 1, "driver": 2, "exclusive": 4}
    assert result["driver"] == "FLING"


def test_uninstall_leaves_nothing_behind(result):
    assert result["attributes"] == []


def test_screens_nested_hidden_and_added_later(raw):
    assert raw["titles"] == [
        ["home", "app-and://lab/?title=home"],
        ["first", "app-and://lab/nested?title=first"],
        ["second", "app-and://lab/nested?title=second"],
        ["home", "app-and://lab/?title=home"],
        ["popup page", "app-and://lab/?title=popup%20page"],
        ["popup page 2", "app-and://lab/?title=popup%20page%202"],
        ["home", "app-and://lab/?title=home"],
    ]


def test_lifecycle_in_its_order(raw):
    names = [name for name, _ in raw["events"]]

    assert names[:3] == ["AppStart", "AppShow", "ScreenView"]
    assert [name for name in names if name.startswith("App")] == [
        "AppStart",
        "AppShow",
        "AppHide",
        "AppShow",
        "AppHide",
    ]
    assert names[-1] == "AppHide"
    assert raw["stops"] == 2


def test_pause_cancels_what_is_down(raw):
    assert raw["canceled_by_pause"] == 1


def test_a_resized_window_is_told(raw):
    assert raw["turned"] == [300, 500, 0]


def test_a_failure_stops_the_capture_and_not_the_app(raw):
    assert raw["app_goes_on"] is True
    assert raw["after_failure"] == [None, 0]


def test_the_overlay_is_hidden_after_a_failure(raw):
    assert raw["overlays"] == [1, 0]
