"""The writer: one segment of the journal at a time becomes files, each event once.

A file and the ids of its events are committed in one transaction; only then the segment goes. Whatever ends
the process, the segment is done again, and what was written but not committed is deleted first.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import os
import shutil
import signal
import time
from typing import TYPE_CHECKING, Any

import msgspec

from capture.gateway.currents import CurrentsFiles
from capture.gateway.ids import Ids
from capture.gateway.journal import lines_of, recover, segments, sync_folder
from capture.gateway.state import State
from capture.gateway.steps import step
from capture.gateway.swaps import finish_swaps
from capture.gateway.tables import Tables, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from capture.gateway.config import GatewayConfig

__all__ = ["Report", "Writer", "write_forever"]

_log = logging.getLogger("capture.gateway")
_LOOK_S = 0.5
_UPKEEP_S = 300.0
_encode = msgspec.json.Encoder().encode


class Report(msgspec.Struct, kw_only=True):
    """What became of a segment: numbers of events, and bytes that were damaged."""

    segment: str
    rows: int = 0
    duplicates: int = 0
    conflicts: int = 0
    quarantined: int = 0
    forgotten: int = 0
    damaged_bytes: int = 0


class _File(msgspec.Struct):
    """A file of a segment that is to be written."""

    path: str
    save: Any
    rows: int = 0
    times: tuple[int, int] | None = None


class Writer:
    """Turns segments into files, in one output folder.

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
        self._wall_ms = wall_ms
        self.state = State(config.output_folder)
        self._folder = self.state.folder
        self._ids = Ids(self.state, config.dedupe.window_days)
        self.connection = connect(self._folder, config.output.memory_bytes)
        self._totals: list[tuple[str, int, int]] = []

    def close(self) -> None:
        """Close the databases."""
        self.connection.close()
        self.state.close()
        shutil.rmtree(self._folder / ".spill", ignore_errors=True)

    def run_once(self) -> Report | None:
        """Write the oldest segment; return None where there is none."""
        with self.state.unit():
            recover(self._config.journal_folder)
            for path in segments(self._config.journal_folder):
                self._clear_plans()
                name = path.name.partition(".")[0]
                if self.state.has_segment(name):
                    path.unlink()  # it was committed, and the process ended
                    continue
                return self._write(path, name)
        return None

    def _clear_plans(self) -> None:
        """Delete files of a unit that was not committed."""
        finish_swaps(self.state)
        for (path,) in self.state.db.execute("SELECT path FROM plans").fetchall():
            (self._folder / path).unlink(missing_ok=True)
        self.state.db.execute("DELETE FROM plans")
        self._ids.drop()
        self._ids.sweep()

    def _write(self, path: Path, name: str) -> Report:
        report = Report(segment=name)
        self._totals = []
        step("writer.read")
        rows, records, quarantine = self._read(path, report)
        self._drop_forgotten(rows, report)
        self._drop_forgotten(records, report)
        self._drop_copies(rows, records, report)
        received_s = int(name.partition("-")[0]) / 1e9
        offsets: dict[str, int] = {}
        files = list(self._files(name, time.gmtime(received_s), rows, records, quarantine, offsets))
        self.state.db.executemany("INSERT OR REPLACE INTO plans VALUES (?)", [(file.path,) for file in files])
        written = [self._save(file) for file in files]
        step("writer.commit")
        report.rows = sum(file.rows for file in files)
        with self.state.transaction() as db:
            for file, size, digest in written:
                if not file.path.startswith("quarantine/"):
                    times = file.times or (None, None)
                    row = (file.path, name, file.rows, size, digest, *times)
                    db.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            self._commit(report, offsets)
        step("writer.committed")
        path.unlink()
        step("writer.unlinked")
        self._ids.sweep()
        return report

    def _commit(self, report: Report, offsets: dict[str, int]) -> None:
        now = self._wall_ms()
        self._ids.commit(now)
        values = msgspec.structs.astuple(report)
        self.state.db.execute("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*values, now))
        for total in self._totals:
            self.state.add_total(*total)
        rows = list(offsets.items())
        self.state.db.executemany("INSERT OR REPLACE INTO offsets VALUES (?, ?)", rows)
        self.state.db.execute("DELETE FROM plans")

    def _read(self, path: Path, report: Report) -> tuple[Tables, CurrentsFiles, list[dict[str, Any]]]:
        """Return native rows, Currents records, and what goes to the quarantine."""

        def damaged(count: int) -> None:
            report.damaged_bytes += count
            _log.warning("%s: %d damaged bytes were passed over", path.name, count)

        quarantine: list[dict[str, Any]] = []
        rows = Tables(self.connection, self._folder / ".segment.jsonl")
        records = CurrentsFiles("json" if self._config.output.format == "jsonl" else "avro")
        for line, batch in lines_of(path, damaged):
            place = {"project": line.project, "received": line.received, "wire": line.wire, "key": line.key}
            quarantine += [
                {**place, "index": each.index, "reason": each.reason, "event": each.event}
                for each in line.bad
            ]
            self._totals.append(("events_set_aside_total", line.project, len(line.bad)))
            (rows if line.wire == "native" else records).add(line, batch)
        rows.flush()
        for line, batch, reason in rows.failed:
            quarantine.append({**msgspec.to_builtins(line), "reason": reason, "batch": batch.decode()})
            self._totals.append(("events_set_aside_total", line.project, batch.count(b'"euid"')))
        report.quarantined = sum(count for name, _, count in self._totals if name == "events_set_aside_total")
        quarantine += [
            {"reason": "unknown fields; the record is in its file", **each} for each in records.extra
        ]
        return rows, records, quarantine

    def _drop_forgotten(self, events: Tables | CurrentsFiles, report: Report) -> None:
        forgotten = self.state.forgotten()
        if forgotten:
            users = [user for user in events.users() if self.state.user_hash(*user) in forgotten]
            for project, count in events.delete_users(users) if users else []:
                report.forgotten += count
                self._totals.append(("events_forgotten_total", project, count))

    def _drop_copies(self, rows: Tables, records: CurrentsFiles, report: Report) -> None:
        now = self._wall_ms()
        for project in rows.projects():
            rowids, keys = rows.keys(project)
            found = self._ids.find(project, "native", keys, now)
            rows.delete(rowids[found.is_copy])
            self._count_copies(project, found, report)
        for project in records.projects():
            found = self._ids.find(project, "currents", records.keys(project), now)
            records.keep(project, ~found.is_copy)
            self._count_copies(project, found, report)

    def _count_copies(self, project: int, found: Any, report: Report) -> None:
        copies = int(found.is_copy.sum())
        report.duplicates += copies
        report.conflicts += found.conflicts
        self._totals.append(("events_duplicate_total", project, copies))
        self._totals.append(("events_conflict_total", project, found.conflicts))

    def _files(  # noqa: PLR0917 - a segment and all that comes of it
        self,
        name: str,
        hour: time.struct_time,
        rows: Tables,
        records: CurrentsFiles,
        quarantine: list[dict[str, Any]],
        offsets: dict[str, int],
    ) -> Iterable[_File]:
        summary = rows.summary()
        count = sum(each[1] for each in summary)
        if summary:
            times = min(each[2] for each in summary), max(each[3] for each in summary)
            path = time.strftime(f"events/date=%Y-%m-%d/hour=%H/{name}.parquet", hour)
            yield _File(path, rows.save, count, times)

        def offset(stream: str, number: int) -> int:
            first = offsets.setdefault(stream, self.state.offset(stream))
            offsets[stream] += number
            return first

        for file in records.files(time.strftime("%Y-%m-%d-%H", hour), offset):
            yield _File(f"events.currents/{file.path}", _Bytes(file.content), file.rows, file.times)
        if quarantine:
            text = gzip.compress(b"".join(_encode(each) + b"\n" for each in quarantine))
            yield _File(time.strftime(f"quarantine/%Y-%m-%d/{name}.jsonl.gz", hour), _Bytes(text))
        for project, number in [*((each[0], each[1]) for each in summary), *records.counts()]:
            self._totals.append(("events_written_total", project, number))

    def _save(self, file: _File) -> tuple[_File, int, str]:
        """Write a file, bring it to the disk, and give it its name; return its size and hash."""
        target = self._folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = target.with_name(f".{target.name}.new")
        file.save(fresh)
        size, digest = finish(fresh)
        step("writer.written")
        fresh.rename(target)
        sync_folder(target.parent)
        step("writer.renamed")
        return file, size, digest


class _Bytes:
    """Content that is ready."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __call__(self, path: Path) -> None:
        path.write_bytes(self._content)


def finish(path: Path) -> tuple[int, str]:
    """Bring a written file to the disk, for its owner alone; return its size and SHA-256."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
    path.chmod(0o600)
    return size, digest


def write_forever(
    writer: Writer, *, upkeep: Callable[[], object] = bool, once: bool = False, beside: int | None = None
) -> None:
    """Write segments as they are closed, until SIGTERM.

    Parameters
    ----------
    writer : Writer
    upkeep : callable
        Called now and then when there is nothing to write.
    once : bool
        Whether to end when there is no segment left.
    beside : int, optional
        Process that starts it: it ends with that one.
    """
    ended: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
    next_upkeep = 0.0
    while not ended and beside in {None, os.getppid()}:
        if writer.run_once() is not None:
            continue
        if once:
            return
        if time.monotonic() >= next_upkeep:
            upkeep()
            next_upkeep = time.monotonic() + _UPKEEP_S
        time.sleep(_LOOK_S)
