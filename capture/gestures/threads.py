"""`classify` with several threads: the streams are split among them, then the records are merged in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from capture._native import batch, chords, output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture._native import recognizer as native
    from capture.gestures.samples import TouchSamples

__all__ = ["feed_in_threads"]


def feed_in_threads(
    recognizers: Sequence[native.Recognizer],
    parts: Sequence[TouchSamples],
    *,
    verdicts: bool = False,
    multi: chords.MultiColumns | None = None,
) -> output.GestureColumns:
    """Recognise a whole log that has stream columns, a thread for each recogniser; return all gestures.

    Every thread reads the whole stream column and processes the samples of its own streams.
    """
    threads = len(recognizers)
    # An even share of the strokes and a little more: growing would cost another output's pages.
    room = sum(batch.count_downs(part.action) for part in parts) * 9 // (8 * threads)
    tables = [output.GestureColumns(room, ordered=True, verdicts=verdicts) for _ in range(threads)]

    ended = [[None if multi is None else chords.MultiColumns() for _ in range(2)] for _ in range(threads)]

    def work(share: int) -> None:
        fed, left = ended[share]
        for part in parts:
            batch.feed(recognizers[share], tables[share], part, share=share, shares=threads, multi=fed)
        batch.finish(recognizers[share], tables[share], left)

    with ThreadPoolExecutor(threads, thread_name_prefix="capture-classify") as pool:
        list(pool.map(work, range(threads)))
        merge = output.Merge(tables)
        list(pool.map(lambda first: merge.columns(first, threads), range(threads)))
    if multi is not None:
        # Those that a row ended, in the order of the rows; then those still open, by their first rows.
        for place, by_first in ((0, False), (1, True)):
            together = chords.MultiColumns()
            for each in ended:
                if (found := each[place]) is not None:
                    together.extend(found)
            together.sort(by_first=by_first)
            multi.extend(together)
    return merge.out
