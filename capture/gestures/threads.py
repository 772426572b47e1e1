"""`classify` with several threads: the streams are split among them, then the records are merged in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from capture._native import batch, output
from capture.gestures.recognizer import COUNTERS, Density, GestureTable, Recognizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.gestures.config import GestureConfig
    from capture.gestures.samples import TouchSamples

__all__ = ["classify_in_threads"]


def classify_in_threads(
    parts: Sequence[TouchSamples], density: Density, gestures: GestureConfig | None, threads: int
) -> GestureTable:
    """Recognise a whole log that has stream columns; the result is that of one thread.

    Every thread reads the whole stream column and processes the samples of its own streams.
    """
    recognizers = [Recognizer(density, gestures) for _ in range(threads)]
    # An even share of the strokes and a little more: growing would cost another output's pages.
    room = sum(batch.count_downs(part.action) for part in parts) * 9 // (8 * threads)
    tables = [output.GestureColumns(room, ordered=True) for _ in range(threads)]

    def work(share: int) -> None:
        for part in parts:
            batch.feed(recognizers[share], tables[share], part, share=share, shares=threads)
        batch.finish(recognizers[share], tables[share])

    with ThreadPoolExecutor(threads, thread_name_prefix="capture-classify") as pool:
        list(pool.map(work, range(threads)))
        merge = output.Merge(tables)
        list(pool.map(lambda first: merge.columns(first, threads), range(threads)))
    counters = {name: sum(each.counters[name] for each in recognizers) for name in COUNTERS}
    return GestureTable(merge.out, counters)
