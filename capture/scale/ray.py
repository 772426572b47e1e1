"""Ray Data as the engine: partitions are done by tasks, on as many machines as the cluster has.

Ray schedules, repeats the tasks of a worker that died and shows the progress. A partition that is done
twice, because its worker died before it could say so, is written twice with the same bytes under one
name: nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from capture.errors import CaptureError, TouchLogError
from capture.scale._extras import require
from capture.scale.datasets import Done, Job, classify_partition

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from capture.scale.partitions import Partition

__all__ = ["run_partitions", "start"]


def start(workers: int | None = None) -> Any:
    """Connect to the cluster of ``RAY_ADDRESS``, or start Ray on this machine; no usage statistics are sent.

    Parameters
    ----------
    workers : int, optional
        Processors that Ray may use, where it is started here.

    Returns
    -------
    module
        ``ray``.
    """
    # Ray reads it when it starts; it would else tell its makers about this use of it.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray = require("ray", "ray")
    require("ray.data", "ray")
    if not ray.is_initialized():
        here = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": workers, "include_dashboard": False}
        ray.init(log_to_driver=False, logging_level="ERROR", **here)
    return ray


def run_partitions(
    job: Job, partitions: list[Partition], workers: int, stop: threading.Event
) -> Iterator[Done]:
    """Do partitions with Ray Data, `workers` at a time, and yield what became of each."""
    ray = start(workers)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = sys.stderr.isatty()
    numbers = [{"partition": number} for number in range(len(partitions))]
    # One block for each partition: so each is a task of its own, and repeated by itself.
    dataset = ray.data.from_items(numbers, override_num_blocks=len(numbers)).map(
        _work, fn_args=(job, partitions), num_cpus=1, concurrency=workers
    )
    for row in dataset.iter_rows():
        if row["error"]:
            raise TouchLogError(row["error"])
        yield msgspec.json.decode(row["done"], type=Done)
        if stop.is_set():
            return


def _work(row: dict[str, Any], job: Job, partitions: list[Partition]) -> dict[str, Any]:
    """Do a partition in a worker; what is wrong with a file comes back as a text, not as a failed task."""
    try:
        done = classify_partition(job, partitions[row["partition"]])
    except CaptureError as error:
        return {"done": b"", "error": str(error)}
    return {"done": msgspec.json.encode(done), "error": ""}
