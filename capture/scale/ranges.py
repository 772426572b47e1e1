"""A large partition in several threads: each decodes and recognises row groups of its own.

Row groups begin anywhere in a log. Each thread looks for a place to cut near the beginning of its own ones,
and the samples before it go to the recogniser of the row groups before (`capture.gestures.threads`).
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from capture._native.output import GestureColumns
from capture.gestures.arrow import is_text
from capture.gestures.parquet import GROUP_GESTURES
from capture.gestures.samples import TouchSamples
from capture.gestures.threads import Range, feed_behind_cut
from capture.scale.files import metadata_of, sample_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    import pyarrow.parquet as pq

    from capture._native.chords import MultiColumns
    from capture.gestures.recognizer import Recognizer

    #: The samples before the place to cut, and the range behind it.
    _Read = tuple[Iterable[TouchSamples], Range | None]

__all__ = ["Piece", "cut_into_pieces", "recognise_pieces"]

#: Samples of a piece, in so many row groups as that takes; and of the largest row group that is done so: each
#: thread has the records of one in memory.
PIECE_SAMPLES, MOST_SAMPLES = 1 << 19, 1 << 20


class Piece(NamedTuple):
    """Neighbouring row groups of a file, and the number of their first sample in the log."""

    path: str
    metadata: pq.FileMetaData
    groups: list[int]
    first: int

    @property
    def samples(self) -> int:
        """Number of samples."""
        return sum(self.metadata.row_group(group).num_rows for group in self.groups)


def cut_into_pieces(filesystem: Any, paths: Sequence[str]) -> list[Piece]:
    """Return the pieces of a log in these files; one at most where it is to be read in one thread.

    Streams that are named by text are numbered in the order in which they are read, in one thread.
    """
    pieces: list[Piece] = []
    first = 0
    for path in paths:
        metadata = metadata_of(filesystem, path)
        schema = metadata.schema.to_arrow_schema()
        if "stream" in schema.names and is_text(schema.field("stream").type):
            return []
        groups: list[int] = []
        room = 0
        for group in range(metadata.num_row_groups):
            rows = metadata.row_group(group).num_rows
            if rows > MOST_SAMPLES:
                return []
            if rows > room or not groups:
                groups, room = [], PIECE_SAMPLES
                pieces.append(Piece(path, metadata, groups, first))
            groups.append(group)
            room -= rows
            first += rows
    return pieces


def recognise_pieces(
    filesystem: Any,
    pieces: Sequence[Piece],
    new_recognizer: Callable[[], Recognizer],
    write: Callable[[GestureColumns, MultiColumns | None], None],
    check: Callable[[], None],
    *,
    threads: int,
    verdicts: bool,
    multi: bool,
) -> dict[str, int]:
    """Recognise the pieces of a log; return the counters.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
    pieces : sequence of Piece
    new_recognizer : callable
        Makes a fresh recogniser.
    write : callable
        Takes the records and the chords, in order, and keeps none of them.
    check : callable
        Called after each batch; an error that it raises ends the run.
    threads : int
        So many pieces are read at a time.
    verdicts, multi : bool
        Columns of the dialect's verdict; chords.
    """
    # Columns are filled again and again: fresh pages cost more than recognising does.
    spare: list[GestureColumns] = []

    def read(piece: Piece) -> _Read:
        columns = spare.pop() if spare else GestureColumns(verdicts=verdicts)
        parts = _Samples(filesystem, piece, check)
        return feed_behind_cut(new_recognizer(), parts, columns, number=piece.first, multi=multi)

    def write_again(columns: GestureColumns, chords: MultiColumns | None) -> None:
        write(columns, chords)
        columns.clear()
        spare.append(columns)

    with ThreadPoolExecutor(threads, thread_name_prefix="capture-range") as pool:
        try:
            run = Range(new_recognizer(), GestureColumns(verdicts=verdicts), multi=multi)
            for before, behind in _in_order(pool, [partial(read, piece) for piece in pieces], threads):
                run.feed(before)
                following = run if behind is None else run.join(behind)
                if following is not run:
                    write_again(run.columns, run.chords)
                    run = following
                elif len(run.columns) >= GROUP_GESTURES:
                    write(*run.take())
            run.finish()
            write(run.columns, run.chords)
            return run.recognizer.counters
        finally:
            pool.shutdown(cancel_futures=True)


class _Samples:
    """The samples of a piece, read anew each time."""

    def __init__(self, filesystem: Any, piece: Piece, check: Callable[[], None]) -> None:
        self._filesystem = filesystem
        self._piece = piece
        self._check = check

    def __iter__(self) -> Iterator[TouchSamples]:
        path, metadata, groups, _ = self._piece
        for batch in sample_batches(self._filesystem, path, metadata=metadata, groups=groups):
            yield from TouchSamples.batches(batch)
            self._check()


def _in_order(pool: ThreadPoolExecutor, work: Sequence[Callable[[], _Read]], threads: int) -> Iterator[_Read]:
    """Yield results in the order of the work, which is begun no more than a piece ahead of the threads."""
    running: deque[Future[_Read]] = deque()
    for each in work:
        running.append(pool.submit(each))
        if len(running) > threads:
            yield running.popleft().result()
    while running:
        yield running.popleft().result()
