"""`classify` with several threads: a log is cut into ranges, or shared by stream where streams mingle.

A cut is a place at which no stroke is open, as far as the samples before it show. Each range has a recogniser
of its own, and writes its records where they belong in the one table: every DOWN makes one record. Then state
across the cuts is handed over (`capture._native.seams`); behind a cut at which a stroke turns out to have
been open, the recogniser from before the cut does the range again.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from capture._native import batch, chords, output, sample_columns, seams

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import ThreadPoolExecutor

    from capture._native import recognizer as native
    from capture.gestures.samples import TouchSamples

__all__ = ["LEAST_SAMPLES", "count_downs", "cut", "cut_at", "feed_ranges", "feed_shares"]

#: A thread is worth its start for that many samples.
LEAST_SAMPLES = 1 << 16
#: Samples that are looked through for a place to cut.
_WINDOW = 1 << 13


def count_downs(parts: Sequence[TouchSamples]) -> int:
    """Return the number of DOWNs, which is that of the strokes."""
    return sum(sample_columns.count_downs(part.action) for part in parts)


def cut(parts: Sequence[TouchSamples], ranges: int) -> list[list[TouchSamples]]:
    """Cut a log into about as many ranges of about the same length; fewer where no place to cut is found."""
    total = sum(map(len, parts))
    places = {_place_near(parts, total * number // ranges) for number in range(1, ranges)}
    return cut_at(parts, sorted(places - {0}))


def cut_at(parts: Sequence[TouchSamples], places: Sequence[int]) -> list[list[TouchSamples]]:
    """Cut a log at those samples."""
    found: list[list[TouchSamples]] = [[]]
    at, left = 0, list(places)
    for part in parts:
        begin = 0
        while left and left[0] <= at + len(part):
            place = left.pop(0) - at
            found[-1].append(part[begin:place])
            found.append([])
            begin = place
        found[-1].append(part[begin:])
        at += len(part)
    return found


def _place_near(parts: Sequence[TouchSamples], ideal: int) -> int:
    """Return a sample at which to cut, near the ideal one; 0 if no stroke-free place is near."""
    at = 0
    for part in parts:
        if at + len(part) > ideal:
            first = max(0, ideal - at - _WINDOW)
            place = seams.find_seam(part[first : first + _WINDOW])
            return 0 if place < 0 else at + first + place
        at += len(part)
    return 0


def _threads(count: int) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(count, thread_name_prefix="capture-classify")


class _Run:
    """One recogniser on one range: its part of the table, and the chords that ended there."""

    def __init__(
        self,
        recognizer: native.Recognizer,
        samples: list[TouchSamples],
        columns: output.GestureColumns,
        *,
        multi: bool,
    ) -> None:
        self.recognizer = recognizer
        self.samples = samples
        self.columns = columns
        self.chords = chords.MultiColumns() if multi else None

    def feed(self) -> None:
        for part in self.samples:
            batch.feed(self.recognizer, self.columns, part, multi=self.chords)


def feed_ranges(
    recognizers: Sequence[native.Recognizer],
    ranges: Sequence[list[TouchSamples]],
    make_columns: Callable[[int], output.GestureColumns],
    multi: chords.MultiColumns | None = None,
) -> tuple[output.GestureColumns, native.Recognizer]:
    """Recognise the ranges of a whole log, a thread and a fresh recogniser for each.

    Parameters
    ----------
    recognizers : sequence of Recognizer
        Fresh ones, alike.
    ranges : sequence of lists of TouchSamples
        As `cut` gives them.
    make_columns : callable
        Gives empty columns with room for so many records.
    multi : MultiColumns, optional
        Takes the chords.

    Returns
    -------
    tuple of GestureColumns and Recognizer
        All gestures, and the one that knows the counters of all.
    """
    with _threads(len(ranges)) as pool:
        downs = list(pool.map(count_downs, ranges))
        columns = make_columns(sum(downs))
        numbers = accumulate((sum(map(len, each)) for each in ranges), initial=0)
        firsts = accumulate(downs, initial=0)
        runs = []
        for samples, recognizer, number, first, room in zip(
            ranges, recognizers, numbers, firsts, downs, strict=False
        ):
            seams.begin_at(recognizer, number)
            runs.append(_Run(recognizer, samples, columns.part(first, room), multi=multi is not None))
        list(pool.map(_Run.feed, runs))
    return columns, _joined(runs, columns, sum(downs), multi)


def _joined(
    runs: list[_Run], columns: output.GestureColumns, room: int, multi: chords.MultiColumns | None
) -> native.Recognizer:
    """Pass the state on at every cut, collect the chords, and end open strokes."""
    known, count = runs[0].recognizer, 0
    for number, each in enumerate(runs):
        run = each
        if number and seams.count_open(known):
            run = _Run(known, each.samples, columns.part(count, room - count), multi=multi is not None)
            run.feed()
        elif number:
            is_last = number == len(runs) - 1
            seams.hand_over(known, each.recognizer, each.columns, each.samples, going_on=not is_last)
            known = each.recognizer
        count += len(run.columns)
        if multi is not None and run.chords is not None:
            multi.extend(run.chords)
    rest = columns.part(count, room - count)
    batch.finish(known, rest, multi)
    columns.fill(count + len(rest))
    return known


def feed_shares(
    recognizers: Sequence[native.Recognizer],
    parts: Sequence[TouchSamples],
    *,
    verdicts: bool = False,
    multi: chords.MultiColumns | None = None,
) -> output.GestureColumns:
    """Recognise a whole log that has stream columns, a thread for each recogniser; return all gestures.

    Every thread reads the whole stream column and processes the samples of its own streams; the records are
    then merged in order.
    """
    threads = len(recognizers)
    # An even share of the strokes and a little more: growing would cost another output's pages.
    room = count_downs(parts) * 9 // (8 * threads)
    tables = [output.GestureColumns(room, ordered=True, verdicts=verdicts) for _ in range(threads)]

    ended = [[None if multi is None else chords.MultiColumns() for _ in range(2)] for _ in range(threads)]

    def work(share: int) -> None:
        fed, left = ended[share]
        for part in parts:
            batch.feed(recognizers[share], tables[share], part, share=share, shares=threads, multi=fed)
        batch.finish(recognizers[share], tables[share], left)

    with _threads(threads) as pool:
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
