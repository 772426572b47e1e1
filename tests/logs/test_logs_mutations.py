"""What other tools put around a log changes nothing, and damage changes no more than where it is.

Each format's own short log and, with ``../shared`` there, the real recordings below 100 kB; `make soak` makes
200 of each and takes the larger ones too.
"""

import os
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from log_seeds import SEEDS

from capture import logs
from capture.errors import TouchLogError
from capture.gestures.kinds import Action

SHARED = Path(__file__).parents[3] / "shared"
SOAK = bool(os.environ.get("CAPTURE_SOAK"))
MUTATIONS = 200 if SOAK else 5
LARGEST = 10_000_000 if SOAK else 100_000
#: Formats that are no lines of text, or one document.
DOCUMENTS = {"strokes", "testfairy", "rrweb", "w3c", "json"}
NO_LOGS = {".md", ".desc", ".prop"}

AROUND = {
    "indented": lambda line, _: "    " + line,
    "tabbed": lambda line, _: "\t" + line,
    "quoted": lambda line, _: "> " + line,
    "quoted-twice": lambda line, _: "> > " + line,
    "barred": lambda line, _: "app_1  | " + line,
    "numbered": lambda line, number: f"{number:6d}\t{line}",
    "numbered-with-colon": lambda line, number: f"{number}: {line}",
    "coloured": lambda line, _: f"\x1b[1;32m{line}\x1b[0m",
    "with-a-time": lambda line, number: f"2024-05-02 10:11:{number % 60:02d}.{number % 1000:03d} {line}",
    "with-a-time-in-brackets": lambda line, number: f"[2024-05-02T10:11:{number % 60:02d}Z] {line}",
    "with-a-journal": lambda line, number: f"May 02 10:11:{number % 60:02d} kiosk cat[{number}]: {line}",
    "cr-lf": lambda line, _: line + "\r",
    "cr-cr-lf": lambda line, _: line + "\r\r",
    "with-hard-blanks": lambda line, _: f"\u00a0\u00a0{line}",
    "of-a-diff": lambda line, _: "+" + line,
    "of-grep": lambda line, number: f"logs/a.txt:{number}:{line}",
    "with-a-time-of-logcat": lambda line, number: (
        f"05-02 10:11:12.{number % 999:03d}  12  45 I touch: {line}"
    ),
    "marked": lambda line, _: "﻿" + line,
}


def recordings():
    folders = (SHARED / "touchlogs", SHARED / "touchlogs-more")
    return [
        pytest.param(path.read_bytes(), id=f"{path.parent.name}-{path.name}")
        for folder in folders
        for path in sorted(folder.glob("*/*"))
        if path.suffix not in NO_LOGS and path.stat().st_size <= LARGEST
    ]


LOGS = [pytest.param(data, id=name) for name, data in SEEDS.items()] + recordings()


def read(path, data, name=None):
    path.write_bytes(data)
    log = logs.open_log(path, format=name)
    rows = [row for chunk in log.chunks() for row in chunk.rows()]
    assert sum(log.counts.values()) == 2 * log.counts["read"]
    return log, rows


def name_of(path, data):
    try:
        return read(path, data)[0].name
    except TouchLogError:
        pytest.skip("needs an option")


@pytest.mark.parametrize("data", LOGS)
def test_what_stands_around_the_lines_changes_nothing(tmp_path, data):
    name = name_of(tmp_path / "log", data)
    if name == "parquet" or (name == "evdevbinary" and b"\0" in data):
        pytest.skip("is no text")
    text = data.decode("utf-8", "replace").replace("\r", "")
    _, rows = read(tmp_path / "log", text.encode(), name)
    chance = random.Random(text[:1000])
    kinds = list(AROUND) if SOAK or len(data) < 2000 else chance.sample(list(AROUND), MUTATIONS)
    for kind in kinds:
        if name == "uitouch" and kind.startswith("with-a-"):
            # The time of the line is the time of the touch.
            continue
        around = AROUND[kind]
        lines = [around(line, number) for number, line in enumerate(text.rstrip("\n").split("\n"), 1)]
        log, found = read(tmp_path / "log", "\n".join(lines).encode(), None)

        assert (kind, log.name) == (kind, name)
        assert str(found) == str(rows), kind
    log, found = read(tmp_path / "log", text.encode("utf-16"))
    assert str(found) == str(rows)


def _cut(chance, lines, at):
    lines[at] = lines[at][: chance.randrange(len(lines[at]) or 1)]
    return at


def _odd(chance, lines, at):
    lines.insert(at, chance.choice(["null", '{"x": "seven"}', "?????", "[ 99.000000 ] nothing", "#" * 300]))
    return at - 1


def _swapped(chance, lines, at):
    other = min(len(lines) - 1, at + chance.randint(1, 5))
    lines[at], lines[other] = lines[other], lines[at]
    return other


