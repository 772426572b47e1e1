"""Sinks: where batches go. A table of types, resolved when one is made."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from capture import settings
from capture.errors import ConfigError
from capture.sinks._base import ACCEPTED, Answer, Batch, Outcome, Sink

if TYPE_CHECKING:
    from pathlib import Path

    from capture.config import SinkConfig

__all__ = ["ACCEPTED", "SINKS", "Answer", "Batch", "Outcome", "Sink", "create"]

#: Sink type -> where its class is.
SINKS = {
    "amplitude": "capture.sinks.amplitude:AmplitudeSink",
    "cloud_storage": "capture.sinks.cloud_storage:CloudStorageSink",
    "file": "capture.sinks.file:FileSink",
    "http": "capture.sinks.http:HttpSink",
    "kafka": "capture.sinks.kafka:KafkaSink",
    "memory": "capture.sinks.memory:MemorySink",
    "mixpanel": "capture.sinks.mixpanel:MixpanelSink",
}


def create(config: SinkConfig, *, base: Path | None = None) -> Sink:
    """Make the sink that a ``[[sinks]]`` table describes.

    Parameters
    ----------
    config : SinkConfig
        The table.
    base : Path, optional
        Folder that relative paths start from; default the working directory.

    Raises
    ------
    ConfigError
        When the type is unknown or a key of the sink is wrong.
    """
    place = SINKS.get(config.type)
    if place is None:
        raise ConfigError(
            f"sinks.{config.name}.type = {config.type!r}: no such sink; "
            f"{settings.nearest(config.type, SINKS)}"
        )
    module, _, name = place.partition(":")
    return cast("Sink", getattr(import_module(module), name).from_config(config, base=base))
