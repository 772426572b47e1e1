"""What other tools put around a log changes nothing, and damage changes no more than where it is.

Each format's own short log and, with ``../shared`` there, the real recordings below 100 kB; `make soak` makes
200 of each and takes the larger ones too.
"""

import os
import random
from pathlib import Path

import pytest
from log_seeds import SEEDS

from capture import logs
from capture.errors import TouchLogError

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


def _odd(chance, lines, at):
    lines.insert(at, chance.choice(["null", '{"x": "seven"}', "?????", "[ 99.000000 ] nothing", "#" * 300]))


def _swapped(chance, lines, at):
    other = min(len(lines) - 1, at + chance.randint(1, 5))
    lines[at], lines[other] = lines[other], lines[at]


def _doubled(_, lines, at):
    lines.insert(at, lines[at])


DAMAGES = [_cut, _odd, _swapped, _doubled]


@pytest.mark.parametrize("data", LOGS)
def test_damage_changes_nothing_before_it(tmp_path, data):
    path = tmp_path / "log"
    name = name_of(path, data)
    if name in DOCUMENTS | {"evdevbinary", "parquet", "sendevent"}:
        pytest.skip("is no log of lines")
    text = data.decode("utf-8", "replace")
    lines = text.split("\n")
    chance = random.Random(text[:1000])
    for _ in range(MUTATIONS):
        at = chance.randrange(len(lines) // 2, len(lines))
        changed = list(lines)
        chance.choice(DAMAGES)(chance, changed, at)
        try:
            before = read(path, "\n".join([*lines[:at], ""]).encode(), name)[1]
        except TouchLogError:
            continue
        found = read(path, "\n".join(changed).encode(), name)[1]

        # Whether a device speaks another protocol, and how large its values are, may show later only.
        assert str(found[: len(before)]) == str(before)


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
