"""capture view, report and diff as commands."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from report_recordings import DATA, load

from capture.__main__ import main
from capture.errors import StoreError, TouchLogError
from capture.report import summary
from capture.report.follow import find_store, follow, read_growing, read_store
from capture.report.from_batches import Reader
from capture.targets import Target
from capture.testing import FakeClock, TouchScript, memory_capture

GOLDEN = DATA / "golden"
SESSION = str(DATA / "session.touch.jsonl")


def run(capsys, *arguments):
    status = main(list(arguments))
    return status, capsys.readouterr()


@pytest.mark.parametrize("columns", ["80", "200", None], ids=["80", "200", "piped"])
def test_view_is_plain_text_when_piped(capsys, monkeypatch, golden, columns):
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)
    status, said = run(capsys, "view", SESSION)

    assert status == 0
    assert "\x1b" not in said.out
    assert max(map(len, said.out.splitlines())) <= int(columns or 160)
    golden(
        GOLDEN / f"view-{columns or 'piped'}.txt",
        "".join(line.rstrip() + "\n" for line in said.out.splitlines()),
    )


@pytest.mark.parametrize("columns", [50, 66])
def test_a_narrow_terminal_shortens_words_and_no_number(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    said = run(capsys, "view", SESSION)[1].out

    [row] = [line.split() for line in said.splitlines() if line.startswith("12  ")]
    assert row[:2] == ["12", "17.698"]
    assert {"413", "35.2", "85"} < set(row)


@pytest.mark.parametrize("columns", [80, 200])
def test_view_in_tmux(columns, tmp_path):
    tmux = shutil.which("tmux")
    if tmux is None:
        pytest.skip("no tmux on this machine")
    command = f"{sys.executable} -m capture view {SESSION} --rows 12; echo ended; cat"
    size = ["-x", str(columns), "-y", "40", "-c", str(DATA.parents[1])]
    # From the folder of its socket, whose whole path may be longer than one of a socket can be.
    call = [tmux, "-S", "tmux", "-f", "/dev/null"]
    # Of this process as Python sees it: readline, once imported, sets COLUMNS behind its back.
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    subprocess.run(
        [*call, "new-session", "-d", *size, "-s", "view", command],
        check=True,
        cwd=tmp_path,
        env=environment,
    )

    def pane():
        command = [*call, "capture-pane", "-p", "-e", "-t", "view"]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout

    try:
        # What the command wrote is shown a while later.
        wait_for(lambda: "ended" in pane())
        shown = pane()
    finally:
        subprocess.run([*call, "kill-server"], check=True, cwd=tmp_path)

    assert "\x1b[" in shown  # colours
    assert "button_buy" in shown
    assert ("Catalogue" in shown) == (columns == 200)
    assert "11 strokes before" in shown


def wait_for(condition, seconds=60):
    event = threading.Event()
    for _ in range(seconds * 20):
        if condition():
            return
        event.wait(0.05)
    raise AssertionError("it took too long")


def test_view_for_machines(capsys):
    status, said = run(capsys, "view", "--json", SESSION)
    (found,) = json.loads(said.out)

    assert status == 0
    assert found["kinds"] == {"none": 4, "tap": 8, "long_press": 1, "drag": 4, "fling": 6}
    assert found["reasons"] == {"multi touch": 2, "between slop and drag": 1, "canceled": 1}
    assert (found["dead_taps"], found["rage_runs"]) == (4, 1)


def test_the_terminal_is_not_steered_by_a_log(capsys, tmp_path):
    file = tmp_path / "a.touch.jsonl"
    rows = [
        {"mark": "target", "time": 0, "pointer": 0, "path": "[root]>x>", "id": "\x1b[2J[red]\u202egnp"},
        {"action": 0, "time": 0, "x": 1, "y": 1},
        {"action": 1, "time": 80_000_000, "x": 1, "y": 1},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    _, said = run(capsys, "view", str(file))

    assert "\x1b" not in said.out
    assert "\\x1b[2J[red]\\u202egnp" in said.out


def test_activity_is_the_share_of_time_with_a_finger_down(tmp_path):
    file = tmp_path / "a.csv"
    moments = [(0, 0), (1, 100), (0, 500), (1, 900), (0, 950), (1, 1000)]
    rows = [f"0,0,{action},{ms * 1_000_000},1,1" for action, ms in moments]
    file.write_text("\n".join(["stream,pointer,action,time,x,y", *rows]) + "\n")

    assert summary.sparkline(load(file), 10) == "█    ████▄"


def test_a_growing_log_is_followed(tmp_path):
    file = tmp_path / "live.touch.jsonl"
    first = Path(SESSION).read_bytes()
    cuts = [
        first.index(b"\n", 3000) + 1,
        len(first) // 2,
        len(first),
    ]  # the second is in the middle of a line
    steps = iter(cuts)
    file.write_bytes(first[: next(steps)])
    waits = []

    def wait(seconds):
        waits.append(seconds)
        cut = next(steps, None)
        if cut is not None:
            file.write_bytes(first[:cut])

    states = follow(str(file), lambda: read_growing(str(file), load), wait=wait)
    strokes = [len(next(states)) for _ in cuts]

    assert strokes[0] < strokes[1] < strokes[2] == 23
    assert waits
    assert min(waits) >= 0.25


def test_a_live_store_is_read_and_followed(tmp_path):
    cap, _ = memory_capture(tmp_path, clock=(clock := FakeClock()))
    with cap:
        script = TouchScript(cap, clock)
        cap.screen_view("Cart")
        script.tap(target=Target(path="[root]>label>", id="label", responsive=False))
        file = find_store(str(tmp_path))
        reader = Reader()
        states = follow(str(file), lambda: read_store(file, reader), wait=lambda _: script.fling())
        first = next(states)
        second = next(states)

    assert first.name == tmp_path.name
    assert (len(first), first.dead_taps, first.stages[-1].title) == (1, 1, "Cart")
    assert [summary.rows(second)[n].gesture.split()[0] for n in range(2)] == ["tap", "fling"]
    assert find_store(str(tmp_path / "nothing")) is None


def test_a_store_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(StoreError, match="gone: cannot be read"):
        read_store(tmp_path / "gone")


def test_following_what_is_no_log_fails_at_once(tmp_path):
    file = tmp_path / "no.log"
    file.write_text("nothing\nat all")
    with pytest.raises(TouchLogError):
        next(follow(str(file), lambda: read_growing(str(file), load)))


def test_report_writes_a_page_and_pictures(capsys, tmp_path):
    page, stroke, screen = (tmp_path / name for name in ("page.html", "stroke.svg", "screen.svg"))

    assert run(capsys, "report", SESSION, "-o", str(page))[0] == 0
    assert run(capsys, "report", SESSION, "--stroke", "4", "-o", str(stroke))[0] == 0
    assert run(capsys, "report", SESSION, "--stage", "Product", "-o", str(screen))[0] == 0
    assert page.read_text().startswith("<!doctype html>")
    assert "Stroke 4: fling up" in stroke.read_text()
    assert "10 strokes" in screen.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["report", SESSION, "-o", "x.pdf"], "expected a name that ends in .html", id="suffix"),
        pytest.param(["report", SESSION, "--stroke", "99", "-o", "x.svg"], "there are 23", id="stroke"),
        pytest.param(
            ["report", SESSION, "--stage", "Hom", "-o", "x.svg"], "the screens are Home", id="stage"
        ),
        pytest.param(["report", SESSION, "-o", "/nowhere/x.html"], "cannot be written", id="folder"),
        pytest.param(["diff", SESSION], "expected a second log", id="diff-nothing"),
        pytest.param(["diff", SESSION, "--set", "slop=1"], "expected KEY=VALUE", id="diff-key"),
        pytest.param(["diff", SESSION, "--set", "touch_slop_dp=far"], "touch_slop_dp", id="diff-value"),
        pytest.param(["view", "--follow", SESSION, SESSION], "--follow: expected one log", id="follow-two"),
    ],
)
def test_a_wrong_call_is_one_line_and_status_2(capsys, arguments, message):
    status, said = run(capsys, *arguments)

    assert status == 2
    assert message in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert said.out == ""


def test_diff_names_what_changed_and_why(capsys):
    status, said = run(capsys, "diff", SESSION, "--set", "touch_slop_dp=40")

    assert status == 0
    assert "between slop and drag" in said.out
    assert said.out.endswith("1 of 23 strokes changed\n")


def test_diff_takes_a_second_configuration(capsys, tmp_path):
    config = tmp_path / "other.toml"
    config.write_text("[gestures]\nfling_velocity_dp_s = 1500.0\n")
    status, said = run(capsys, "diff", "--json", "--against", str(config), SESSION)
    found = json.loads(said.out)

    assert status == 0
    assert {change["now"].split()[0] for change in found["changes"]} == {"drag"}
    assert [change["before"] for change in found["changes"]] == [6, 7, 13, 14]


def test_a_followed_log_is_printed_stroke_by_stroke_when_piped(capsys, monkeypatch, tmp_path):
    file = tmp_path / "live.touch.jsonl"
    whole = Path(SESSION).read_text().splitlines(keepends=True)
    parts = iter(["".join(whole[:count]) for count in (60, 400, len(whole))])
    file.write_text(next(parts))

    def wait(_):
        part = next(parts, None)
        if part is None:
            raise KeyboardInterrupt
        file.write_text(part)

    monkeypatch.setattr("capture.report.follow.follow.__kwdefaults__", {"wait": wait, "timer": lambda: 0.0})
    status, said = run(capsys, "view", "--follow", str(file))
    rows = [line.split("\t") for line in said.out.splitlines()]

    assert status == 130
    assert [int(row[0]) for row in rows] == list(range(23))
    assert rows[4][2] == "fling up"
