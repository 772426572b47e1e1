"""Beyond one log and one machine: streams of Arrow batches, data sets, engines, sweeps, statistics.

Everything here needs ``touchcapture[arrow]``; each engine's package is imported when it is first used.
"""

from __future__ import annotations

from capture.scale.datasets import classify_dataset
from capture.scale.repartition import repartition
from capture.scale.streams import classify_stream

__all__ = ["classify_dataset", "classify_stream", "repartition"]
