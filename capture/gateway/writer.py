"""The writer: one segment of the journal at a time becomes files, each event once.

A segment's files are planned, written, and then committed with the ids of their events in one transaction;
only then the segment goes. If the process ends early, the segment is done again; uncommitted files are
deleted first.
"""

from __future__ import annotations

import calendar
import gzip
import logging
import os
import re
import shutil
import signal
import time
from collections import Counter
from pathlib import Path  # noqa: TC003 - a field
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from capture.formats.currents.avro import name_types, storage_row, to_file
from capture.formats.currents.files import records_in
from capture.gateway.forward import Outbox
from capture.gateway.ids import Ids, Keys
from capture.gateway.journal import lines_of, recover, segments
from capture.gateway.rows import HALVES, connect
from capture.gateway.state import Forgotten, State, finish_swaps
from capture.gateway.steps import step
from capture.gateway.unit import DAMAGED, Unit, record_keys
from capture.sinks.cloud_storage import integration_of, record_path
from capture.sinks.objects import open_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from capture.gateway.config import GatewayConfig
    from capture.gateway.unit import Lines

__all__ = ["Report", "Writer", "write_forever"]

_log = logging.getLogger("capture.gateway")
_LOOK_S = 0.5
_UPKEEP_S = 300.0
#: Records of a file, as the documented exports have them at most.
_MOST_RECORDS = 15_000
#: Stream whose offset means that the index has the ids of all files.
_INDEXED = "indexed"
_encode = msgspec.json.Encoder().encode


class Report(msgspec.Struct, kw_only=True):
    """Outcome of a unit: numbers of events, and bytes that were damaged."""

    rows: int
    duplicates: int
    conflicts: int
    quarantined: int
    forgotten: int
    damaged_bytes: int


class File(NamedTuple):
    """A file that is ready: its path, and where it is now."""

    path: str
    local: Path


