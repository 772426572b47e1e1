"""Maintenance of files: merging those of an hour, deleting old ones, and forgetting users.

Each replaces files by new ones; readers may have the old ones open.
"""

from __future__ import annotations

import contextlib
import gzip
import logging
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import StoreError
from capture.formats.currents.files import records_in
from capture.gateway.forward import forget_waiting
from capture.gateway.journal import segments
from capture.gateway.rows import ORDER, end_of, quoted, write_rows
from capture.gateway.state import swap
from capture.gateway.unit import users_of
from capture.gateway.writer import hour_of
from capture.optional import require
from capture.sinks.cloud_storage import integration_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from capture.gateway.config import GatewayConfig
    from capture.gateway.writer import Writer

__all__ = ["Forgot", "compact", "delete_old", "forget"]

_log = logging.getLogger("capture.gateway")
_DAY_S = 86_400
#: Errors of a damaged file, beside those of the database.
_DAMAGED = (OSError, EOFError, ValueError, KeyError, IndexError, zlib.error, msgspec.MsgspecError)
_WITHOUT = "project_id = ? AND user_id IN (SELECT unnest(?))"


class Forgot(msgspec.Struct):
    """Counts of `forget`'s deletions."""

    users: int = 0
    files: int = 0
    rows: int = 0
    #: Segments of running doors, which are written without these users when they are closed.
    open_segments: int = 0


def compact(writer: Writer, config: GatewayConfig, now_ms: int) -> int:
    """Merge the files of every hour that is over; return how many files are gone."""
    hours: dict[str, dict[str, int]] = {}
    listed = writer.listed()
    last = {_stream(path): path for path in sorted(listed, key=lambda path: path.rpartition("/")[2])}
    for path, size in listed.items():
        # A file of a partition may only go when another follows: its name has the end of the partition.
        is_over = hour_of(path) + 3600 + config.output.compact_after_s <= now_ms / 1000
        if is_over and not (config.kafka.brokers and last[_stream(path)] == path):
            hours.setdefault(f"{path.rpartition('/')[0]}/{_stream(path)}", {})[path] = size
    gone = 0
    for files in hours.values():
        for group in _groups(files, config.output.target_bytes):
            if len(group) < 2:
                continue
            with writer.state.unit():
                writer.prepare()
                there = writer.objects.listed(group[0].rpartition("/")[0])
                if all(path in there for path in group):  # no other process did it
                    try:
                        _replace(writer, group)
                    except StoreError as error:
                        _log.warning("not merged: %s", error)
                        continue
                    gone += len(group) - 1
    return gone


def _stream(path: str) -> str:
    """Return the beginning of the names of a partition's files; empty for segments."""
    return path.rpartition("/")[2].rpartition("+")[0]


def _groups(files: dict[str, int], most_bytes: int) -> Iterator[list[str]]:
    """Yield files to merge: each of the groups is a file of at most the target size."""
    group: list[str] = []
    for path, size in files.items():
        if group and sum(files[each] for each in group) + size > most_bytes:
            yield group
            group = []
        group.append(path)
    yield group


def delete_old(writer: Writer, retention_days: int | None, now_ms: int) -> int:
    """Delete the files of hours that are older than the retention; return how many."""
    if retention_days is None:
        return 0
    listed = writer.listed()
    old = [path for path in listed if hour_of(path) < now_ms / 1000 - retention_days * _DAY_S]
    with writer.state.unit():
        writer.prepare()
        for path in old:
            swap(writer.state, writer.objects, path, None)
        with writer.state.transaction():
            writer.state.add_files(-len(old), -sum(listed[path] for path in old), 0)
    return len(old)


def forget(writer: Writer, config: GatewayConfig, project: int, users: list[str]) -> Forgot:
    """Delete everything of users, and drop their later events.

    Parameters
    ----------
    writer : Writer
    config : GatewayConfig
    project : int
    users : list of str
        User ids, or the host's own (external) ones.

    Raises
    ------
    StoreError
        When files are damaged, which it names; the users are forgotten in the others.
    """
    while not config.kafka.brokers and writer.run_once() is not None:
        pass  # what waits may tell user ids of the host's own ones
    with writer.state.unit():
        writer.prepare()
        gone = set(users) | _users_of(writer, project, set(users))
        writer.forgotten.add(project, gone)
    report, damaged = Forgot(users=len(gone)), []
    with writer.state.unit():
        writer.prepare()
        quarantine = writer.objects.listed("quarantine")
        for path in (*writer.objects.listed("events"), *_records_of(writer, project), *quarantine):
            try:
                deleted = _replace(writer, [path], project, gone)
            except StoreError as error:
                damaged.append(str(error))
                continue
            report.files += deleted > 0
            report.rows += deleted
        forget_waiting(config, project, gone)
    writer.state.db.execute("VACUUM")
    writer.state.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if damaged:
        raise StoreError("; ".join(damaged))
    folder = config.journal_folder
    report.open_segments = len(list(folder.glob("*.open"))) + len(segments(folder))
    return report


