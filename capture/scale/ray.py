"""Ray Data as the engine: partitions are done by tasks, on as many machines as the cluster has.

Ray schedules, repeats the tasks of a worker that died and shows the progress. A partition that is done
twice, because its worker died before it could say so, is written twice with the same bytes under one
name: nothing is lost and nothing is there twice.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from capture.errors import CaptureError, ConfigError, TouchLogError
from capture.gestures.recognizer import Density, classify as classify_log
from capture.gestures.samples import COLUMNS
from capture.optional import require
from capture.scale.partitions import bucket_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa
    from ray.data import Dataset

    from capture.gestures.config import GestureConfig

__all__ = ["classify", "run_tasks", "start"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

#: Columns that a shuffle needs and no result has: where a row goes, and where it stood in its block.
_BUCKET, _ROW = "_capture_bucket", "_capture_row"


def start(workers: int | None = None) -> Any:
    """Connect to the cluster of ``RAY_ADDRESS``, or start Ray on this machine; no usage statistics are sent.

    Parameters
    ----------
    workers : int, optional
        Processors that Ray may use, if it is started here.

    Returns
    -------
    module
        ``ray``.
    """
    # Ray reads it when it starts; it would else report its use to its makers.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray = require("ray")
    require("ray.data")
    if not ray.is_initialized():
        here = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": workers, "include_dashboard": False}
        ray.init(log_to_driver=False, logging_level="ERROR", **here)
    return ray


def run_tasks(
    work: Callable[[_Item], _Result | None], items: Sequence[_Item], kind: type[_Result], workers: int
) -> Iterator[_Result]:
    """Do `work` with every item as a task of its own, `workers` at a time; yield the results as they come.

    An error of a file is returned as text, not as a failed task, and raised here.

    Raises
    ------
    ConfigError, TouchLogError
        Error of a task.
    """
    ray = start(workers)
    if not items:
        return
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = sys.stderr.isatty()
    numbers = [{"item": number} for number in range(len(items))]
    # One block for each item: so each is a task of its own, and repeated by itself.
    dataset = ray.data.from_items(numbers, override_num_blocks=len(numbers)).map(
        _task, fn_args=(work, list(items)), num_cpus=1, concurrency=workers
    )
    for row in dataset.iter_rows():
        if row["error"]:
            raise (ConfigError if row["is_config"] else TouchLogError)(row["error"])
        yield msgspec.json.decode(row["result"], type=kind)


def _task(row: dict[str, Any], work: Callable[[Any], Any], items: list[Any]) -> dict[str, Any]:
    """Do the work with one item, in a worker."""
    try:
        result = work(items[row["item"]])
    except CaptureError as error:
        return {"result": b"", "error": str(error), "is_config": isinstance(error, ConfigError)}
    return {"result": msgspec.json.encode(result), "error": "", "is_config": False}


def classify(
    dataset: Dataset, density: Density = 1.0, gestures: GestureConfig | None = None, *, partitions: int = 64
) -> Dataset:
    """Recognise a Ray dataset of touch samples, which is sorted by stream first so that no stroke is cut.

    A dataset has no order: the samples of a stream are put in that of their times and, where these are
    equal, of their rows.

    Parameters
    ----------
    dataset : ray.data.Dataset
        With the columns of touch samples, `stream` among them.
    density, gestures
        As for `capture.classify`.
    partitions : int, default 64
        Into how many parts the streams are shared out; a worker holds one of them at a time.

    Returns
    -------
    ray.data.Dataset
        One row for each stroke, in the columns of `capture.Gesture`; `first_sample` and `last_sample` count
        within a part.

    Raises
    ------
    ConfigError
        When there is no column ``stream``, or `partitions` is below 1.
    """
    start()
    if partitions < 1:
        raise ConfigError(f"partitions = {partitions}: expected at least 1")
    names = dataset.columns() or []
    if "stream" not in names:
        raise ConfigError("there is no column 'stream' to partition by")
    used = [name for name in COLUMNS if name in names]
    # Ray's types of functions leave out those that take more than a batch.
    given: Any = dataset
    shared: Dataset = (
        given.select_columns(used)
        .map_batches(_marked, batch_format="pyarrow", batch_size=None, fn_args=(partitions,))
        .groupby(_BUCKET, num_partitions=partitions)
        .map_groups(_recognised, batch_format="pyarrow", fn_args=(density, gestures))
    )
    return shared


def _marked(block: pa.Table, partitions: int) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    stream = block.column("stream").combine_chunks()
    buckets = pa.array(bucket_of(stream, partitions))
    return block.append_column(_BUCKET, buckets).append_column(_ROW, pa.array(np.arange(len(block))))


def _recognised(part: pa.Table, density: Density, gestures: GestureConfig | None) -> pa.Table:
    # By stream: strokes that stand together are measured several samples at a time.
    ordered = part.sort_by([("stream", "ascending"), ("time", "ascending"), (_ROW, "ascending")])
    return classify_log(ordered.drop_columns([_BUCKET, _ROW]), density, gestures).to_arrow()
