"""A log in several threads: it is cut into ranges, or shared by stream where streams mingle.

A cut is a place at which no stroke is open, as far as the samples before it show. Each range has a recogniser
of its own, and writes its records where they belong in the one table: every DOWN makes one record. (Of a log
that is read piece by piece each `Range` keeps its own records.) Then state across the cuts is handed over
(`capture._native.seams`); behind a cut at which a stroke turns out to have been open, the recogniser from
before the cut does the range again.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from itertools import accumulate, islice
from typing import TYPE_CHECKING, TypeVar

from capture._native import batch, chords, output, sample_columns, seams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from capture._native import recognizer as native
    from capture.gestures.samples import TouchSamples

__all__ = [
    "LEAST_SAMPLES",
    "WINDOW_SAMPLES",
    "Range",
    "count_downs",
    "cut",
    "cut_at",
    "feed_behind_cut",
    "feed_ranges",
    "feed_shares",
]

_Result = TypeVar("_Result")

#: A thread is worth its start for that many samples.
LEAST_SAMPLES = 1 << 16
#: Samples that are looked through for a place to cut.
WINDOW_SAMPLES = 1 << 13


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
            first = max(0, ideal - at - WINDOW_SAMPLES)
            place = seams.find_seam(part[first : first + WINDOW_SAMPLES])
            return 0 if place < 0 else at + first + place
        at += len(part)
    return 0


@contextmanager
def _in_threads(threads: int) -> Iterator[Callable[[Iterable[Callable[[], _Result]]], list[_Result]]]:
    """Yield a function that runs tasks in parallel, the first of them in the calling thread."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads - 1, thread_name_prefix="capture-classify") as pool:

        def do(work: Iterable[Callable[[], _Result]]) -> list[_Result]:
            first, *others = work
            running = [pool.submit(each) for each in others]
            return [first(), *(each.result() for each in running)]

        yield do


class Range:
    """One recogniser on one range of a log.

    Parameters
    ----------
    recognizer : Recognizer
        A fresh one, or the one that knows everything before the range.
    columns : GestureColumns
        Takes the records.
    samples : iterable of TouchSamples
        The range. It is iterated again where samples are needed again.
    multi : bool
        Recognise gestures of several fingers.

    Attributes
    ----------
    chords : MultiColumns or None
        Those that ended in the range.
    """

    def __init__(
        self,
        recognizer: native.Recognizer,
        columns: output.GestureColumns,
        samples: Iterable[TouchSamples] = (),
        *,
        multi: bool,
    ) -> None:
        self.recognizer = recognizer
        self.columns = columns
        self.samples = samples
        self.chords = chords.MultiColumns() if multi else None

    def feed(self, samples: Iterable[TouchSamples]) -> None:
        """Recognise samples."""
        for part in samples:
            batch.feed(self.recognizer, self.columns, part, multi=self.chords)

    def join(self, following: Range) -> Range:
        """Go on with the next range; return the one that has its records, and knows everything so far.

        Where a stroke is open at the cut, that is this one.
        """
        if seams.count_open(self.recognizer):
            self.feed(following.samples)
            return self
        seams.hand_over(
            self.recognizer, following.recognizer, following.columns, following.samples, going_on=True
        )
        return following

    def take(self) -> tuple[output.GestureColumns, chords.MultiColumns | None]:
        """Return the records and chords so far; later ones go to fresh columns."""
        taken = self.columns, self.chords
        self.columns = output.GestureColumns(verdicts=self.columns.verdicts)
        self.chords = None if self.chords is None else chords.MultiColumns()
        return taken

    def finish(self) -> None:
        """End open strokes."""
        batch.finish(self.recognizer, self.columns, self.chords)


def feed_behind_cut(
    recognizer: native.Recognizer,
    parts: Iterable[TouchSamples],
    columns: output.GestureColumns,
    *,
    number: int,
    multi: bool = False,
) -> tuple[Iterable[TouchSamples], Range | None]:
    """Recognise the samples of a piece of a log behind the first place to cut, as they are read.

    Parameters
    ----------
    recognizer : Recognizer
        A fresh one.
    parts : iterable of TouchSamples
        The piece. It is iterated again where samples are needed again.
    columns : GestureColumns
        Empty.
    number : int
        That of the first sample in the log; 0: the log begins here, which is a place to cut.
    multi : bool
        Recognise gestures of several fingers.

    Returns
    -------
    tuple of iterable of TouchSamples and Range or None
        The samples before the cut, and the range behind it. Where no place to cut is near: the piece,
        of which nothing was recognised, and None.
    """
    before: Iterable[TouchSamples] = ()
    found: Range | None = None
    for part in filter(len, parts):
        behind = part
        if found is None:
            place = seams.find_seam(part[:WINDOW_SAMPLES]) if number else 0
            if place < 0:
                return parts, None
            before, behind = (part[:place],), part[place:]
            seams.begin_at(recognizer, number + place)
            found = Range(recognizer, columns, _Behind(behind, parts), multi=multi)
        batch.feed(recognizer, columns, behind, multi=found.chords)
    return before, found


class _Behind:
    """The samples of a piece behind a cut: the first are kept, the others read again where that is needed."""

    def __init__(self, first: TouchSamples, parts: Iterable[TouchSamples]) -> None:
        self._first = first
        self._parts = parts

    def __iter__(self) -> Iterator[TouchSamples]:
        yield self._first
        yield from islice(filter(len, self._parts), 1, None)


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
    with _in_threads(len(ranges)) as do:
        downs = do(partial(count_downs, each) for each in ranges)
        columns = make_columns(sum(downs))
        numbers = accumulate((sum(map(len, each)) for each in ranges), initial=0)
        firsts = accumulate(downs, initial=0)
        runs = []
        for samples, recognizer, number, first, room in zip(
            ranges, recognizers, numbers, firsts, downs, strict=False
        ):
            seams.begin_at(recognizer, number)
            runs.append(Range(recognizer, columns.part(first, room), samples, multi=multi is not None))
        do(partial(run.feed, run.samples) for run in runs)
    return columns, _joined(runs, columns, sum(downs), multi)


def _joined(
    runs: list[Range], columns: output.GestureColumns, room: int, multi: chords.MultiColumns | None
) -> native.Recognizer:
    """Pass the state on at every cut, collect the chords, and end open strokes."""
    known, count = runs[0].recognizer, 0
    for number, each in enumerate(runs):
        run = each
        if number and seams.count_open(known):
            run = Range(known, columns.part(count, room - count), multi=multi is not None)
            run.feed(each.samples)
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

    with _in_threads(threads) as do:
        do(partial(work, share) for share in range(threads))
        merge = output.Merge(tables)
        do(partial(merge.columns, first, threads) for first in range(threads))
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