def _records_of(writer: Writer, project: int) -> list[str]:
    return [path for path in writer.objects.listed("events.currents") if integration_of(project) in path]


def _users_of(writer: Writer, project: int, external: set[str]) -> set[str]:
    """Return the user ids that Currents records have beside the host's own ids."""
    found = set()
    for path in _records_of(writer, project):
        with contextlib.suppress(*_DAMAGED):  # `forget` names it
            records = records_in(writer.objects.fetch(path, writer.scratch))
            found |= {each["user_id"] for each in records if each.get("external_user_id") in external}
    return found


def _replace(
    writer: Writer, paths: Sequence[str], project: int = 0, users: Collection[str] | None = None
) -> int:
    """Merge files of one kind into the first of them, the others go; return how many events went.

    Parameters
    ----------
    writer : Writer
    paths : sequence of str
    project : int
    users : collection of str, optional
        Users of the project whose events go; default: merge alone.
    """
    locals_ = [writer.objects.fetch(path, writer.scratch) for path in paths]
    fresh = writer.scratch / "fresh"
    size = sum(path.stat().st_size for path in locals_)
    rewrite = _parquet if paths[0].endswith(".parquet") else _records
    try:
        left, deleted = rewrite(writer, locals_, fresh, project, users)
    except (require("duckdb").Error, *_DAMAGED) as error:
        reason = str(error).partition("\n")[0]
        raise StoreError(f"{', '.join(paths)}: cannot be rewritten: {reason}") from None
    if users is not None and not deleted:
        return 0
    keep = left or "+" in paths[0]  # a file without events still has its partition's end
    if paths[0].startswith("events"):
        with writer.state.transaction():
            left_bytes = fresh.stat().st_size if keep else 0
            writer.state.add_files(bool(keep) - len(paths), left_bytes - size, -deleted)
    swap(writer.state, writer.objects, paths[0], fresh if keep else None, paths[1:])
    return deleted


def _parquet(
    writer: Writer, paths: list[Path], fresh: Path, project: int, users: Collection[str] | None
) -> tuple[int, int]:
    """Write rows of Parquet files; return the numbers of those that are left and that are not."""
    names = ", ".join(f"'{quoted(path)}'" for path in paths)
    source = f"read_parquet([{names}], union_by_name = true, hive_partitioning = false)"
    where, values = ("false", []) if users is None else (_WITHOUT, [project, list(users)])

    def count(query: str, values: Any) -> int:
        [(found,)] = writer.connection.execute(f"SELECT count(*) FROM {query}", values).fetchall()  # noqa: S608 - its own text
        return int(found)

    deleted = count(f"{source} WHERE {where}", values)
    if users is not None and not deleted:
        return 0, 0
    rows = f"FROM {source} WHERE NOT ({where}) ORDER BY {ORDER}"
    write_rows(writer.connection, rows, fresh, end_of(writer.connection, paths[-1]), values)
    left, before = count(f"read_parquet('{quoted(fresh)}')", []), count(source, [])
    if left + deleted != before:
        raise StoreError(f"{paths[0]}: {left} rows after a rewrite of {before}; nothing was changed")
    return left, deleted


def _records(
    writer: Writer, paths: list[Path], fresh: Path, project: int, users: Collection[str] | None
) -> tuple[int, int]:
    """Write records, or lines of the quarantine, one by one, as `_parquet` does."""
    del writer
    fastavro = require("fastavro", "the gateway") if paths[0].suffix == ".avro" else None
    opened = gzip.open if paths[0].suffix == ".gz" else open
    counts: Counter[bool] = Counter()

    def left() -> Iterator[Any]:
        for path in paths:
            with opened(path, "rb") as file:
                for each in fastavro.reader(file) if fastavro else file:
                    goes = users is not None and _is_of(each, project, users)
                    counts[goes] += 1
                    if not goes:
                        yield each

    with opened(fresh, "wb") as file:
        if fastavro:
            with paths[-1].open("rb") as last:
                schema = fastavro.reader(last).writer_schema
            fastavro.writer(file, schema, left())
        else:
            file.writelines(left())
    return counts[False], counts[True]


def _is_of(record: Any, project: int, users: Collection[str]) -> bool:
    """Return whether a record, or a note of the quarantine, or either's JSON is of users of a project."""
    found = msgspec.json.decode(record) if isinstance(record, bytes) else record
    if found.get("project", project) != project:
        return False
    if known := found.get("users") or users_of(found):
        return any(user in users for user in known)
    text = found.get("event", "") + found.get("batch", "")
    return any(msgspec.json.encode(user).decode() in text for user in users)
