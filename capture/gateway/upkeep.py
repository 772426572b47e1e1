"""What is done to files later: merging those of an hour, deleting old ones, and forgetting users."""

from __future__ import annotations

import calendar
import gzip
import io
import time
from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import StoreError
from capture.gateway.journal import segments
from capture.gateway.swaps import FileRow, finish_swaps, fresh_path, swap
from capture.gateway.tables import ORDER, PARQUET, quoted
from capture.gateway.writer import finish
from capture.optional import require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from capture.gateway.config import GatewayConfig
    from capture.gateway.writer import Writer

__all__ = ["Forgotten", "compact", "delete_old", "forget"]

_COLUMNS = "path, segment, rows, bytes, sha256, min_t, max_t"


class Forgotten(msgspec.Struct):
    """What `forget` deleted."""

    users: int = 0
    files: int = 0
    rows: int = 0
    #: Segments of running doors, which are written without these users when they are closed.
    open_segments: int = 0


def _files(writer: Writer, pattern: str) -> list[FileRow]:
    query = f"SELECT {_COLUMNS} FROM files WHERE path GLOB ? ORDER BY path"  # noqa: S608 - its own text
    return [FileRow(*row) for row in writer.state.db.execute(query, (pattern,))]


def _hour_ms(path: str) -> int:
    """Return the beginning of a file's hour: ``events/date=2026-01-31/hour=07/...``."""
    date, hour = (part.partition("=")[2] for part in path.split("/")[1:3])
    return calendar.timegm(time.strptime(f"{date} {hour}", "%Y-%m-%d %H")) * 1000


def compact(writer: Writer, config: GatewayConfig, now_ms: int) -> int:
    """Merge the Parquet files of every hour that is over; return how many files are gone."""
    hours: dict[str, list[FileRow]] = {}
    with writer.state.unit():
        finish_swaps(writer.state)
        for row in _files(writer, "events/*"):
            if _hour_ms(row.path) + 3_600_000 + config.output.compact_after_s * 1000 <= now_ms:
                hours.setdefault(row.path.rpartition("/")[0], []).append(row)
    gone = 0
    for rows in hours.values():
        for group in _groups(rows, config.output.target_bytes):
            with writer.state.unit():
                finish_swaps(writer.state)
                gone += _merge(writer, group)
    return gone


def _groups(rows: list[FileRow], most_bytes: int) -> Iterator[list[FileRow]]:
    """Yield files to merge: each of the groups is a file of at most the target size."""
    group: list[FileRow] = []
    for row in rows:
        if group and sum(each.bytes for each in group) + row.bytes > most_bytes:
            yield group
            group = []
        group.append(row)
    yield group


def _merge(writer: Writer, group: list[FileRow]) -> int:
    paths = [writer.state.folder / row.path for row in group]
    if len(group) < 2 or not all(path.exists() for path in paths):  # another process did it meanwhile
        return 0
    first, count = group[0], sum(row.rows for row in group)
    fresh = fresh_path(writer.state, first.path)
    _copy(writer, paths, fresh, "")
    [(found,)] = writer.connection.execute("SELECT count(*) FROM read_parquet(?)", [str(fresh)]).fetchall()
    if found != count:
        raise StoreError(f"{first.path}: {found} rows after the merge of {count}; nothing was changed")
    size, digest = finish(fresh)
    times = [(row.min_t, row.max_t) for row in group if row.min_t is not None and row.max_t is not None]
    ends = min(pair[0] for pair in times), max(pair[1] for pair in times)
    swap(
        writer.state,
        FileRow(first.path, first.segment, count, size, digest, *ends),
        [row.path for row in group[1:]],
    )
    return len(group) - 1


def _copy(writer: Writer, paths: list[Path], target: Path, where: str, values: Any = ()) -> None:
    listed = ", ".join(f"'{quoted(path)}'" for path in paths)
    writer.connection.execute(
        f"COPY (FROM read_parquet([{listed}], union_by_name = true) {where} ORDER BY {ORDER}) "
        f"TO '{quoted(target)}' ({PARQUET})",
        values,
    )


def delete_old(writer: Writer, retention_days: int | None, now_ms: int) -> int:
    """Delete the Parquet files of hours that are older than the retention; return how many."""
    if retention_days is None:
        return 0
    old = [
        row for row in _files(writer, "events/*") if _hour_ms(row.path) < now_ms - retention_days * 86_400_000
    ]
    with writer.state.unit():
        finish_swaps(writer.state)
        for row in old:
            row.rows = 0
            swap(writer.state, row)
    return len(old)


