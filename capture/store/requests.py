"""Purge and retry from another process: a request file, which the process that delivers answers.

Only the holder of ``delivery.lock`` writes slots and deletes. A command that finds another holder leaves
``request-<what>-<n>.json`` and waits for ``request-<what>-<n>-done.json``.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import TYPE_CHECKING

import msgspec

from capture.errors import StoreError
from capture.store.recovery import files_of
from capture.store.state import write_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Request", "ask", "serve", "waiting_requests"]

_NAME = re.compile(r"request-(purge|retry)-(\d+-\d+)(-done)?\.json")
_WAIT_S = 10.0
_POLL_S = 0.02
#: An answer that nobody fetched goes after this time (s).
_STALE_S = 60.0


class Request(msgspec.Struct):
    """A request: a purge (of dead letters only), or a retry of dead letters (of a queue)."""

    what: str
    dead_only: bool = False
    queue: str | None = None


class _Answer(msgspec.Struct):
    count: int
    error: str = ""


def ask(folder: Path, request: Request, claim: Callable[[], bool], wait_s: float = _WAIT_S) -> int | None:
    """Leave a request and return its answer; None where this process may deliver, and can do it itself.

    Raises
    ------
    StoreError
        When no answer comes in time, or it failed.
    """
    name = f"request-{request.what}-{os.getpid()}-{time.monotonic_ns()}"
    path, answer = folder / f"{name}.json", folder / f"{name}-done.json"
    try:
        write_file(folder, "request", msgspec.json.encode(request)).rename(path)
    except OSError as error:
        raise StoreError(f"{folder}: the request cannot be written: {error}") from error
    end = time.monotonic() + wait_s
    try:
        while time.monotonic() < end:
            if answer.exists():
                found = msgspec.json.decode(answer.read_bytes(), type=_Answer)
                if found.error:
                    raise StoreError(f"{folder}: {found.error}")
                return found.count
            if path.exists() and claim():
                return None
            time.sleep(_POLL_S)
    finally:
        for file in (path, answer):
            with contextlib.suppress(OSError):
                file.unlink()
    raise StoreError(f"{folder}: the process that delivers did not answer within {wait_s:.0f} s; try again")


def waiting_requests(folder: Path) -> list[Path]:
    """Return the open requests, oldest first; stale ones are deleted."""
    found = []
    for file in sorted(files_of(folder)):
        name = _NAME.fullmatch(file)
        if name is None:
            continue
        path = folder / file
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_S:
                path.unlink()
            elif name[3] is None:
                found.append(path)
    return found


def serve(folder: Path, handle: Callable[[Request], int]) -> None:
    """Answer the requests of a folder: for the process that delivers."""
    for path in waiting_requests(folder):
        try:
            request = msgspec.json.decode(path.read_bytes(), type=Request)
            path.unlink()
        except (OSError, msgspec.DecodeError):
            with contextlib.suppress(OSError):
                path.unlink()
            continue
        try:
            answer = _Answer(handle(request))
        except (OSError, StoreError) as error:
            answer = _Answer(0, str(error))
        with contextlib.suppress(OSError):
            new = write_file(folder, "request", msgspec.json.encode(answer))
            new.rename(path.with_name(f"{path.stem}-done.json"))
