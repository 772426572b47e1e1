"""Replay: recorded touch logs become delivered batches, the same ones each time."""

from typing import TYPE_CHECKING

from capture.optional import lazy_names

if TYPE_CHECKING:
    from capture.replay.run import SUMMARY_NAME, LogSummary, Replay, Summary, device_of, replay

__all__ = ["SUMMARY_NAME", "LogSummary", "Replay", "Summary", "device_of", "replay"]

if not TYPE_CHECKING:
    __getattr__ = lazy_names(__name__, "capture.replay.run", __all__)