class Writer:
    """Turns segments into files, in one output.

    Parameters
    ----------
    config : GatewayConfig
    wall_ms : callable
        Milliseconds since the epoch.
    """

    def __init__(
        self, config: GatewayConfig, *, wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._config = config
        self.now_ms = wall_ms
        open_state = State.of_member if config.kafka.brokers else State
        self.state = open_state(config.state_folder)
        self.scratch = self.state.folder / ".scratch"
        self.objects = open_objects(config.output.url, "output.url", config.base)
        self.ids = Ids(self.state, config.dedupe.window_days)
        self.forgotten = Forgotten(self.objects, self.scratch)
        self.connection = connect(self.scratch, config.output.memory_bytes)

    def close(self) -> None:
        """Close the databases."""
        self.connection.close()
        self.state.close()

    def prepare(self) -> None:
        """Finish or undo another process's work, inside a `State.unit`."""
        finish_swaps(self.state, self.objects)
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir(mode=0o700)
        self.forgotten.load()
        self.ids.drop()
        self.ids.sweep()

    def listed(self) -> dict[str, int]:
        """Return path -> size (bytes) of the files of events."""
        return {**self.objects.listed("events"), **self.objects.listed("events.currents")}

    def run_once(self) -> Report | None:
        """Write the oldest segment; return None if there is no segment."""
        with self.state.unit():
            self.prepare()
            if self.state.offset(_INDEXED) is None:
                self.index(self.listed(), _INDEXED, 1)
            recover(self._config.journal_folder)
            for path in segments(self._config.journal_folder):
                name = path.name.partition(".")[0]
                if self.state.has_segment(name):
                    path.unlink()  # it was committed, and the process ended
                    continue
                return self._write(path, name)
        return None

    def _write(self, path: Path, name: str) -> Report:
        step("writer.read")
        unit = self.unit(lambda damaged: ((*line, None) for line in lines_of(path, damaged)))
        files = list(self.files(unit, name, int(name.partition("-")[0]) // 10**9, 0))
        with self.state.transaction() as db:
            rows = [(file.path, "", _encode([file.path]).decode()) for file in files]
            db.executemany("INSERT OR REPLACE INTO swaps VALUES (?, ?, ?)", rows)
        for file in files:
            self._save(file)
        unit.outbox.publish(name)
        step("writer.commit")
        with self.state.transaction() as db:
            db.execute("INSERT INTO segments VALUES (?)", (name,))
            db.execute("DELETE FROM swaps")
            report = self.commit(unit, name)
        step("writer.committed")
        path.unlink()
        step("writer.unlinked")
        return report

    def _save(self, file: File) -> None:
        """Move a file to its place in the output."""
        step("writer.written")
        self.objects.move(file.local, file.path, replace=True)
        step("writer.renamed")

    def unit(self, lines: Lines, end: int | None = None) -> Unit:
        """Return the new events of lines, whose rows are in the file ``rows.parquet`` of the scratch folder.

        Parameters
        ----------
        lines : callable
            Takes a function to call with numbers of damaged bytes; returns the lines, each with its offset in
            a topic.
        end : int, optional
            The offset after them, for the file's metadata; the file is made even for no rows.
        """
        unreadable: dict[int, str] = {}
        while True:
            outbox = Outbox(self._config, self.scratch)
            unit = Unit(self.state, self.ids, self.forgotten, outbox, self.scratch, self.now_ms())
            unit.read(lines, unreadable)
            if not unit.rows and end is None:
                return unit
            wrong = unit.spool.save(self.connection, self.scratch / "rows.parquet", end)
            if not wrong:
                return unit
            unreadable |= wrong
            outbox.close()
            self.ids.drop()

    def files(self, unit: Unit, name: str, time_s: int, partition: int) -> Iterator[File]:
        """Yield the files of a unit, and count them; that of its rows is the first."""
        hour = time.gmtime(time_s)
        rows = self.scratch / "rows.parquet"
        if rows.exists():
            path = time.strftime(f"events/date=%Y-%m-%d/hour=%H/{name}.parquet", hour)
            unit.count_file(unit.rows, rows.stat().st_size)
            yield File(path, rows)
        ending = "json" if self._config.output.format == "jsonl" else "avro"
        for (project, event), records in unit.records.items():
            source = f"dataexport.prod-01.S3.integration.{integration_of(project)}"
            for start in range(0, len(records), _MOST_RECORDS):
                part = records[start : start + _MOST_RECORDS]
                place = partition, part[0][0]
                path = record_path(
                    source, event, time.strftime("%Y-%m-%d-%H", hour), "gateway", place,
                    version="current", ending=ending,
                )  # fmt: skip
                content = _content(event, [record for _, record in part], ending)
                unit.count_file(len(part), len(content))
                yield self._file(f"events.currents/{path}", content)
        if unit.quarantine:
            text = gzip.compress(b"".join(_encode(each) + b"\n" for each in unit.quarantine))
            yield self._file(time.strftime(f"quarantine/%Y-%m-%d/{name}.jsonl.gz", hour), text)

    def _file(self, path: str, content: bytes) -> File:
        local = self.scratch / f"{len(list(self.scratch.iterdir()))}.file"
        local.write_bytes(content)
        return File(path, local)

    def commit(self, unit: Unit, name: str) -> Report:
        """Note the outcome of a unit in a transaction."""
        self.ids.commit(self.now_ms())
        for stream, offset in unit.offsets.items():
            self.state.set_offset(stream, offset)
        totals: Counter[str] = Counter()
        for (total, project), number in unit.counts.items():
            self.state.add_total(total, project, number)
            totals[total] += number
        if totals[DAMAGED]:
            _log.warning("%s: %d damaged bytes were skipped", name, totals[DAMAGED])
        return Report(
            rows=totals["rows_total"],
            duplicates=totals["events_duplicate_total"],
            conflicts=totals["events_conflict_total"],
            quarantined=totals["events_set_aside_total"],
            forgotten=totals["events_forgotten_total"],
            damaged_bytes=totals[DAMAGED],
        )

    def index(self, paths: Iterable[str], stream: str, end: int) -> None:
        """Add the ids in files to the index, unless they are older than the window; set a stream's offset."""
        since_s = self.now_ms() // 1000 - self._config.dedupe.window_days * 86_400
        with self.state.transaction():
            for path in paths:
                if hour_of(path) >= since_s:
                    local = self.objects.fetch(path, self.scratch)
                    if path.endswith(".parquet"):
                        self._index_rows(local)
                    else:
                        self._index_records(path, list(records_in(local)))
            self.ids.commit(self.now_ms())
            self.state.set_offset(stream, end)

    def _index_rows(self, local: Path) -> None:
        query = f"SELECT project_id, {HALVES}, epoch_ms(time) FROM read_parquet(?)"  # noqa: S608 - its own text
        columns = self.connection.execute(query, [str(local)]).fetchnumpy().values()
        project, high, low, t = (np.asarray(column) for column in columns)
        for each in np.unique(project):
            mine = project == each
            keys = Keys(high[mine], low[mine], t[mine], np.zeros(mine.sum(), np.uint8))
            self.ids.find(int(each), "native", keys, self.now_ms())

    def _index_records(self, path: str, records: list[dict[str, Any]]) -> None:
        """Index the records of a file, and set the next offset of their stream."""
        found = re.search(r"event_type=([^/]+)/.*\+(\d+)\.\w+$", path)
        for project in [each.id for each in self._config.projects if integration_of(each.id) in path]:
            self.ids.find(project, "currents", Keys.of(*record_keys(records)), self.now_ms())
            if found is not None:
                stream, end = f"{project}/{found[1]}", int(found[2]) + len(records)
                self.state.set_offset(stream, max(end, self.state.offset(stream) or 0))


def hour_of(path: str) -> int:
    """Return the beginning (s) of the hour that a file's path names."""
    found = re.search(r"date=(\d{4})-(\d\d)-(\d\d)(?:/hour=|-)(\d\d)/", path)
    return calendar.timegm((*map(int, found.groups()), 0, 0)) if found else 0


def _content(event: str, records: list[dict[str, Any]], ending: str) -> bytes:
    """Return a file of records."""
    if ending == "json":
        return b"".join(_encode(storage_row(record)) + b"\n" for record in records)
    return to_file(event, map(name_types, records), "current", records[0]["id"].encode())


def write_forever(
    run_once: Callable[[], object],
    *,
    upkeep: Callable[[], object] = bool,
    once: bool = False,
    beside: int | None = None,
) -> None:
    """Write units as they are closed, until SIGTERM.

    Parameters
    ----------
    run_once : callable
        Writes a unit; returns None if there is nothing to write.
    upkeep : callable
        Called now and then when there is nothing to write.
    once : bool
        Whether to end when there is no unit left.
    beside : int, optional
        Process that starts it: it ends with that one.
    """
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
    if beside is not None:
        # Ctrl-C in a terminal reaches every process of the command; that process sends SIGTERM at its end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    next_upkeep = 0.0
    while not ended and beside in {None, os.getppid()}:
        if run_once() is not None:
            continue
        if once:
            return
        if time.monotonic() >= next_upkeep:
            upkeep()
            next_upkeep = time.monotonic() + _UPKEEP_S
        time.sleep(_LOOK_S)
