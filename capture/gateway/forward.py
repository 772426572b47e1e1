"""Forward new events to sinks: each sink has a queue of files, which a `Delivery` sends.

A file has the new events of one segment. Each line is a project and one of its batches, with the header. The
file is written before the segment is committed, and removed after the sink acknowledged all: a sink
receives each event at least once. What is damaged in a file is skipped, and becomes a dead letter without
events.
"""

from __future__ import annotations

import contextlib
import gzip
import logging
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from capture.config import ProjectConfig, RunConfig
from capture.delivery import Delivery
from capture.delivery.base import DeliveryStore
from capture.gateway.journal import segments
from capture.gateway.state import NO_PROJECT
from capture.process import make_private_folder
from capture.sinks import configure, create
from capture.sinks.objects import open_objects
from capture.store.locks import FileLock
from capture.store.rows import StoredBatch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from capture.gateway.config import GatewayConfig
    from capture.sinks.objects import Objects

__all__ = ["DEAD_LETTERS", "Outbox", "forget_waiting", "forwarding", "waiting"]

_log = logging.getLogger("capture.gateway")
#: File of batches that a sink refused, in the folder of its queue.
DEAD_LETTERS = "dead-letters.jsonl"
_PLACE = "place.json"
_PUT_S = 60.0
#: Wire format -> key of a batch's events.
_KEYS = {"native": "pl", "currents": "events"}
#: Errors of a file whose rest is damaged; others of the system are tried again.
_DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error)
#: Errors of a damaged line.
_WRONG = (msgspec.MsgspecError, ValueError)
_encode = msgspec.json.Encoder().encode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class _Event(msgspec.Struct):
    """The fields of an event that are read, of either wire format."""

    euid: str = ""
    id: str = ""
    t: int = 0
    time: int = 0
    user_id: str = ""
    external_user_id: str | None = None


class _Batch(msgspec.Struct):
    """The fields of a batch that are read, of either wire format; `events` are of one user."""

    uid: str = ""
    pl: list[msgspec.Raw] = []
    events: list[msgspec.Raw] = []


_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_event = msgspec.json.Decoder(_Event).decode


class Outbox:
    """A file of new batches that is being made, for every sink.

    Parameters
    ----------
    config : GatewayConfig
    scratch : Path
        For the file until it is complete.
    """

    def __init__(self, config: GatewayConfig, scratch: Path) -> None:
        self._config, self._path = config, scratch / "forward"
        self._file = gzip.open(self._path, "wb", 1) if config.sinks else None  # noqa: SIM115 - closed by `close`

    def add(self, project: int, text: bytes) -> None:
        """Add a batch."""
        if self._file is not None:
            self._file.write(b"%d %b\n" % (project, text))

    def add_records(self, project: int, records: list[dict[str, Any]]) -> None:
        """Add Currents records, a batch for each user."""
        by_user: dict[str, list[dict[str, Any]]] = {}
        for record in records if self._file else ():
            by_user.setdefault(record["user_id"], []).append(record)
        for each in by_user.values():
            self.add(project, _encode({"events": each}))

    def close(self) -> None:
        """Complete the file, before another outbox begins it again."""
        if self._file is not None:
            self._file.close()

    def publish(self, segment: str) -> None:
        """Hand the batches of a segment to the sinks; once more is no harm."""
        self.close()
        if self._file is None:
            return
        queues, content = _queues(self._config), self._path.read_bytes()
        for sink in self._config.sinks:
            queues.put(f"{sink.name}/{segment}.jsonl.gz", content, _PUT_S)


class _Place(NamedTuple):
    """Position of a sink: a file, the number of a line, and of an event in the line."""

    name: str = ""
    line: int = 0
    event: int = 0


