"""What a tap's handler records comes after the tap; a handler that raises loses nothing."""

import statistics

import pytest
from host_processes import result_of, start

pytest.importorskip("kivy", reason="kivy is not installed")


@pytest.fixture(scope="module")
def walk(displays, kivy_home):
    return result_of(start("kivy_navigation.py", 50, KIVY_HOME=kivy_home(), **displays[0].environment))


def check_order(rows, count):
    names = [
        name.removeprefix("String") for name, _, _ in rows if name not in {"AppStart", "AppShow", "AppHide"}
    ]
    # On a busy machine the loop may see a finger lift late: the order is the same.
    names = ["Tap" if name == "LongPress" else name for name in names]
    assert names == ["ScreenView", *["Tap", "Variable", "ScreenView"] * count]


def test_every_screen_comes_after_the_tap_that_caused_it(walk):
    check_order(walk["rows"], 50)


def test_load_times_are_those_of_the_navigation(walk):
    times = [load for name, load, _ in walk["rows"] if name == "ScreenView"][1:]

    assert len(times) == 50
    # Each is measured from its own tap: from the one before it would be the pause between two taps.
    assert statistics.median(times) < 100


@pytest.mark.parametrize("mode", ["raw", "merged"])
def test_order_without_a_display(run_script, mode):
    check_order(run_script("kivy_navigation.py", 3, mode)["rows"], 3)


@pytest.mark.parametrize("mode", ["raw", "merged"])
def test_a_handler_that_raises_loses_no_tap(run_script, mode):
    result = run_script("kivy_navigation.py", "raise", mode)
    names = [name.removeprefix("String") for name, _, _ in result["rows"]]

    assert result["raised"] == "the app's own"
    assert names.count("Tap") == 2
    assert names.index("Variable") > names.index("Tap")
