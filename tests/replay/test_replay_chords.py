"""Replays: gestures of several fingers as custom events, where ``[currents] chords`` asks for them."""

import json

import pytest
from replay_logs import cut_chunks, flat, log, screen, tap

from capture import ProjectConfig, RunConfig
from capture.config import CurrentsConfig
from capture.logs import ReadOptions
from capture.replay import Replay
from capture.sinks.memory import MemorySink

MS = 1_000_000
BEGAN = ReadOptions(start_time_ms=1_700_000_000_000)


def pinch(at_ms, *, stream=0):
    """Rows of two fingers that go apart, from 100 to 200 px."""
    places = [(0, 0, 0, 100), (1, 0, 1, 200), (1, 2, 20, 300), (1, 1, 30, 300), (0, 1, 40, 100)]
    return [
        {
            "stream": stream,
            "pointer": pointer,
            "action": action,
            "time": (at_ms + ms) * MS,
            "x": x,
            "y": 100.0,
        }
        for pointer, action, ms, x in places
    ]


def records(path, *, chords=True):
    sink = MemorySink("records", formats=("currents",))
    config = RunConfig(project=ProjectConfig(id=0), currents=CurrentsConfig(app_group_id="g", chords=chords))
    native = MemorySink()
    summary = Replay([path], config=config, sinks=[sink, native], options=BEGAN).run()
    assert summary.complete
    return [json.loads(payload) for batch in sink.batches for payload in batch.payloads], native


def named(found, *names):
    """Return the custom events of those names, and gestures, by name, in their order."""
    return [each for each in found if each.get("name") in names]


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not-asked"])
def test_a_pinch_in_a_log_is_a_custom_event_where_asked_for(tmp_path, asked):
    found, native = records(log(tmp_path, screen(0, "Home"), *pinch(1000)), chords=asked)

    pinches = named(found, "pinch")
    assert len(pinches) == asked
    for each in pinches:
        assert json.loads(each["properties"]) == {
            "fingers": 2,
            "scale": 2.0,
            "rotation": 0.0,
            "direction": "none",
            "duration_ms": pytest.approx(29, abs=0.01),
        }
        assert each["time"] == 1_700_000_000
    assert {event["ea"] for batch in native.batches for event in json.loads(batch.body)["pl"]} <= {4, 9, 10}


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_chords_are_the_same_in_chunks_of_any_size(tmp_path, monkeypatch, size):
    path = log(tmp_path, *flat(screen(0, "Home"), *(pinch(1000 * number) for number in range(1, 5))))
    whole, _ = records(path)
    cut_chunks(monkeypatch, size)

    assert records(path)[0] == whole
    assert len(named(whole, "pinch")) == 4
    assert len({each["id"] for each in whole}) == len(whole)


def test_chords_of_a_later_stream_wait_for_its_turn(tmp_path):
    rows = flat(pinch(0, stream=1), tap(1100, stream=7), pinch(2000, stream=7), pinch(3000, stream=1))
    found, _ = records(log(tmp_path, *rows))

    assert [each["time"] - 1_700_000_000 for each in named(found, "pinch")] == [0, 3, 2]


def test_a_chord_comes_between_the_screens_that_it_was_between(tmp_path):
    rows = flat(screen(0, "Home"), pinch(1000), screen(2000, "Next"), pinch(3000), screen(4000, "Last"))
    found, _ = records(log(tmp_path, *rows))

    order = [each["name"] for each in found if each.get("name") in {"screen_view", "pinch"}]
    assert order == ["screen_view", "pinch", "screen_view", "pinch", "screen_view"]
