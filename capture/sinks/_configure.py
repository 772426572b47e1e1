"""Telling sinks what is not in their own table of the run configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture.config import RunConfig
    from capture.sinks._base import Sink

__all__ = ["configure"]


def configure(sinks: Iterable[Sink], config: RunConfig) -> None:
    """Give the run configuration to the sinks that have a method `configure` for it."""
    for sink in sinks:
        method = getattr(sink, "configure", None)
        if method is not None:
            method(config)