def forget(writer: Writer, config: GatewayConfig, project: int, users: list[str]) -> Forgotten:
    """Delete everything of users, and drop what of them arrives later.

    Parameters
    ----------
    writer : Writer
    config : GatewayConfig
    project : int
    users : list of str
        User ids, or the host's own (external) ones.
    """
    state, report = writer.state, Forgotten()
    with state.unit():
        finish_swaps(state)
        gone = set(users) | _users_of(writer, project, set(users))
        with state.transaction() as db:
            rows = [(project, state.user_hash(project, user)) for user in gone]
            db.executemany("INSERT OR IGNORE INTO forgotten VALUES (?, ?)", rows)
    report.users = len(gone)
    while writer.run_once() is not None:
        pass
    with state.unit():
        finish_swaps(state)
        _forget_rows(writer, project, gone, report)
        for row in _files(writer, "events.currents/*"):
            if project in _projects_of(row.path, config):
                _rewrite(writer, row, _records_without(gone), report)
        for path in sorted((state.folder / "quarantine").rglob("*.gz")):
            row = FileRow(str(path.relative_to(state.folder)), "", 1)
            _rewrite(writer, row, _lines_without(gone), report)
    state.db.execute("VACUUM")
    state.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    report.open_segments = len(list(config.journal_folder.glob("*.open"))) + len(
        segments(config.journal_folder)
    )
    return report


def _projects_of(path: str, config: GatewayConfig) -> list[int]:
    from capture.sinks.cloud_storage import integration_of

    return [project.id for project in config.projects if integration_of(project.id) in path]


def _users_of(writer: Writer, project: int, external: set[str]) -> set[str]:
    """Return the user ids that Currents records have beside the host's own ids."""
    found: set[str] = set()
    del project
    for row in _files(writer, "events.currents/*"):
        path = writer.state.folder / row.path
        for record in _records(path.read_bytes(), path.suffix)[1]:
            if record.get("external_user_id") in external:
                found.add(record["user_id"])
    return found


def _forget_rows(writer: Writer, project: int, users: set[str], report: Forgotten) -> None:
    where = "WHERE project_id = ? AND user_id IN (SELECT unnest(?))"
    for row in _files(writer, "events/*"):
        path = writer.state.folder / row.path
        query = f"SELECT count(*) FROM read_parquet('{quoted(path)}') {where}"  # noqa: S608 - its own text
        [(count,)] = writer.connection.execute(query, [project, list(users)]).fetchall()
        if not count:
            continue
        fresh = fresh_path(writer.state, row.path)
        if count < row.rows:
            _copy(writer, [path], fresh, where.replace("WHERE ", "WHERE NOT (") + ")", [project, list(users)])
            row.bytes, row.sha256 = finish(fresh)
        row.rows -= count
        swap(writer.state, row)
        report.files += 1
        report.rows += count


def _rewrite(
    writer: Writer, row: FileRow, without: Callable[[bytes, str], tuple[bytes, int, int]], report: Forgotten
) -> None:
    """Replace a file by what `without` leaves of its content."""
    path = writer.state.folder / row.path
    content, left, deleted = without(path.read_bytes(), path.suffix)
    if not deleted:
        return
    row.rows = left
    if left:
        fresh = fresh_path(writer.state, row.path)
        fresh.write_bytes(content)
        row.bytes, row.sha256 = finish(fresh)
    swap(writer.state, row)
    report.files += 1
    report.rows += deleted


def _records(content: bytes, ending: str) -> tuple[Any, list[dict[str, Any]]]:
    """Return the schema and the records of a Currents file."""
    if ending == ".json":
        return None, [msgspec.json.decode(line) for line in content.splitlines()]
    reader = require("fastavro", "the gateway").reader(io.BytesIO(content))
    return reader.writer_schema, list(reader)


def _records_without(users: set[str]) -> Callable[[bytes, str], tuple[bytes, int, int]]:
    def without(content: bytes, ending: str) -> tuple[bytes, int, int]:
        schema, records = _records(content, ending)
        left = [each for each in records if users.isdisjoint((each["user_id"], each.get("external_user_id")))]
        stream = io.BytesIO()
        if schema is None:
            stream.writelines(msgspec.json.encode(each) + b"\n" for each in left)
        else:
            require("fastavro", "the gateway").writer(stream, schema, left)
        return stream.getvalue(), len(left), len(records) - len(left)

    return without


def _lines_without(users: set[str]) -> Callable[[bytes, str], tuple[bytes, int, int]]:
    """Return what rewrites a file of the quarantine: lines that name a user go."""
    names = [user.encode() for user in users]

    def without(content: bytes, ending: str) -> tuple[bytes, int, int]:
        del ending
        lines = gzip.decompress(content).splitlines(keepends=True)
        left = [line for line in lines if not any(name in line for name in names)]
        return gzip.compress(b"".join(left)), len(left), len(lines) - len(left)

    return without
