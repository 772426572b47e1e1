"""Recorded touch logs: `open_log` finds the format by content and reads it as a stream of samples."""

from __future__ import annotations

import glob
import importlib
import os
import re
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from capture.errors import TouchLogError
from capture.logs.base import LogInfo, Mark, ReadOptions, TouchLog
from capture.logs.causes import ASSUMED, CAUSES
from capture.logs.source import HEAD_BYTES, LogSource
from capture.logs.tables import looks_like_table
from capture.logs.wrapping import document_wrappings, pair_wrappings, wrappings

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
    "assumed",
    "detect",
    "find_logs",
    "may_be_log",
    "open_log",
    "reader_of",
    "write",
]


#: Name of a format -> module, which has its reader as ``Log``; a log is tried on them in this order.
FORMATS = {
    "parquet": "capture.logs.parquet",
    "evdevbinary": "capture.logs.evdevbinary",
    "kvi": "capture.logs.kvi",
    "jsonl": "capture.logs.jsonl",
    "uitouch": "capture.logs.uitouch",
    "motionevent": "capture.logs.motionevent",
    "evemu": "capture.logs.evemu",
    "libinput": "capture.logs.libinput",
    "libinputdebug": "capture.logs.libinputdebug",
    "inputevents": "capture.logs.inputevents",
    "tsprint": "capture.logs.tsprint",
    "evtest": "capture.logs.evtest",
    "getevent": "capture.logs.getevent",
    "sendevent": "capture.logs.sendevent",
    "adbinput": "capture.logs.adbinput",
    "luatouch": "capture.logs.luatouch",
    "monkey": "capture.logs.monkey",
    "reran": "capture.logs.reran",
    "monkeyrecorder": "capture.logs.monkeyrecorder",
    "testfairy": "capture.logs.testfairy",
    "rrweb": "capture.logs.rrweb",
    "w3c": "capture.logs.w3c",
    "strokes": "capture.logs.strokes",
    "howweswipe": "capture.logs.howweswipe",
    "json": "capture.logs.json",
    "csv": "capture.logs.csv",
}

#: Formats that a column map may be for: they are tried last.
_MAPPED = frozenset({"jsonl", "json", "csv"})
#: Formats that begin with a sign of their own, and those that are JSON and nothing else.
_UNWRAPPED = frozenset({"parquet", "jsonl"})
_DOCUMENTS = frozenset({"testfairy", "rrweb", "w3c"})
_BRACKETS = {b"[", b"{", b'"'}
#: Descriptions of devices, logs that are being written, and marks.
_BESIDE_SUFFIXES = (".desc", ".prop", ".device", ".part", ".marks.jsonl")
#: Files that are never logs: texts and pictures about logs, programs, pages.
_NO_LOGS = frozenset({
    ".md", ".rst", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".pdf", ".py", ".pyc", ".html", ".css", ".js",
    ".toml",
})  # fmt: skip

#: How files begin that hold logs in a way that is not read.
_ARCHIVES = {
    b"PK\3\4": "a zip archive or a workbook: unpack it, or save the sheet as CSV",
    b"7z\xbc\xaf": "a 7-Zip archive: unpack it",
    b"BZh": "compressed by bzip2: unpack it",
}

#: End of a file name -> module that writes such files.
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
        Facts that the log lacks.

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
    if wanted is not None and _found(source, columns=options.columns is not None) != wanted:
        source.wrapping = None
    log = reader_of(wanted or detect(source, options)).opened(source, options)
    if options.start_time_ms is not None:
        log.info = msgspec.structs.replace(log.info, start_ms=options.start_time_ms)
    return log


#: The header of a batch, and its first event.
_BATCH = re.compile(rb'\s*\{"pid":[^\n]{1,4000}?"pl":\[(?:\]|\{"ea":)')


def detect(source: LogSource, options: ReadOptions | None = None) -> str:
    """Return the name of the format that the head of a log is in.

    A wrapping of the log (`capture.logs.wrapping`) is noted in the source.

    Raises
    ------
    TouchLogError
        When it is none that is known.
    """
    columns = options is not None and options.columns is not None
    for sign, kind in _ARCHIVES.items():
        if source.head.startswith(sign):
            raise TouchLogError(f"is {kind}", path=source.path)
    if source.head[257:262] == b"ustar":
        raise TouchLogError("is a tar archive: unpack it", path=source.path)
    if not columns and _BATCH.match(source.text_head()):
        raise TouchLogError(
            "is a file of batches, with events and no touches; capture view and report show a batches.jsonl",
            path=source.path,
        )
    name = _found(source, columns=columns)
    if name is not None:
        return name
    kind = "a binary file" if b"\0" in source.head else "not a touch log of a known format"
    raise TouchLogError(
        f"is {kind}; tried: {', '.join(FORMATS)}; --format names one to read it as", path=source.path
    )