class _Queue(DeliveryStore):
    """The batches of one sink, as a `DeliveryStore`; one thread reads them."""

    def __init__(self, config: GatewayConfig, name: str, wire: str) -> None:
        self._name, self._wire, self._queues = name, wire, _queues(config)
        self._folder = config.forward_folder / name
        make_private_folder(self._folder)
        place = self._folder / _PLACE
        self._at = _Place(*msgspec.json.decode(place.read_bytes())) if place.exists() else _Place()
        self._lines = self._read()
        #: Header and events of the line that is being sent.
        self._project = b""
        self._header: dict[str, msgspec.Raw] = {}
        self._events: list[msgspec.Raw] = []
        self._damages = 0
        self._lock = FileLock(self._folder / "lock")

    def compose(self, wire: str, payloads: list[bytes], *owner: bytes) -> bytes:
        """Return events of the line that is being sent, with its own header."""
        del wire, owner
        return _encode({**self._header, _KEYS[self._wire]: [msgspec.Raw(payload) for payload in payloads]})

    def next_batch(
        self, queue: str, max_events: int, max_bytes: int, *, skip: Collection[int], apart: bool
    ) -> StoredBatch | None:
        """Return the next events of a line."""
        del skip, apart
        if self._at.event >= len(self._events) and not next(self._lines, False):
            self._lines = self._read()  # it ended: nothing waited, or a file could not be read
            if not next(self._lines, False):
                return None
        start = self._at.event
        payloads: list[bytes] = []
        for event in self._events[start : start + max_events]:
            if payloads and sum(map(len, payloads)) + len(event) > max_bytes:
                break
            payloads.append(bytes(event))
        known = [_decode_event(payload) for payload in payloads]
        return StoredBatch(
            queue=queue, format=self._wire, session=0, payloads=payloads,
            event_ids=[each.euid or each.id for each in known], oldest_ms=known[0].t or 1000 * known[0].time,
            place=self._at[:2], start=start, end=start + len(payloads), full=True,
        )  # fmt: skip

    def _read(self) -> Iterator[bool]:
        """Go on to the next line of the sink's wire format, and yield True; delete files that are done."""
        while waiting := segments(self._folder):
            path = waiting[0]
            if path.name != self._at.name:
                self._at = _Place(path.name)
            try:
                yield from self._read_file(path)
            except _DAMAGED as error:
                self._skip(path, error)
            self._events = []
            path.unlink(missing_ok=True)

    def _read_file(self, path: Path) -> Iterator[bool]:
        for line, whole in _lines_of(path):
            if line < self._at.line:
                continue
            if line > self._at.line:
                self._at = _Place(path.name, line)
            self._project, _, text = whole.partition(b" ")
            self._events = []
            try:
                batch, self._header = _decode_batch(text), _decode_fields(text)
            except _WRONG as error:
                self._skip(path, error)
                self._at = _Place(path.name, line + 1)  # it is said once
                continue
            self._events = batch.pl if self._wire == "native" else batch.events
            if self._at.event < len(self._events):
                yield True

    def _skip(self, path: Path, error: Exception) -> None:
        self._damages += 1
        _note_damage(path, error)

    def acknowledge(self, queue: str, batch: StoredBatch) -> bool:
        """Note how far the sink is."""
        del queue
        self._at = self._at._replace(event=batch.end)
        self._queues.put(f"{self._name}/{_PLACE}", _encode(self._at), _PUT_S)
        return True

    def move_to_dead_letters(self, queue: str, batch: StoredBatch, reason: str) -> bool:
        """Append a refused batch to a file."""
        lost = {**msgspec.json.decode(self.compose("", batch.payloads)), "reason": reason}
        _add_letter(self._folder, self._project, lost)
        return self.acknowledge(queue, batch)

    def dropped_of(self, queue: str) -> int:
        """Return how many lines and ends of files were damaged."""
        del queue
        return self._damages

    def claim_delivery(self) -> bool:
        """Become the process that sends, unless another one is; an OSError if there can be no lock."""
        return self._lock.claim_or_raise()

    def close(self) -> None:
        """Let another process send."""
        self._lock.release()

    def reached(self, queue: str, goal: Any) -> bool:
        """Return whether nothing is left."""
        del goal
        return self.next_batch(queue, 1, 1, skip=(), apart=False) is None

    def watch(self) -> _Watch:
        """Watch the waiting batches, which another process sends."""
        return _Watch(self._folder)

    def check_presence(self, *, deeply: bool = False) -> bool:
        """Return whether the folder is there."""
        del deeply
        return self._folder.is_dir()


