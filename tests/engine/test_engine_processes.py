"""Several processes on one store, forks, an exit without a close, threads and event loops."""

import asyncio
import os
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from capture.errors import StoreError
from capture.formats import native
from capture.store.state import AppState
from capture.testing import decode_batches, memory_capture

SCRIPT = Path(__file__).parents[1] / "scripts" / "app.py"


def start(folder, *arguments):
    return subprocess.Popen(
        [sys.executable, SCRIPT, folder, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])},
    )


def end(process, text=""):
    out, err = process.communicate(text, timeout=300)
    assert process.returncode == 0, err
    return out


def delivered(folder):
    """Return what is delivered once a last process has sent what is left."""
    end(start(folder, "side_by_side", "last"), "\n\n")
    lines = (folder / "out" / "batches.jsonl").read_bytes().splitlines()
    return [native.decode(line) for line in lines]


def test_two_processes_keep_separate_sessions_and_lose_nothing(tmp_path):
    processes = {name: start(tmp_path, "side_by_side", name) for name in ("a", "b")}
    for process in processes.values():
        assert process.stdout.readline() == "ready\n"
    for process in processes.values():
        process.stdin.write("\n")
        process.stdin.flush()
    sessions = {name: int(process.stdout.readline()) for name, process in processes.items()}
    for process in processes.values():
        end(process, "\n")
    batches = delivered(tmp_path)

    assert sorted(sessions.values()) == [1, 2]
    assert all(len({event.session_number for event in batch.events}) == 1 for batch in batches)
    assert len({batch.user_id for batch in batches}) == 1
    events = [event for batch in batches for event in batch.events]
    for name, session in sessions.items():
        own = [event.value for event in events if getattr(event, "key", "") == name]
        assert own == list(range(200))
        assert {event.session_number for event in events if getattr(event, "key", "") == name} == {session}
    assert len({event.event_id for event in events}) == len(events)


def test_what_a_process_left_open_is_delivered(tmp_path):
    end(start(tmp_path, "left_open"))
    lines = (tmp_path / "out" / "batches.jsonl").read_bytes().splitlines()

    # At exit already: nothing was closed, nothing had to be started again.
    assert [len(native.decode(line).events) for line in lines] == [50, 21]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_forked_child_has_a_session_of_its_own_and_no_app_start(tmp_path):
    end(start(tmp_path, "forked"))
    batches = delivered(tmp_path)
    seen = [
        (type(event).__name__, getattr(event, "value", ""), event.session_number)
        for batch in batches
        for event in batch.events
    ]
    parent = [event for event in seen if event[2] == 1]
    child = [event for event in seen if event[2] == 2]

    assert parent[:3] == [
        ("AppStartWire", "", 1),
        ("StringVariableWire", "before", 1),
        ("StringVariableWire", "parent", 1),
    ]
    # No app start, and not the touch that went down in the parent. Then the last process goes on.
    assert child[:3] == [("StringVariableWire", "child", 2), ("TapWire", "", 2), ("AppStartWire", "", 2)]
    ids = [event.event_id for batch in batches for event in batch.events]
    assert len(set(ids)) == len(ids)


def test_threads_share_a_capture(tmp_path):
    cap, sink = memory_capture(tmp_path)
    failures = []
    go = threading.Barrier(4)

    def work(number):
        try:
            go.wait(10)
            for index in range(100):
                cap.touch_down(number, index, 0)
                cap.touch_move(number, index, 1)
                assert cap.track_variable(f"thread{number}", index) is not None
                assert cap.touch_up(number, index, 1) is not None
                if index % 25 == 0:
                    cap.screen_view(f"screen {number}")
                    cap.stats  # noqa: B018 - read beside the others
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    with cap:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
        assert cap.flush(30)
        collected = cap.stats.collected
    events = [event for batch in decode_batches(sink.batches) for event in batch.events]

    assert len(events) == collected
    assert len({event.event_id for event in events}) == collected
    for number in range(4):
        assert [e.value for e in events if getattr(e, "key", "") == f"thread{number}"] == list(range(100))
    views = [event.screen_count for event in events if type(event) is native.ScreenViewWire]
    assert views == list(range(1, 17))
    assert Counter(type(event).__name__ for event in events)["AppStartWire"] == 1


def test_async_use(tmp_path):
    cap, sink = memory_capture(tmp_path)

    async def main():
        async with cap as same:
            assert same is cap
            cap.screen_view("A")
            ticks = 0

            async def tick():
                nonlocal ticks
                while True:
                    ticks += 1
                    await asyncio.sleep(0)

            ticking = asyncio.ensure_future(tick())
            assert await cap.aflush(10) is True
            ticking.cancel()
            return ticks

    assert asyncio.run(main()) > 1
    assert len(sink.batches) == 1
    assert not cap.is_recording


@pytest.mark.parametrize("call", ["first", "write"])
def test_who_starts_while_others_hold_the_state_has_the_user_of_the_fastest(tmp_path, monkeypatch, call):
    """As where many processes make a store at once, and the machine is busy."""
    write, fastest = AppState.write, []

    def overtaken(name):
        if name == call:
            monkeypatch.undo()
            fastest.append(memory_capture(tmp_path)[0])

    def first_held(state, values):
        overtaken("first")
        raise StoreError("state.lock: held by another process")

    def write_late(state, values):
        overtaken("write")
        return write(state, values)

    monkeypatch.setattr(AppState, "first", first_held)
    monkeypatch.setattr(AppState, "write", write_late)
    cap, _ = memory_capture(tmp_path)
    [other] = fastest
    with other, cap:
        assert cap.track_variable("k", 1) is not None
        cap.flush(0.0)
        assert (cap.opted_in, cap.user_id) == (True, other.user_id)
