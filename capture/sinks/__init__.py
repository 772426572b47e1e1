"""Sinks: the destinations of batches. A table of types, each imported when its first sink is created."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from capture import settings
from capture.errors import ConfigError
from capture.sinks.base import ACCEPTED, Answer, Batch, BatchLimits, Outcome, Sink, complete, wire_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from capture.config import RunConfig, SinkConfig

__all__ = ["ACCEPTED", "SINKS", "Answer", "Batch", "BatchLimits", "Outcome", "Sink", "configure", "create"]

#: Sink type -> module and class.
SINKS = {
    "amplitude": "capture.sinks.amplitude:AmplitudeSink",
    "cloud_storage": "capture.sinks.cloud_storage:CloudStorageSink",
    "file": "capture.sinks.file:FileSink",
    "http": "capture.sinks.http:HttpSink",
    "kafka": "capture.sinks.kafka:KafkaSink",
    "memory": "capture.sinks.memory:MemorySink",
    "mixpanel": "capture.sinks.mixpanel:MixpanelSink",
    "otlp": "capture.sinks.otlp:OtlpSink",
}


def create(config: SinkConfig, *, base: Path | None = None) -> Sink:
    """Create the sink that a ``[[sinks]]`` table describes.

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

    Notes
    -----
    A class without ``from_config`` has no keys: it is created without arguments, and gets the
    name and the wire format of its table.
    """
    place = SINKS.get(config.type)
    if place is None:
        raise ConfigError(
            f"sinks.{config.name}.type = {config.type!r}: no such sink; "
            f"{settings.nearest(config.type, SINKS)}"
        )
    module, _, name = place.partition(":")
    sink_class = getattr(import_module(module), name)
    if not hasattr(sink_class, "from_config"):
        return _without_settings(sink_class, config)
    return cast("Sink", sink_class.from_config(config, base=base))


def _without_settings(sink_class: type[Sink], config: SinkConfig) -> Sink:
    """Create a sink that has no settings."""
    from inspect import signature

    lacks = f"{sink_class.__name__} has no from_config(config, base=...)"
    if config.options:
        keys = [f"sinks.{config.name}.{key}: no such key; {lacks} that reads it" for key in config.options]
        raise ConfigError("\n".join(keys))
    try:
        signature(sink_class).bind()
    except TypeError as error:
        kind = f"sinks.{config.name}.type = {config.type!r}"
        raise ConfigError(f"{kind}: {lacks}; without it: {error}") from None
    sink = sink_class()
    sink.name, sink.formats = config.name, wire_of(config, tuple(sink.formats))
    return sink


def configure(sinks: Iterable[Sink], config: RunConfig) -> None:
    """Pass the run configuration to each sink.

    Raises
    ------
    ConfigError
        When two sinks share a name: it is the key of a queue, and each has its own.
    """
    names: set[str] = set()
    for sink in sinks:
        if sink.name in names:
            raise ConfigError(f"sinks.name = {sink.name!r}: two sinks have this name; give each its own")
        names.add(sink.name)
        complete(sink)
        sink.configure(config)
