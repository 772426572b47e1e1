"""Recorded touch logs: `open_log` finds the format by content and reads it as a stream of samples."""

from __future__ import annotations

import glob
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import TouchLogError
from capture.logs.base import CAUSES, LogInfo, Mark, ReadOptions, TouchLog
from capture.logs.source import LogSource

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.logs.writing import Writable

__all__ = [
    "CAUSES",
    "FORMATS",
    "Format",
    "LogInfo",
    "Mark",
    "ReadOptions",
    "TouchLog",
    "detect",
    "find_logs",
    "open_log",
    "write",
]


class Format(msgspec.Struct, frozen=True):
    """A line of the table of formats: module, what it is, a line of it as an example."""

    module: str
    description: str
    example: str
    suffixes: tuple[str, ...] = ()
    untried: bool = False  # no real file was at hand when the reader was written


#: The formats, in the order in which a log is tried on them.
FORMATS: dict[str, Format] = {
    "parquet": Format(
        "parquet", "Parquet: the six columns, or any by a column map", "PAR1...", (".parquet",)
    ),
    "kvi": Format(
        "kvi", "Kivy's recorder", "(1.152, 'begin', 2, {'is_touch': True, 'sx': 0.39, 'sy': 0.72})", (".kvi",)
    ),
    "jsonl": Format(
        "jsonl",
        "the common form: info, samples and marks as JSON lines",
        '{"action": 0, "time": 1000000, "x": 10.0, "y": 20.0}',
        (".jsonl",),
    ),
    "motionevent": Format(
        "motionevent",
        "log lines with Android's MotionEvent, copies of other layers left out",
        "MotionEvent { action=ACTION_DOWN, id[0]=0, x[0]=642.5, y[0]=887.0, ... }",
    ),
    "evemu": Format(
        "evemu",
        "evemu-record, its description inside or beside it",
        "E: 0.000001 0003 0035 861",
        (".evemu", ".events", ".event"),
    ),
    "libinput": Format(
        "libinput",
        "libinput record (YAML)",
        "- [  0,  81233,   3,  57,  46] # EV_ABS / ABS_MT_TRACKING_ID",
        (".yml", ".yaml"),
        untried=True,
    ),
    "evtest": Format(
        "evtest",
        "evtest, and python-evdev's evtest",
        "Event: time 1714664083.841958, type 3 (EV_ABS), code 53 (ABS_MT_POSITION_X), value 404",
    ),
    "getevent": Format(
        "getevent",
        "Android's getevent -lt or -t, with the header of -lp or without",
        "[    1193.605705] EV_ABS       ABS_MT_POSITION_X    00000213",
        (".getevent",),
    ),
    "sendevent": Format(
        "sendevent", "shell scripts of sendevent lines", "sendevent /dev/input/event2 3 53 479", (".sh",)
    ),
    "reran": Format("reran", "RERAN's translated logs", "2,3,53,479", untried=True),
    "monkeyrecorder": Format(
        "monkeyrecorder", "MonkeyRecorder scripts", "TOUCH|{'x':536,'y':1708,'type':'downAndUp',}", (".mr",)
    ),
    "testfairy": Format(
        "testfairy",
        "TestFairy session data",
        '{"input": [{"x": 566, "y": 1140, "act": 0, "t": 0, "ts": 6.16}]}',
    ),
    "rrweb": Format(
        "rrweb",
        "rrweb session replays",
        '[{"type": 3, "data": {"source": 2, "type": 7, "x": 1, "y": 2}, ...}]',
    ),
    "strokes": Format(
        "strokes", "stroke XML of $1, $N and MMG", '<Point X="51" Y="23" T="1302212416386" />', (".xml",)
    ),
    "howweswipe": Format(
        "howweswipe",
        "the How We Swipe data set",
        "is_she_done_yet 1581260810918 393 224 touchstart 293 13 0.18 0.18 0 is 1",
    ),
    "csv": Format(
        "csv", "CSV or TSV: the six columns, or any by a column map", "action,time,x,y", (".csv", ".tsv")
    ),
}

#: Descriptions of devices, and logs that are being written.
_BESIDE_SUFFIXES = {".desc", ".prop", ".device", ".part"}
_MARKS_SUFFIX = ".marks.jsonl"