def _doubled(_, lines, at):
    lines.insert(at, lines[at])
    return at


#: Each changes lines from `at` on, and returns the last line of the log as it was that is concerned.
DAMAGES = [_cut, _odd, _swapped, _doubled]
#: The last line of a frame, and of a record that takes several lines.
FRAME_ENDS = re.compile(
    r"SYN_REPORT|\b0000 0000 0000|E: \S+ 0000 0000|EV_SYN code=0|EV_SYN \(0\), code 0|, *0, *0, *0\]"
    r"|type 0 .*code 0|sendevent \S+ 0 0 0|,0,0,0$"
)
FRAMED = {"evemu", "evtest", "getevent", "libinput", "inputevents", "sendevent", "reran"}


def strokes(rows, *, timed):
    """Return (first row, last row, samples) of each stroke; from 0 where the times are made up."""
    down, found = {}, []
    for index, (stream, pointer, action, time, x, y) in enumerate(rows):
        finger = stream, pointer
        if action == Action.DOWN and finger in down:
            found.append(down.pop(finger))
        if action == Action.DOWN:
            down[finger] = index, index, []
        if finger in down:
            first, _, samples = down[finger]
            begun = samples[0][4] if samples and not timed else 0 if timed else time
            samples.append((action, time - begun, str(x), str(y), begun))
            down[finger] = first, index, samples
            if action in {Action.UP, Action.CANCEL}:
                found.append(down.pop(finger))
    return [
        (first, last, tuple(sample[:4] for sample in samples))
        for first, last, samples in [*found, *down.values()]
    ]


def concerned(name, lines, first, last):
    """Return the lines around those that were changed that belong to the same frame or record."""
    if name in DOCUMENTS:
        while last < len(lines) - 1 and ("}" not in lines[last] or last < first):
            last += 1
        while first > 0 and "{" not in lines[first]:
            first -= 1
    if name in FRAMED:
        last += 1
        while last < len(lines) - 1 and not FRAME_ENDS.search(lines[last]):
            last += 1
    return first, last


def samples_until(path, lines, name):
    try:
        return len(read(path, "\n".join([*lines, ""]).encode(), name)[1])
    except TouchLogError:
        return 0


def first_sample_line(path, lines, name):
    """Return the first line behind the head of a log: that with its first sample."""
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high) // 2
        if samples_until(path, lines[: middle + 1], name):
            high = middle
        else:
            low = middle + 1
    return low


def damaged_strokes(path, data):
    """Damage lines of a log; return how many unchanged strokes there were and which of them were lost."""
    name = name_of(path, data)
    if name == "parquet" or (name == "evdevbinary" and b"\0" in data):
        return 0, []
    text = data.decode("utf-8", "replace")
    lines = text.split("\n")
    log, rows = read(path, data, name)
    timed = "no_clock" not in log.warnings and name not in {"w3c", "luatouch"}
    whole = strokes(rows, timed=timed)
    begin = first_sample_line(path, lines, name)
    if begin >= len(lines) - 2:
        return 0, []
    chance = random.Random(text[:1000])
    checked, lost = 0, []
    for _ in range(MUTATIONS):
        at = chance.randrange(begin, len(lines) - 1)
        changed = list(lines)
        last = chance.choice(DAMAGES)(chance, changed, at)
        first, last = concerned(name, lines, at, last)
        before = samples_until(path, lines[:first], name)
        after = samples_until(path, lines[: last + 1], name)
        found = strokes(read(path, "\n".join(changed).encode(), name)[1], timed=timed)
        left = Counter(samples for _, _, samples in found)
        unchanged = [samples for begun, ended, samples in whole if ended < before or begun >= after]
        checked += len(unchanged)
        missing = (Counter(unchanged) - left).elements()
        lost += [(at, lines[at], changed[at], samples[:2]) for samples in missing]
    return checked, lost


@pytest.mark.parametrize("data", LOGS)
def test_strokes_without_a_changed_line_come_out_right(tmp_path, data):
    checked, lost = damaged_strokes(tmp_path / "log", data)

    # Fingers without ids are told apart by their places: one that is damaged may mislead the next.
    assert lost[max(1, checked // 200) :] == []


@pytest.mark.parametrize("name", ["rrweb", "testfairy", "json", "w3c"])
def test_a_document_that_was_cut_keeps_its_whole_records(tmp_path, name):
    data = SEEDS[name]
    _, rows = read(tmp_path / "log", data, name)
    for size in range(len(data) // 3, len(data) - 1, 7):
        try:
            log, found = read(tmp_path / "log", data[:size], name)
        except TouchLogError:
            continue

        assert set(found) <= set(rows)
        assert log.warnings["cut_off"] == 1 or str(found) == str(rows)
