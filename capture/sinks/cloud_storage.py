"""The cloud_storage sink: files of Currents records, one event type each, in a folder or a bucket.

Each batch becomes one finished file for each event type in it: nothing is held back outside the store, and
a crash leaves no partial file. A file's name follows from its content, so that no file ever changes: one that
is sent again has the same bytes.
"""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from capture.errors import InvalidEventError
from capture.formats.currents.avro import name_types, storage_row, to_file
from capture.formats.currents.record import decode_records
from capture.formats.currents.schema import SCHEMA_IDS, Layout, Version, required_of
from capture.optional import need
from capture.settings import Section
from capture.sinks.base import ACCEPTED, Answer, Batch, BatchLimits, Outcome, Sink, read_settings
from capture.sinks.batchfiles import BatchFiles, PlannedFile
from capture.sinks.objects import Objects, open_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from capture.config import RunConfig, SinkConfig

__all__ = [
    "MANIFEST",
    "CloudStorageSettings",
    "CloudStorageSink",
    "FileInfo",
    "integration_of",
    "record_path",
]

#: Name of the manifest (JSON lines); in a bucket there is one for each file. Readers of data sets
#: skip names that begin with an underscore, and no pattern for the data's extension meets it.
MANIFEST = "_manifest.txt"
#: Where files of a user stay apart from those of others.
_ZONE_DIGITS = 16
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("capture.sinks")


class CloudStorageSettings(Section, frozen=True, kw_only=True):
    """Keys of a ``cloud_storage`` sink."""

    #: Where files go: ``file://``, ``s3://``, ``gs://`` or ``az://``, or the path of a folder.
    url: Annotated[str, Meta(min_length=1, max_length=2083)]
    #: Avro files, or JSON lines.
    format: Literal["avro", "json"] = "avro"
    #: Records of a batch at which files are written.
    max_events: Annotated[int, Meta(ge=1, le=100_000)] = 15_000
    #: Age (s) of the oldest record at which files are written.
    max_age_s: Annotated[float, Meta(gt=0, le=86_400, description="s")] = 300.0


class FileInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A finished file, as the manifest has it.

    Attributes
    ----------
    path : str
        Below the sink's url.
    rows : int
    sha256 : str
        Of the file, hex.
    min_time, max_time : int
        Smallest and largest ``time`` of its records (s since the epoch).
    """

    path: str
    rows: int
    sha256: str
    min_time: int
    max_time: int


class CloudStorageSink(Sink):
    """Writes files of Currents records.

    Parameters
    ----------
    settings : CloudStorageSettings
    name : str
        Key of its queue.
    base : Path, optional
        Folder that a relative path starts from.
    gather : bool, default False
        Whether records are held back until a file of their event type is full, or `flush`: for a replay,
        whose store does not outlive the process either. Hour and name of a file are then those of its first
        record, not those of writing and content: a replay makes the same files each time.
    wall_s : callable
        Seconds since the epoch.

    Attributes
    ----------
    files : int
        Files written so far.
    """

    def __init__(
        self,
        settings: CloudStorageSettings,
        *,
        name: str = "cloud_storage",
        base: Path | None = None,
        gather: bool = False,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.formats: tuple[str, ...] = ("currents",)
        self.limits = BatchLimits(
            max_events=settings.max_events, max_bytes=64 * 1024 * 1024, max_age_s=settings.max_age_s
        )
        self.not_sent: dict[str, int] = {}
        self.files = 0
        self._format = settings.format
        self._max_events = settings.max_events
        self._wall_s = wall_s
        self._gather = gather
        self._files = BatchFiles(settings.max_events)
        self._held: dict[str, list[Mapping[str, Any]]] = {}
        self._objects: Objects = open_objects(settings.url, f"sinks.{name}.url", base)
        self._version: Version = "current"
        self._layout: Layout = "glossary"
        self._cluster = "prod-01"
        self._integration = hashlib.sha256(b"touchcapture").hexdigest()[:24]

    @classmethod
    def from_config(
        cls, config: SinkConfig, *, base: Path | None = None, gather: bool = False
    ) -> CloudStorageSink:
        """Make the sink of a ``[[sinks]]`` table; a relative path starts from `base`."""
        settings = read_settings(CloudStorageSettings, config)
        if settings.format == "avro":
            need("fastavro", f"sinks.{config.name}")
        return cls(settings, name=config.name, base=base, gather=gather)

    def configure(self, config: RunConfig) -> None:
        """Use the run configuration's section ``currents``, and its project."""
        currents = config.currents
        self._version, self._layout = currents.schema_version, currents.layout
        self._cluster = currents.cluster or self._cluster
        self._integration = currents.integration_id or integration_of(config.project.id)

    def send(self, batch: Batch, timeout_s: float) -> Answer:
        """Write the batch's records, a file for each event type, and the manifest."""
        named = partial(name_types, layout=self._layout) if self._format == "avro" else None
        records = decode_records(batch.payloads, named)
        try:
            if self._gather:
                self._hold(records, timeout_s)
            else:
                self._write_all(self._files, records, timeout_s)
                self._files.accept(records)
        except (OSError, TimeoutError) as error:
            return Answer(Outcome.TEMPORARY, f"{type(error).__name__}: {error}"[:200])
        return ACCEPTED

    def write(self, records: Iterable[Mapping[str, Any]], *, timeout_s: float = 60.0) -> list[FileInfo]:
        """Write canonical records (`Record.encode` decoded), in files of at most 15,000 (`max_events`).

        Parameters
        ----------
        records : iterable of mapping
            Each with ``event_type`` and its fields.
        timeout_s : float
            Deadline (s) of one request to a bucket.

        Returns
        -------
        list of FileInfo
            The finished files; none if there were no records.

        Raises
        ------
        OSError
            When a file could not be written; those before it are finished, and in the manifest.
        InvalidEventError
            When a record lacks a field that the layout requires.
        """
        records = list(records)
        for record in records:
            event = record["event_type"]
            for name in required_of(event, self._layout):
                if name not in record:
                    raise InvalidEventError(f"{event}.{name}: required in the layout {self._layout!r}")
        return self._write_all(BatchFiles(self._max_events), records, timeout_s)

    def _write_all(
        self, files: BatchFiles, records: Iterable[Mapping[str, Any]], timeout_s: float
    ) -> list[FileInfo]:
        """Write the files that are still to write; one that fails does not keep the others from it."""
        written: list[FileInfo] = []
        failure: OSError | None = None
        for file, rows in files.plan(records):
            try:
                written.append(self._write_file(file, rows, timeout_s))
            except OSError as error:
                failure = failure or error
                if isinstance(error, TimeoutError):
                    break
            else:
                files.finish(file)
        if failure is not None:
            raise failure
        return written

    def flush(self) -> None:
        """Write held records; without `gather`, files are finished when `send` returns."""
        for event in list(self._held):
            self.write(self._held[event])
            del self._held[event]

    def close(self) -> None:
        """Write held records."""
        self.flush()

    def _hold(self, records: list[dict[str, Any]], timeout_s: float) -> None:
        """Keep records, and write those of an event type that make a whole file; all kept, or none."""
        for record in records:
            self._held.setdefault(record["event_type"], []).append(record)
        try:
            for rows in self._held.values():
                while len(rows) >= self._max_events:
                    self.write(rows[: self._max_events], timeout_s=timeout_s)
                    del rows[: self._max_events]
        except OSError:
            # They stay held, and are written with those that come next.
            _log.warning("sink %s: a file could not be written; its records are held", self.name)

    def _write_file(self, file: PlannedFile, rows: Sequence[Mapping[str, Any]], timeout_s: float) -> FileInfo:
        first = rows[0]
        if self._format == "avro":
            content = to_file(file.event, rows, self._version, first["id"].encode(), self._layout)
        else:
            stored = (storage_row(row, self._version, self._layout) for row in rows)
            content = b"".join(_encode(row) + b"\n" for row in stored)
        if not file.hour:
            time_s = first["time"] if self._gather else self._wall_s()
            file.hour = time.strftime("%Y-%m-%d-%H", time.gmtime(time_s))
        digest = hashlib.sha256(content)
        place = _numbers(first["id"] if self._gather else digest.hexdigest())
        zone = hashlib.sha256(first["user_id"].encode()).hexdigest()[:_ZONE_DIGITS]
        path = record_path(
            f"dataexport.{self._cluster}.{self._objects.kind}.integration.{self._integration}",
            file.event,
            file.hour,
            zone,
            place,
            version=self._version,
            layout=self._layout,
            ending=self._format,
        )
        self._objects.put(path, content, timeout_s)
        self.files += 1
        times = [row["time"] for row in rows]
        info = FileInfo(
            path=path,
            rows=len(rows),
            sha256=digest.hexdigest(),
            min_time=min(times),
            max_time=max(times),
        )
        self._objects.add_line(
            MANIFEST, f"date={file.hour}/{zone}/{place[0]}+{place[1]:010d}", _encode(info), timeout_s
        )
        return info


def integration_of(project_id: int) -> str:
    """Return the integration id of a project that names none."""
    return hashlib.sha256(f"touchcapture/{project_id}".encode()).hexdigest()[:24]


def record_path(
    source: str,
    event: str,
    hour: str,
    zone: str,
    place: tuple[int, int],
    *,
    version: Version,
    ending: str,
    layout: Layout = "glossary",
) -> str:
    """Return the path of a file of records in the documented layout.

    Parameters
    ----------
    source : str
        ``dataexport.<cluster>.<kind>.integration.<integration id>``.
    event : str
    hour : str
        ``YYYY-MM-DD-HH``.
    zone : str
    place : tuple of int
        Partition and offset of the file.
    version : {"current", "legacy"}
    ending : str
        ``avro`` or ``json``.
    layout : {"glossary", "export"}
    """
    partition, offset = place
    return (
        f"{source}/event_type={event}/date={hour}/{SCHEMA_IDS[layout, version]}/{zone}/"
        f"{source}+{partition}+{offset:010d}.{ending}"
    )


def _numbers(name: str) -> tuple[int, int]:
    """Return partition and offset of a file, from a UUID or any other text: always the same ones."""
    try:
        digits = uuid.UUID(name).int
    except ValueError:
        digits = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16])
    return digits >> 97, digits % 10**10