class _Watch:
    """The batches that wait in a queue now; `capture.delivery.base.Watch` documents each call."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names, self._letters = self._waiting(), self._refused()

    def is_over(self) -> bool:
        """Return whether no file of then is left."""
        return not self._names & self._waiting()

    def has_lost(self) -> bool:
        """Return whether a sink refused something since."""
        return self._refused() != self._letters

    def _waiting(self) -> set[str]:
        return {path.name for path in segments(self._folder)}

    def _refused(self) -> int:
        path = self._folder / DEAD_LETTERS
        return path.stat().st_size if path.exists() else 0


def _lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield from enumerate(file)


def _add_letter(folder: Path, project: bytes, lost: dict[str, Any]) -> None:
    path = folder / DEAD_LETTERS
    path.touch(0o600)
    with path.open("ab") as file:
        file.write(b"%b %b\n" % (project, _encode(lost)))


def _note_damage(path: Path, error: Exception) -> None:
    """Log that something of a sink's file is damaged, and count it among the dead letters."""
    reason = type(error).__name__  # the text of an error may have that of the line
    _log.warning("%s: what is damaged is not sent: %s", path, reason)
    _add_letter(path.parent, b"%d" % NO_PROJECT, {"reason": f"{path.name} is damaged: {reason}"})


def _queues(config: GatewayConfig) -> Objects:
    return open_objects(str(config.forward_folder), "output.state", None)


def waiting(config: GatewayConfig) -> dict[str, int]:
    """Return the bytes that wait for each sink, and the number of its dead letters."""
    found = {}
    for sink in config.sinks:
        folder = config.forward_folder / sink.name
        found[f"forward_bytes {sink.name}"] = sum(path.stat().st_size for path in segments(folder))
        dead = folder / DEAD_LETTERS
        found[f"dead_letters {sink.name}"] = sum(1 for _ in _lines_of(dead)) if dead.exists() else 0
    return found


def forget_waiting(config: GatewayConfig, project: int, users: Collection[str]) -> None:
    """Empty the lines of users in the queues; lines keep their numbers, by which a sink's place is known.

    What is damaged goes as well: it may be theirs.
    """
    queues = _queues(config)
    for path in config.forward_folder.glob("*/*.jsonl*"):
        lines: list[bytes] = []
        left: list[bytes] = []
        damages: list[Exception] = []
        try:
            for _, text in _lines_of(path):
                lines.append(text)
                try:
                    is_theirs = _is_of(text, project, users)
                except _WRONG as error:
                    is_theirs = True
                    damages.append(error)
                left.append(b"%d {}\n" % project if is_theirs else text)
        except _DAMAGED as error:
            damages.append(error)
        if damages or left != lines:
            text = b"".join(left)
            text = gzip.compress(text, 1) if path.suffix == ".gz" else text
            queues.put(f"{path.parent.name}/{path.name}", text, _PUT_S)
        for each in damages:
            _note_damage(path, each)


def _is_of(text: bytes, project: int, users: Collection[str]) -> bool:
    owner, _, rest = text.partition(b" ")
    batch = _decode_batch(rest)
    user = _decode_event(batch.events[0]) if batch.events else _Event(user_id=batch.uid)
    return int(owner) == project and (user.user_id in users or user.external_user_id in users)


@contextlib.contextmanager
def forwarding(config: GatewayConfig, close_s: float = 5.0) -> Iterator[list[Delivery]]:
    """Open the queues of a gateway, a `Delivery` for each sink.

    Parameters
    ----------
    config : GatewayConfig
    close_s : float
        Time (s) that a sink has at the end; the rest waits for the next start.
    """
    run = RunConfig(project=ProjectConfig(id=config.projects[0].id), sinks=config.sinks)
    with contextlib.ExitStack() as opened:
        made = []
        for table in config.sinks:
            sink = create(table, base=config.base)
            configure([sink], run)
            queue = _Queue(config, sink.name, sink.formats[0])
            opened.callback(queue.close)
            made.append(Delivery(queue, [sink], config=run, compose=queue.compose, on_report=_report))
            opened.callback(made[-1].close, close_s)
        yield made


def _report(kind: str, sink: str, count: int, reason: str) -> None:
    if kind != "delivered":
        _log.warning("sink %s: %s: %s", sink, kind, reason or count)
