"""Currents records of a segment as files in the documented layout, with true partitions and offsets."""

from __future__ import annotations

import hashlib
import uuid
import zlib
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import numpy as np

from capture.formats.currents.avro import name_types, storage_row, to_file
from capture.gateway.ids import Keys
from capture.sinks.cloud_storage import integration_of, record_path

if TYPE_CHECKING:
    from capture.gateway.journal import Line

__all__ = ["CurrentsFiles", "RecordFile"]

#: Records of a file, as the documented exports have them at most.
_MOST_RECORDS = 15_000
_encode = msgspec.json.Encoder().encode


class _Document(msgspec.Struct):
    events: list[dict[str, Any]]


_decode = msgspec.json.Decoder(_Document).decode


class RecordFile(NamedTuple):
    """A file to write: its path, its content, its records, and their first and last time (ms)."""

    path: str
    content: bytes
    rows: int
    times: tuple[int, int]


class CurrentsFiles:
    """The Currents records of one segment, by project."""

    def __init__(self, ending: Literal["avro", "json"]) -> None:
        self._ending = ending
        self._records: dict[int, list[dict[str, Any]]] = {}
        #: Unknown fields of records: the files have no place for them.
        self.extra: list[dict[str, Any]] = []

    def add(self, line: Line, batch: bytes) -> None:
        """Add the records of a batch."""
        for record in _decode(batch).events:
            extra = record.pop("extra", None)
            if extra is not None:
                self.extra.append({"project": line.project, "id": record["id"], "extra": extra})
            self._records.setdefault(line.project, []).append(record)

    def projects(self) -> list[int]:
        """Return the projects that have records."""
        return sorted(project for project, records in self._records.items() if records)

    def users(self) -> list[tuple[int, str]]:
        """Return the project and the ids of each user, external ones as well."""
        return [
            (project, user)
            for project, records in self._records.items()
            for user in {record.get(name) for record in records for name in ("user_id", "external_user_id")}
            if user is not None
        ]

    def delete_users(self, users: list[tuple[int, str]]) -> list[tuple[int, int]]:
        """Delete the records of users; return project and number of each."""
        deleted = []
        for project, records in self._records.items():
            gone = {user for owner, user in users if owner == project}
            kept = [
                each for each in records if gone.isdisjoint((each["user_id"], each.get("external_user_id")))
            ]
            self._records[project] = kept
            deleted.append((project, len(records) - len(kept)))
        return deleted

    def keys(self, project: int) -> Keys:
        """Return the keys of a project's records, in the order of arrival."""
        records = self._records[project]
        ids = np.frombuffer(b"".join(_id(record["id"]) for record in records), ">u8").reshape(-1, 2)
        return Keys(
            ids[:, 0].astype(np.uint64),
            ids[:, 1].astype(np.uint64),
            np.array([record["time"] * 1000 for record in records], np.int64),
            np.array([zlib.crc32(_encode(record)) & 15 for record in records], np.uint8),
        )

    def keep(self, project: int, wanted: Any) -> None:
        """Keep those records of a project that `wanted`, a mask, names."""
        records = self._records[project]
        self._records[project] = [
            record for record, keep in zip(records, wanted.tolist(), strict=True) if keep
        ]

    def files(self, hour: str, offset: Any, partition: int = 0, zone: str = "gateway") -> list[RecordFile]:
        """Return the files to write.

        Parameters
        ----------
        hour : str
            ``YYYY-MM-DD-HH``.
        offset : callable
            Takes ``<project>/<event>`` and a number of records; returns the offset of the first.
        partition : int
        zone : str
        """
        made = []
        for project in self.projects():
            kinds: dict[str, list[dict[str, Any]]] = {}
            for record in self._records[project]:
                kinds.setdefault(record["event_type"], []).append(record)
            source = f"dataexport.prod-01.S3.integration.{integration_of(project)}"
            for event, records in kinds.items():
                for start in range(0, len(records), _MOST_RECORDS):
                    rows = records[start : start + _MOST_RECORDS]
                    place = partition, offset(f"{project}/{event}", len(rows))
                    path = record_path(
                        source, event, hour, zone, place, version="current", ending=self._ending
                    )
                    times = [row["time"] * 1000 for row in rows]
                    made.append(
                        RecordFile(path, self._content(event, rows), len(rows), (min(times), max(times)))
                    )
        return made

    def _content(self, event: str, records: list[dict[str, Any]]) -> bytes:
        if self._ending == "json":
            return b"".join(_encode(storage_row(record)) + b"\n" for record in records)
        return to_file(
            event, [name_types(record) for record in records], "current", records[0]["id"].encode()
        )

    def counts(self) -> list[tuple[int, int]]:
        """Return project and number of records."""
        return [(project, len(self._records[project])) for project in self.projects()]


def _id(text: str) -> bytes:
    """Return 16 bytes for an id: those of a UUID, else of its hash."""
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        return hashlib.sha256(text.encode()).digest()[:16]
