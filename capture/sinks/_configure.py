"""Telling sinks what is not in their own table of the run configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.config.run import RunConfig
    from capture.sinks.base import Sink

__all__ = ["configure"]


def configure(sinks: Iterable[Sink], config: RunConfig) -> None:
    """Give the run configuration to the sinks that have a method `configure` for it.

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
        method = getattr(sink, "configure", None)
        if method is not None:
            method(config)