def _found(source: LogSource, *, columns: bool) -> str | None:
    """Return the name of the format of a log, or of the log wrapped in it; None if unknown."""
    source.wrapping = None
    head = source.text_head()
    name = _format_of(head, source.head, columns=columns)
    if name not in _UNWRAPPED and b"\0" not in head:
        whole = head[: head.rfind(b"\n") + 1] if len(source.head) >= HEAD_BYTES else head
        candidates = [wrappings(whole)]
        has_bracket = head.lstrip()[:1] in _BRACKETS
        # The text around the log is no other known format.
        is_open = name is None or (name == "json" and not has_bracket)
        if has_bracket and name not in _DOCUMENTS and not (columns and name in _MAPPED):
            candidates.append(document_wrappings(head))
        if name is None:
            candidates.append(pair_wrappings(whole))
        for wrapping in chain.from_iterable(candidates):
            inner = wrapping.head(whole if wrapping.by_lines else head)
            found = _format_of(inner, inner, columns=columns)
            if found is not None and (wrapping.tables or is_open or found not in _MAPPED):
                source.wrapping = wrapping
                return found
    return name


def _format_of(head: bytes, raw: bytes, *, columns: bool) -> str | None:
    """Return the name of the format that a head is in; None for none that is known."""
    # Text of a recorded page is no log of its own.
    first = sorted(_DOCUMENTS) if head.lstrip()[:1] in _BRACKETS else []
    for name in [*first, *FORMATS]:
        reader = reader_of(name)
        if name not in _MAPPED and (reader.matches(head) or (reader.binary and reader.matches(raw))):
            return name
    is_common = reader_of("jsonl").matches(head)
    if reader_of("json").matches(head) and (columns or not is_common):
        return "json"
    if is_common:
        return "jsonl"
    return "csv" if columns or reader_of("csv").matches(head) or looks_like_table(head) else None


def find_logs(
    paths: str | Path | Iterable[str | Path],
    options: ReadOptions | None = None,
    left_out: dict[str, str] | None = None,
) -> list[str]:
    """Return the logs in paths, folders and globs, in order.

    Of a folder those files are taken (in all its folders) whose content is a known format.

    Parameters
    ----------
    paths : path-like, or iterable of them
    options : ReadOptions, optional
        How the logs will be read: a table may need its column map.
    left_out : dict of str to str, optional
        Gets the files of folders that are no logs, with the reason.

    Raises
    ------
    TouchLogError
        When a folder or a glob has no log in it, or a path does not exist.
    """
    found: list[str] = []
    for given in map(str, [paths] if isinstance(paths, str | Path) else paths):
        path = Path(given)
        # os.path takes an unreadable path for absent, where Path raises.
        if given != "-" and os.path.isdir(given):  # noqa: PTH112
            before = len(found)
            for file in sorted(path.rglob("*")):
                if _is_beside(file):
                    continue
                reason = _reason(file, options)
                if not reason:
                    found.append(str(file))
                elif left_out is not None:
                    left_out[str(file)] = reason
            if len(found) == before:
                raise TouchLogError("has no touch log in it", path=given)
        elif given == "-" or os.path.exists(given):  # noqa: PTH110
            found.append(given)
        else:
            matched = sorted(glob.glob(given, recursive=True))  # noqa: PTH207 - the pattern may be absolute
            if not matched:
                raise TouchLogError("there is no such file", path=given)
            found += find_logs(matched, options, left_out)
    return found


def assumed(log: TouchLog, density: float | None, rotate: int | None) -> str:
    """Return the assumptions about screen, density, rotation and units in one line; "" if there are none.

    Parameters
    ----------
    log : TouchLog
        Read to its end.
    density : float or None
        The density that was given (px per dp).
    rotate : int or None
        The rotation that was given (degrees).
    """
    size = {"width": log.info.width, "height": log.info.height}
    said = [text.format(**size) for cause, text in ASSUMED.items() if log.warnings.get(cause)]
    if density is None and log.info.density is None:
        said.append("1 px is 1 dp (--density)")
    if said and rotate is None and log.turns:
        said.append("not turned (--rotate)")
    return f"assumed: {'; '.join(said)}" if said else ""


def write(log: Writable, path: str | Path) -> None:
    """Write a log to a file whose name has the format: ``.touch.jsonl``, ``.csv``, ``.parquet``, ...

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


def may_be_log(path: str) -> bool:
    """Return whether a file that was left out of a folder may be a log all the same, by its name."""
    return Path(path).suffix.lower() not in _NO_LOGS


def _is_beside(file: Path) -> bool:
    """Return whether a file of a folder is none to look at: hidden, or one of those that go with a log."""
    return file.name.startswith(".") or file.name.endswith(_BESIDE_SUFFIXES) or not file.is_file()


def _reason(file: Path, options: ReadOptions | None) -> str:
    """Return why a file is no log; "" for one that is."""
    options = options or ReadOptions()
    try:
        source = LogSource(str(file))
        name = options.format or detect(source, options)
        if name in _MAPPED or name == "parquet":
            # A table may need a column map.
            reader_of(name).opened(source, options)
    except TouchLogError as error:
        reason = str(error).removeprefix(str(file)).lstrip(":0123456789 ")
        return "unknown format" if reason.startswith("is not a touch log of a known") else reason
    return ""


def reader_of(name: str) -> type[TouchLog]:
    """Return the reader of a format of the table."""
    reader: type[TouchLog] = importlib.import_module(FORMATS[name]).Log
    return reader