#: End of a file name -> module that writes what is called so.
_WRITERS = {
    ".jsonl": "jsonl",
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".kvi": "kvi",
    ".evemu": "evemu_writer",
    ".events": "evemu_writer",
    ".event": "evemu_writer",
}


def open_log(
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - as the option of the command line is called
    options: ReadOptions | None = None,
) -> TouchLog:
    """Open a recorded touch log.

    Parameters
    ----------
    path : str or Path
        A file, compressed or not; ``-`` is standard input.
    format : str, optional
        Name of the format (`FORMATS`); else that of `options`, else it is found by content.
    options : ReadOptions, optional
        What the log does not say.

    Raises
    ------
    TouchLogError
        When the log cannot be read or its format is not known.
    """
    options = options or ReadOptions()
    source = LogSource(str(path))
    wanted = format or options.format
    if wanted is not None and wanted not in FORMATS:
        known = ", ".join(FORMATS)
        raise TouchLogError(f"unknown format {wanted!r}; known are: {known}", path=source.path)
    name = wanted or detect(source, options)
    log: TouchLog = _module(name).Log(source, options)
    if options.start_time_ms is not None:
        log.info = msgspec.structs.replace(log.info, start_ms=options.start_time_ms)
    return log


def detect(source: LogSource, options: ReadOptions | None = None) -> str:
    """Return the name of the format that the head of a log is in.

    Raises
    ------
    TouchLogError
        When it is none that is known.
    """
    head = source.text_head()
    for name in FORMATS:
        if _module(name).Log.matches(head):
            return name
    if options is not None and options.columns is not None:
        return "csv"
    kind = "a binary file" if b"\0" in head else "not a touch log of a known format"
    raise TouchLogError(
        f"is {kind}; tried: {', '.join(FORMATS)}; --format names one to read it as", path=source.path
    )


def find_logs(paths: Iterable[str | Path]) -> list[str]:
    """Return the logs that paths, folders and globs stand for, in order.

    Of a folder those files are taken (in all its folders) whose content is a known format.

    Raises
    ------
    TouchLogError
        When a folder or a glob has no log in it, or a path does not exist.
    """
    found: list[str] = []
    for given in map(str, paths):
        path = Path(given)
        # os.path takes what cannot be looked at for absent, where Path raises.
        if given != "-" and os.path.isdir(given):  # noqa: PTH112
            inside = [str(file) for file in sorted(path.rglob("*")) if _is_log(file)]
            if not inside:
                raise TouchLogError("has no touch log in it", path=given)
            found += inside
        elif given == "-" or os.path.exists(given):  # noqa: PTH110
            found.append(given)
        else:
            matched = sorted(glob.glob(given, recursive=True))  # noqa: PTH207 - the pattern may be absolute
            if not matched:
                raise TouchLogError("there is no such file", path=given)
            found += find_logs(matched)
    return found


def write(log: Writable, path: str | Path) -> None:
    """Write a log to a file whose name says the format: ``.touch.jsonl``, ``.csv``, ``.parquet``, ...

    The file is there when it is whole: it is written beside its place first.
    """
    target = Path(path)
    name = target.name.lower()
    module = next((module for suffix, module in _WRITERS.items() if name.endswith(suffix)), None)
    if module is None:
        raise TouchLogError(
            f"no format is written under this name; it ends in one of {', '.join(_WRITERS)}", path=str(path)
        )
    partial = target.with_name(target.name + ".part")
    try:
        with partial.open("wb") as file:
            importlib.import_module(f"capture.logs.{module}").write(log, file, target)
        partial.replace(target)
    except OSError as error:
        raise TouchLogError(f"cannot be written: {error.strerror}", path=str(path)) from error
    finally:
        partial.unlink(missing_ok=True)


def _is_log(file: Path) -> bool:
    """Tell whether a file of a folder is a log: not hidden, and none of those that go with a log."""
    beside = file.suffix in _BESIDE_SUFFIXES or file.name.endswith(_MARKS_SUFFIX)
    if beside or file.name.startswith(".") or not file.is_file():
        return False
    try:
        detect(LogSource(str(file)))
    except TouchLogError:
        return False
    return True


def _module(name: str) -> Any:
    return importlib.import_module(f"capture.logs.{FORMATS[name].module}")
