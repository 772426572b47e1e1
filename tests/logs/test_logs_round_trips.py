"""Each format that is read, written in each that is written, and read again: what is kept is the same."""

import itertools
import math
from pathlib import Path
from typing import NamedTuple

import pytest
from log_seeds import SEEDS

from capture import logs
from capture.errors import TouchLogError
from capture.gestures.kinds import Action

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "touch-logs.md").read_text(encoding="utf-8")
SCREEN = (1080, 2340)


class Holds(NamedTuple):
    """What a format holds; the docs have it as a row."""

    streams: bool = True
    marks: bool = True
    #: Samples without a stroke, places that are no numbers, a finger that comes down twice.
    anything: bool = True
    cancels: str = "kept"
    starts_at_0: bool = False


WRITTEN = {
    ".touch.jsonl": Holds(),
    ".parquet": Holds(),
    ".csv": Holds(marks=False),
    ".tsv": Holds(marks=False),
    ".kvi": Holds(False, False, False, "becomes an end", True),
    ".evemu": Holds(False, False, False, "SYN_DROPPED, or a lift beside other fingers"),
}
NAMES = {
    ".touch.jsonl": "`.jsonl`, `.parquet`",
    ".csv": "`.csv`, `.tsv`",
    ".kvi": "`.kvi`",
    ".evemu": "`.evemu`",
}
#: With a stroke that is canceled alone, one beside another finger, a finger that comes down twice, marks.
HARD = b"""{"info":{"width":1080,"height":2340,"density":2.5}}
{"mark":"screen","time":1000000000,"name":"Home"}
{"action":0,"time":1000000000,"x":10.5,"y":20.25}
{"action":2,"time":1016000000,"x":11.5,"y":22.25}
{"action":3,"time":1032000000,"x":11.5,"y":22.25}
{"pointer":1,"action":2,"time":1100000000,"x":1,"y":2}
{"action":0,"time":2000000000,"x":1,"y":2}
{"pointer":1,"action":0,"time":2008000000,"x":500,"y":600}
{"pointer":1,"action":3,"time":2016000000,"x":500,"y":600}
{"action":0,"time":3000000000,"x":5,"y":6}
{"action":2,"time":3008000000,"x":null,"y":6}
{"action":1,"time":3016000000,"x":7,"y":6}
{"mark":"transaction","time":3020000000,"value":20}
"""
SEVERAL = b'{"stream":0,"action":0,"time":1,"x":1,"y":2}\n{"stream":7,"action":0,"time":2,"x":1,"y":2}\n'
SOURCES = {**SEEDS, "hard": HARD, "several": SEVERAL}


def read(path):
    log = logs.open_log(path, options=logs.ReadOptions(screen=SCREEN))
    rows = [row for chunk in log.chunks() for row in chunk.rows()]
    return log, rows


def whole_strokes(rows):
    """Return the samples of strokes alone; a finger that comes down twice is canceled at its last sample."""
    down, kept = {}, []
    for stream, pointer, action, time, x, y in rows:
        if not (math.isfinite(x) and math.isfinite(y)) or (action != Action.DOWN and pointer not in down):
            continue
        if action == Action.DOWN and pointer in down:
            kept.append((stream, pointer, Action.CANCEL, *down[pointer]))
        down[pointer] = time, x, y
        if action in {Action.UP, Action.CANCEL}:
            del down[pointer]
        kept.append((stream, pointer, action, time, x, y))
    return kept


def held(rows, suffix, *, from_kvi):
    """Return what is left of samples in a format."""
    holds = WRITTEN[suffix]
    if not holds.anything:
        rows = whole_strokes(rows)
    start = rows[0][3] if rows and holds.starts_at_0 and not from_kvi else 0
    left, down = [], set()
    for stream, pointer, action, time, x, y in rows:
        alone = down <= {pointer}
        down = (
            down | {pointer} if action == Action.DOWN else down - {pointer} if action != Action.MOVE else down
        )
        if action == Action.CANCEL and (suffix == ".kvi" or (suffix == ".evemu" and not alone)):
            action = Action.UP  # noqa: PLW2901 - as the format has it
        stream = stream if holds.streams else 0  # noqa: PLW2901
        left.append((stream, pointer, int(action), time - start, x, y))
    return left


def close(found, expected, suffix):
    """Return whether samples are the same, as exactly as the format holds them."""
    if WRITTEN[suffix].anything:
        return str(found) == str(expected)
    return len(found) == len(expected) and all(
        mine[2] == other[2]
        and abs(mine[3] - other[3]) <= 1000
        and math.isclose(mine[4], other[4], abs_tol=1e-3)
        and math.isclose(mine[5], other[5], abs_tol=1e-3)
        for mine, other in zip(found, expected, strict=True)
    )


def written(source, target):
    """Write a log in a format; return the samples that are to be found there, None where it is refused."""
    log, rows = read(source)
    streams = {row[0] for row in rows}
    if len(streams) > 1 and not WRITTEN[target.name[1:]].streams:
        with pytest.raises(TouchLogError, match="several streams"):
            logs.write(log, target)
        return None
    logs.write(log, target)
    marks = len(read(source)[0].marks)
    assert log.lost["marks"] == (0 if WRITTEN[target.name[1:]].marks else marks)
    return held(rows, target.name[1:], from_kvi=log.info.format == "kvi")


@pytest.mark.parametrize("suffix", WRITTEN)
@pytest.mark.parametrize("name", SOURCES)
def test_each_format_that_is_read(tmp_path, name, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    source, target = tmp_path / "log", tmp_path / f"a{suffix}"
    source.write_bytes(SOURCES[name])
    expected = written(source, target)
    if expected is not None:
        found, rows = read(target)

        assert close(rows, expected, suffix)
        assert not WRITTEN[suffix].marks or found.marks == read(source)[0].marks


@pytest.mark.parametrize("suffix", WRITTEN)
def test_a_density_that_a_format_does_not_keep_is_told(tmp_path, suffix):
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    source, target = tmp_path / "log", tmp_path / f"a{suffix}"
    source.write_bytes(SOURCES["getevent"])
    log = logs.open_log(source, options=logs.ReadOptions(screen=(1080, 2340), density=2.0))

    logs.write(log, target)

    kept = logs.open_log(target).info.density == 2.0
    assert log.lost["density"] == (0 if kept else 1)
    assert kept == WRITTEN[suffix].marks


@pytest.mark.parametrize(("first", "second"), list(itertools.product(WRITTEN, WRITTEN)))
def test_every_pair_of_formats_that_are_written(tmp_path, first, second):
    if ".parquet" in {first, second}:
        pytest.importorskip("pyarrow")
    source, between, target = tmp_path / "log", tmp_path / f"a{first}", tmp_path / f"b{second}"
    source.write_bytes(HARD)
    assert written(source, between) is not None
    expected = written(between, target)

    assert close(read(target)[1], expected, second)


@pytest.mark.parametrize("suffix", NAMES)
def test_the_docs_say_what_a_format_cannot_hold(suffix):
    holds = WRITTEN[suffix]
    stray = "kept" if holds.anything else "left out"
    twice = "kept" if holds.anything else "canceled first, at its last sample's time"
    streams, marks = "several" if holds.streams else "one", "kept" if holds.marks else "left out"

    assert f"| {NAMES[suffix]} | {streams} | {marks} | {stray} | {twice} | {holds.cancels} |" in PAGE
