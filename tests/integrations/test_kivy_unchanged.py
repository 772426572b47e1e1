"""The app is the same with a capture and without: every call in the shop, and Kivy's own tests."""

import pytest

pytest.importorskip("kivy", reason="kivy is not installed")


@pytest.fixture(scope="module")
def shops(run_all, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    return run_all(("kivy_shop.py", "with", folder), ("kivy_shop.py", "without", folder))


@pytest.fixture(scope="module")
def suites(run_all):
    return run_all(("kivy_own_tests.py", "with"), ("kivy_own_tests.py", "without"))


def test_every_touch_handler_is_called_alike(shops):
    captured, plain = shops

    assert len(plain["calls"]) > 300
    assert captured["calls"] == plain["calls"]


def test_the_shop_does_the_same(shops):
    captured, plain = shops

    assert plain["actions"][-2][0] == "sale"
    assert captured["actions"] == plain["actions"]


def test_the_capture_saw_the_visit(shops):
    captured, _ = shops

    assert [(gesture["kind"], own_id) for gesture, _, own_id, _ in captured["strokes"]] == [
        ("TAP", "opening_hours"),
        ("FLING", ""),
        ("TAP", "go_catalogue"),
        ("FLING", "boat_4"),
        ("TAP", captured["strokes"][4][2]),  # wherever the list came to rest
        ("FLING", "amount"),
        ("TAP", "add"),
        ("TAP", "buy"),
        ("TAP", "confirm"),
    ]


def test_kivys_own_tests_end_alike(suites):
    captured, plain = suites

    assert sum(outcome == "passed" for outcome in plain["outcomes"].values()) > 50
    assert captured["outcomes"] == plain["outcomes"]
    assert captured["code"] == plain["code"] == 0


def test_the_capture_saw_their_touches(suites):
    captured, _ = suites

    assert captured["hook"] == "raw"
    assert captured["strokes"] > 10
