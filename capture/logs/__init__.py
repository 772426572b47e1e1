"""Recorded touch logs: `open_log` finds the format by content and reads it as a stream of samples."""

from __future__ import annotations

import glob
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

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
    "LogInfo",
    "Mark",
    "ReadOptions",
    "TouchLog",
    "detect",
    "find_logs",
    "open_log",
    "reader_of",
    "write",
]


#: Name of a format -> module, which has its reader as ``Log``; a log is tried on them in this order.
FORMATS = {
    "parquet": "capture.logs.parquet",
    "kvi": "capture.logs.kvi",
    "jsonl": "capture.logs.jsonl",
    "motionevent": "capture.logs.motionevent",
    "evemu": "capture.logs.evemu",
    "libinput": "capture.logs.libinput",
    "evtest": "capture.logs.evtest",
    "getevent": "capture.logs.getevent",
    "sendevent": "capture.logs.sendevent",
    "reran": "capture.logs.reran",
    "monkeyrecorder": "capture.logs.monkeyrecorder",
    "testfairy": "capture.logs.testfairy",
    "rrweb": "capture.logs.rrweb",
    "strokes": "capture.logs.strokes",
    "howweswipe": "capture.logs.howweswipe",
    "csv": "capture.logs.csv",
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
    log = reader_of(wanted or detect(source, options))(source, options)
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
        if reader_of(name).matches(head):
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
    """Return whether a file of a folder is a log: not hidden, and none of those that go with a log."""
    beside = file.suffix in _BESIDE_SUFFIXES or file.name.endswith(_MARKS_SUFFIX)
    if beside or file.name.startswith(".") or not file.is_file():
        return False
    try:
        detect(LogSource(str(file)))
    except TouchLogError:
        return False
    return True


def reader_of(name: str) -> type[TouchLog]:
    """Return the reader of a format of the table."""
    reader: type[TouchLog] = importlib.import_module(FORMATS[name]).Log
    return reader
