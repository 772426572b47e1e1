"""The work of ``capture buffer`` on a store, also while an app is using it.

`status` and `export` only read. `retry` and `purge` take the delivery lock, or ask the process that holds it.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from capture._native.journal_scan import walk
from capture.errors import ConfigError, StoreError
from capture.formats import FORMATS
from capture.settings import nearest
from capture.store.dead_letters import letter_files, read_letters
from capture.store.files import exists, files_of, read_at, store_bytes, write_private
from capture.store.locks import FileLock
from capture.store.maintenance import Answer, Request
from capture.store.queues import count_pending
from capture.store.recovery import Content
from capture.store.segment import OWN_NAME, UNSENT, wire_number
from capture.store.shared import Shared
from capture.store.sink_reports import SinkReport, read_reports
from capture.store.state import is_store, read_state
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.store.reader import Index

__all__ = ["BufferStatus", "ExportedEvent", "QueueStatus", "export", "purge", "retry", "status"]

#: How long (s) a command waits for the process that delivers, and how often it looks.
_WAIT_S = 10.0
_POLL_S = 0.02
_MOST = 1 << 30


class QueueStatus(msgspec.Struct, frozen=True):
    """Content of one queue.

    Attributes
    ----------
    name, format : str
        The sink's name and its wire format.
    pending : int
        Events that the sink has not acknowledged.
    sessions : int
        Sessions that they belong to.
    oldest_ms : int or None
        Time of the oldest (ms since the epoch).
    dead_letters : int
        Events that were given up.
    reason : str
        Why the newest of them was; empty for none.
    state : {"idle", "sending", "waiting", "paused"}
        As in `Capture.stats`. Of the process that delivers, or that did last: see `BufferStatus.delivering`.
    since : int or None
        When the sink began to fail (ms since the epoch); None while it is well.
    attempts : int
        Failed attempts since then.
    last_error : str
        The last failure; empty after a success.
    delivered, retried : int
        Events accepted and requests that failed, over all processes and starts.
    updated : int or None
        When the state changed last (ms since the epoch); None if nothing was sent yet.
    """

    name: str
    format: str
    pending: int
    sessions: int
    oldest_ms: int | None
    dead_letters: int
    reason: str = ""
    state: str = "idle"
    since: int | None = None
    attempts: int = 0
    last_error: str = ""
    delivered: int = 0
    retried: int = 0
    updated: int | None = None


class BufferStatus(msgspec.Struct, frozen=True):
    """A store at a glance.

    Attributes
    ----------
    path : str
        Its folder.
    bytes : int
        Size of its files.
    delivering : bool
        Whether a process delivers from it now.
    queues : list of QueueStatus
        One for each sink that ever was.
    damaged : int
        Damaged places that were found, and are among the dead letters.
    """

    path: str
    bytes: int
    delivering: bool
    queues: list[QueueStatus]
    damaged: int


class ExportedEvent(msgspec.Struct, frozen=True):
    """One stored event as it would be sent.

    Attributes
    ----------
    queue, format : str
        Queue and format of the event.
    session : int
        Its session.
    event_id : str
        Its id.
    payload : bytes
        The event.
    reason : str
        Why it was given up; empty while it is pending.
    user_id : str
        Of the user who recorded it; empty if the store has none.
    """

    queue: str
    format: str
    session: int
    event_id: str
    payload: bytes
    reason: str = ""
    user_id: str = ""


def status(folder: str | os.PathLike[str]) -> BufferStatus:
    """Inspect the store in `folder`.

    Raises
    ------
    StoreError
        When there is no store, or it cannot be read.
    """
    path, formats = _look(folder)
    _check_files(path)
    index = _index(path, formats)
    letters = list(read_letters(*letter_files(path)))
    reports, lock = read_reports(path), FileLock(path / "delivery.lock")
    delivering = exists(lock.path) and not lock.claim() and not lock.unavailable
    lock.release()
    queues = []
    for name, wire in sorted(formats.items()):
        own = [letter for letter in letters if letter.queue == name]
        sessions: dict[int, int] = {}
        oldest_ms = count_pending(index, name, sessions)
        report = msgspec.structs.asdict(reports.get(name, SinkReport()))
        del report["dropped"]
        if report["state"] == "sending" and not delivering:
            report["state"] = "idle"  # the sending process is gone
        queues.append(
            QueueStatus(
                name=name,
                format=wire,
                pending=sum(sessions.values()),
                sessions=len(sessions),
                oldest_ms=oldest_ms,
                dead_letters=len(own),
                reason=own[-1].reason if own else "",
                **{**report, "updated": report["updated"] or None},
            )
        )
    return BufferStatus(
        path=os.fspath(path),
        bytes=store_bytes(path),
        delivering=delivering,
        queues=queues,
        damaged=sum(not letter.queue for letter in letters),
    )


def export(folder: str | os.PathLike[str], *, dead: bool = False) -> Iterator[ExportedEvent]:
    """Read the pending events of every queue, or with `dead` the dead letters.

    Raises
    ------
    StoreError
        When there is no store, or it cannot be read.
    """
    path, formats = _look(folder)
    _check_files(path)
    if dead:
        for letter in read_letters(*letter_files(path)):
            facts = letter.queue, letter.format, letter.session, letter.event_id, letter.payload
            yield ExportedEvent(*facts, letter.reason, _owner(bytes.fromhex(letter.user_id)))
        return
    index = _index(path, formats)
    for name, wire in sorted(formats.items()):
        for segment in index.order:
            position = segment.positions.get(name)
            if position is None:
                continue
            try:
                data = segment.read(position.offset, _MOST)
            except FileNotFoundError:
                continue  # delivered, or given up, meanwhile
            except OSError as error:
                raise StoreError(f"{segment.path}: cannot be read: {error}") from error
            found = Content(segment.header, data, walk(data, segment.seed, True)[0])
            place = name, wire, segment.name.session
            for record in found.records:
                if record[2] == position.wire:
                    payload = found.payload(record)
                    yield ExportedEvent(*place, record[8], payload, "", _owner(segment.header.user_id))


def _owner(user_id: bytes) -> str:
    return str(uuid.UUID(bytes=user_id)) if user_id else ""


def retry(folder: str | os.PathLike[str], queue: str | None = None) -> int:
    """Put the dead letters of a queue, or of all, back into it; return how many.

    They are sent as events of their session, behind it.

    Raises
    ------
    ConfigError
        When there is no such queue.
    StoreError
        When there is no store, or it cannot be written.
    """
    _, formats = _look(folder)
    if queue is not None and queue not in formats:
        known = sorted(formats)
        raise ConfigError(f"queue = {queue!r}: {folder} has no such queue; {nearest(queue, known)}")
    return _change(folder, Request("retry", queue=queue))


def purge(folder: str | os.PathLike[str], *, dead_only: bool = False) -> int:
    """Drop the pending events and the dead letters; return their number.

    Parameters
    ----------
    folder : path-like
        Where the store is.
    dead_only : bool
        Keep the pending events.

    Raises
    ------
    StoreError
        When there is no store, or it cannot be written.
    """
    return _change(folder, Request("purge", dead_only=dead_only))


def _change(folder: str | os.PathLike[str], request: Request) -> int:
    path, formats = _look(folder)
    store = Store(path, formats=formats)
    try:
        if not store.claim_delivery():
            count = _ask(path, request, store.claim_delivery)
            if count is not None:
                return count
        if not store.delivers:
            raise StoreError(f"{path}: cannot be written")
        return store.handle(request)
    finally:
        store.close()


def _ask(folder: Path, request: Request, claim: Callable[[], bool]) -> int | None:
    """Leave a request and return its answer; None where this process may deliver, and can do it itself.

    Raises
    ------
    StoreError
        When the request cannot be written, or the process that delivers failed or did not answer.
    """
    name = f"request-{request.what}-{os.getpid()}-{time.monotonic_ns()}"
    path, done = folder / f"{name}.json", folder / f"{name}-done.json"
    try:
        write_private(folder / f"{name}.tmp", msgspec.json.encode(request)).rename(path)
    except OSError as error:
        raise StoreError(f"{folder}: the request cannot be written: {error}") from error
    wait_s = _WAIT_S
    end = time.monotonic() + wait_s
    try:
        while time.monotonic() < end:
            if done.exists():
                answer = msgspec.json.decode(done.read_bytes(), type=Answer)
                if answer.error:
                    raise StoreError(f"{folder}: {answer.error}")
                return answer.count
            if path.exists() and claim():
                return None
            time.sleep(_POLL_S)
    finally:
        for file in (path, done):
            with contextlib.suppress(OSError):
                file.unlink()
    raise StoreError(f"{folder}: the process that delivers did not answer within {wait_s:.0f} s; try again")


def _look(folder: str | os.PathLike[str]) -> tuple[Path, dict[str, str]]:
    """Return the folder of a store, and the queues that ever were."""
    path = Path(folder)
    if not is_store(path):
        raise StoreError(f"{path}: there is no store")
    try:
        sinks: dict[str, str] = (read_state(path) or {}).get("sinks") or {}
    except StoreError:
        sinks = _queues_of(path)
    if UNSENT in sinks and len(sinks) > 1:
        sinks = {name: wire for name, wire in sinks.items() if name != UNSENT}
    return path, sinks or {UNSENT: "native"}


def _index(path: Path, formats: dict[str, str]) -> Index:
    index = Shared(path, formats=formats).make_index(writes=False)
    try:
        index.refresh()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error
    return index


def _queues_of(path: Path) -> dict[str, str]:
    """Return the queues that segments have slots of: those of a store whose state is damaged."""
    wires = {wire_number(name): name for name in FORMATS}
    slots = [slot for segment in _index(path, {}).order for slot in segment.positions.values()]
    return {slot.queue: wires[slot.wire] for slot in slots if slot.wire in wires}


def _check_files(path: Path) -> None:
    """Refuse a store with a file that cannot be read: its events would be left out without a word."""
    for file in files_of(path):
        if OWN_NAME.fullmatch(file) and not file.endswith(".lock"):
            try:
                read_at(path / file, 0, 1)
            except FileNotFoundError:
                continue  # delivered, or given up, meanwhile
            except OSError as error:
                raise StoreError(f"{path / file}: cannot be read: {error.strerror}") from error
