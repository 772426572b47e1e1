"""Files that did not come over HTTP: batches, exports of a device's store, and Currents files.

They pass the same reader, journal and index as devices' batches: to import a file twice changes nothing.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import time
import zlib
from typing import TYPE_CHECKING

import msgspec

from capture.errors import ConfigError
from capture.formats.currents.files import records_in
from capture.formats.receive import NotABatchError, TooLargeError, read_batch
from capture.gateway.app import open_outlet
from capture.gateway.journal import Line
from capture.gateway.topic import MessageTooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from capture.formats.receive import Received
    from capture.gateway.config import GatewayConfig
    from capture.gateway.journal import Journal
    from capture.gateway.topic import Topic

__all__ = ["Imported", "import_files"]

_RECORDS_A_BATCH = 500
#: Batches that wait for one sync.
_AT_ONCE = 100
_EVENT_IN_PATH = re.compile(r"event_type=([A-Za-z.]+)")


class Imported(msgspec.Struct):
    """Counts of an import: batches, good and bad events, and lines that were no batch, with the reason."""

    batches: int = 0
    events: int = 0
    quarantined: int = 0
    refused: list[str] = []


def import_files(config: GatewayConfig, paths: Iterable[Path], project: int | None = None) -> Imported:
    """Put the batches of files into the journal, or the topic: they are safe when this returns.

    Parameters
    ----------
    config : GatewayConfig
    paths : iterable of Path
        JSON lines (``.jsonl``, ``.json``, either also with ``.gz``) of batches or Currents records, or Avro
        files of records.
    project : int, optional
        Project of Currents records: they do not name it.

    Raises
    ------
    ConfigError
        When a file cannot be read, or Currents records come without a project.
    """
    return asyncio.run(_import(config, paths, project))


async def _import(config: GatewayConfig, paths: Iterable[Path], project: int | None) -> Imported:
    report = Imported()
    known = {each.id for each in config.projects}
    outlet = open_outlet(config)
    waiting = []
    try:
        for path in paths:
            for place, body in _bodies(path):
                try:
                    received = read_batch(body)
                except (NotABatchError, TooLargeError) as error:
                    report.refused.append(f"{path}:{place}: {error}")
                    continue
                owner = project if received.project_id is None else received.project_id
                if owner is None:
                    raise ConfigError(f"{path}: Currents records do not name their project: give --project")
                if owner not in known:
                    report.refused.append(f"{path}:{place}: project {owner} is not in the configuration")
                    continue
                waiting.append(_put(outlet, owner, received, report, f"{path}:{place}"))
                if len(waiting) == _AT_ONCE:
                    these, waiting = waiting, []
                    await asyncio.gather(*these)
    finally:
        try:
            await asyncio.gather(*waiting)
        finally:
            await outlet.close()
    return report


async def _put(outlet: Journal | Topic, project: int, received: Received, report: Imported, at: str) -> None:
    now_ms = time.time_ns() // 1_000_000
    line = Line(received=now_ms, project=project, wire=received.wire, bad=received.problems)
    try:
        await outlet.take(line, received, zlib.compress(received.body, 6, 31))
    except MessageTooLargeError:
        report.refused.append(f"{at}: larger than the topic's limit for a message")
        return
    report.batches += 1
    report.events += received.accepted
    report.quarantined += len(received.problems)


def _bodies(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the batches of a file, each with its place: a line, or a record's number."""
    try:
        if path.suffix == ".avro":
            records = list(records_in(path))
            for start in range(0, len(records), _RECORDS_A_BATCH):
                part = records[start : start + _RECORDS_A_BATCH]
                yield start + 1, msgspec.json.encode({"events": part})
            return
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            found = _EVENT_IN_PATH.search(str(path))
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _as_batch(line, found[1] if found else None)
    except (OSError, EOFError, ValueError, KeyError, IndexError, zlib.error) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None


def _as_batch(line: bytes, event: str | None) -> bytes:
    """Return a line as a batch: a Currents record becomes one of its own."""
    try:
        document = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return line  # the reader names the mistake
    if event is not None:
        document = {"event_type": msgspec.Raw(msgspec.json.encode(event)), **document}
    is_record = "event_type" in document and not {"pl", "events"} & document.keys()
    return msgspec.json.encode({"events": [document]}) if is_record else line
