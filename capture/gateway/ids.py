"""Which events are in files already: exact, 16.5 bytes an id, in sorted runs by the hour of the event.

An event's own time never changes, so a copy always falls in the same hour. Events far from now, whose times
may be forged, share one bucket. A run is the upper halves of its ids, the lower halves, and half a byte for
each that tells most changed copies from true ones (0: not known). Small runs are in the database, large
ones in files.
"""

from __future__ import annotations

import math
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from capture.sinks.objects import open_objects

if TYPE_CHECKING:
    from collections.abc import Collection

    from capture.gateway.state import State

__all__ = ["Found", "Ids", "Keys"]

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
#: Bucket of the events whose times are far from now.
_FAR = -(2**62)
#: Runs of more ids than this are files.
_MOST_IN_DATABASE = 50_000
#: Runs of about the same size are merged when there are so many.
_MOST_ALIKE = 4
_PUT_S = 60.0
#: Project, wire format and bucket.
_Key: TypeAlias = "tuple[int, str, int]"


class Keys(NamedTuple):
    """Ids of events in the order of arrival: both halves, times (ms), and half a byte of the content."""

    high: np.ndarray[Any, np.dtype[np.uint64]]
    low: np.ndarray[Any, np.dtype[np.uint64]]
    time_ms: np.ndarray[Any, np.dtype[np.int64]]
    mark: np.ndarray[Any, np.dtype[np.uint8]]

    @classmethod
    def of(cls, ids: bytes, times_ms: list[int], checksums: list[int]) -> Keys:
        """Return the keys of ids of 16 bytes each."""
        high, low = np.frombuffer(ids, ">u8").reshape(-1, 2).astype(np.uint64).T
        marks = np.array(checksums, np.uint32) % 15 + 1
        return cls(high, low, np.array(times_ms, np.int64), marks.astype(np.uint8))


class Found(NamedTuple):
    """Which events are copies, and how many of them differ from the first."""

    is_copy: np.ndarray[Any, np.dtype[np.bool_]]
    conflicts: int


class _Run(NamedTuple):
    high: Any
    low: Any
    marks: Any

    def marks_at(self, positions: Any) -> Any:
        return (self.marks[positions >> 1] >> ((positions & 1) * 4).astype(np.uint8)) & 15


class Ids:
    """The index of one output folder; use it inside a `State.unit`.

    Parameters
    ----------
    state : State
    window_days : int
        How long ids are remembered.
    """

    def __init__(self, state: State, window_days: int) -> None:
        self._state = state
        self._folder = state.folder / "ids"
        self._files = open_objects(str(state.folder), "output.state", None)
        self._window_ms = window_days * _DAY_MS
        #: New ids, by bucket: pending until `commit`.
        self._new: dict[_Key, list[_Run]] = {}

    def find(self, project: int, wire: str, keys: Keys, now_ms: int) -> Found:
        """Return which events are copies; the others are added by `commit`."""
        is_copy = np.zeros(len(keys.high), bool)
        conflicts = 0
        hours = keys.time_ms // _HOUR_MS
        far = (keys.time_ms < now_ms - self._window_ms) | (keys.time_ms > now_ms + _DAY_MS)
        query = "SELECT DISTINCT bucket FROM ids WHERE project = ? AND wire = ?"
        known = [row[0] for row in self._state.db.execute(query, (project, wire))]
        # An hour that was near when its first event came stays a bucket until it is forgotten.
        buckets = np.where(far & ~np.isin(hours, known), _FAR, hours)
        order = np.argsort(buckets, kind="stable")
        starts = np.flatnonzero(np.diff(buckets[order], prepend=buckets[order[:1]] - 1))
        for part in np.split(order, starts[1:]) if len(order) else []:
            key = project, wire, int(buckets[part[0]])
            runs = self._runs(key)
            if key[2] != _FAR:
                runs += self._runs((project, wire, _FAR))
            new, differing = _new(keys, part, runs)
            conflicts += differing
            is_copy[part] = True
            is_copy[new] = False
            if len(new):
                run = _run_of(keys.high[new], keys.low[new], keys.mark[new])
                self._new.setdefault(key, []).append(run)
        return Found(is_copy, conflicts)

    def commit(self, now_ms: int) -> None:
        """Add the new ids that `find` found, inside a transaction; delete ids older than the window."""
        new, self._new = self._new, {}
        for key, runs in new.items():
            self._add(key, _merged(runs), now_ms)
        late = "SELECT project, wire, bucket FROM ids GROUP BY project, wire, bucket HAVING max(received) < ?"
        delete = f"DELETE FROM ids WHERE (project, wire, bucket) IN ({late})"  # noqa: S608 - its own text
        self._state.db.execute(delete, (now_ms - self._window_ms,))

    def sweep(self) -> None:
        """Delete files of runs that the database does not name, after a commit or a crash."""
        if self._folder.exists():
            known = {row[0] for row in self._state.db.execute("SELECT run FROM ids WHERE data IS NULL")}
            for path in self._folder.iterdir():
                if path.name not in known:
                    path.unlink(missing_ok=True)

    def drop(self) -> None:
        """Drop the new ids of `find`: its unit failed."""
        self._new = {}

    def _runs(self, key: _Key, only: Collection[str] | None = None) -> list[_Run]:
        """Return the runs of a bucket, or only those of these names, and behind them the new ones.

        Their columns are views of the stored bytes; those of files are read from the disk where they are
        looked at.
        """
        query = "SELECT run, count, data FROM ids WHERE project = ? AND wire = ? AND bucket = ?"
        found = []
        for name, count, blob in self._state.db.execute(query, key):
            if only is None or name in only:
                file = self._folder / name
                data: Any = np.memmap(file, np.uint8, "r") if blob is None else np.frombuffer(blob, np.uint8)
                words = data[: 16 * count].view(np.uint64)
                found.append(_Run(words[:count], words[count:], data[16 * count :]))
        return found + self._new.get(key, [])

    def _add(self, key: _Key, run: _Run, now_ms: int) -> None:
        """Add a run; merge runs of about the same size when there are many.

        `commit` has taken the new runs of the unit, so that `_runs` returns stored ones alone.
        """
        by_tier: dict[int, list[str]] = {}
        query = "SELECT run, count FROM ids WHERE project = ? AND wire = ? AND bucket = ?"
        for name, count in self._state.db.execute(query, key):
            by_tier.setdefault(_tier(count), []).append(name)
        delete = "DELETE FROM ids WHERE project = ? AND wire = ? AND bucket = ? AND run = ?"
        while len(alike := by_tier.pop(_tier(len(run.high)), [])) >= _MOST_ALIKE - 1:
            run = _merged([run, *self._runs(key, alike)])
            self._state.db.executemany(delete, [(*key, name) for name in alike])
        name = uuid.uuid4().hex
        data = b"".join((run.high.tobytes(), run.low.tobytes(), run.marks.tobytes()))
        is_file = len(run.high) > _MOST_IN_DATABASE
        if is_file:
            self._files.put(f"ids/{name}", data, _PUT_S)
        row = (*key, name, len(run.high), now_ms, None if is_file else data)
        self._state.db.execute("INSERT INTO ids VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def _tier(count: int) -> int:
    return int(math.log(count, 4))


def _sorted_by_id(high: Any, low: Any) -> Any:
    """Return the order of ids, stable."""
    order = np.argsort(high, kind="stable")
    inorder = high[order]
    if (inorder[1:] == inorder[:-1]).any():
        return np.lexsort((low, high))
    return order


def _run_of(high: Any, low: Any, mark: Any) -> _Run:
    """Return a run of ids, which need not be sorted."""
    order = _sorted_by_id(high, low)
    nibbles = np.zeros(len(order) + len(order) % 2, np.uint8)
    nibbles[: len(order)] = mark[order]
    return _Run(high[order], low[order], nibbles[::2] | (nibbles[1::2] << 4))


def _merged(runs: list[_Run]) -> _Run:
    marks = [run.marks_at(np.arange(len(run.high))) for run in runs]
    high, low = (np.concatenate([run[half] for run in runs]) for half in (0, 1))
    return _run_of(high, low, np.concatenate(marks))


def _new(keys: Keys, part: Any, runs: list[_Run]) -> tuple[Any, int]:
    """Return those of the events `part` that are new, the first of each id; and the copies that differ."""
    order = part[_sorted_by_id(keys.high[part], keys.low[part])]
    high, low, mark = keys.high[order], keys.low[order], keys.mark[order]
    again = np.zeros(len(order), bool)
    again[1:] = (high[1:] == high[:-1]) & (low[1:] == low[:-1])
    first = np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))
    conflicts = _differing(mark, mark[first])
    seen = again.copy()
    for run in runs:
        at = _positions(run, high, low)
        hit = at >= 0
        conflicts += _differing(run.marks_at(at[hit & ~again]), mark[hit & ~again])
        seen |= hit
    return order[~seen], conflicts


def _differing(marks: Any, others: Any) -> int:
    return int(((marks != others) & (marks != 0) & (others != 0)).sum())


def _positions(run: _Run, high: Any, low: Any) -> Any:
    """Return where ids are in a run; -1 for those that are not."""
    at = np.searchsorted(run.high, high)
    inside = np.minimum(at, len(run.high) - 1)
    same = run.high[inside] == high
    found = np.where(same & (run.low[inside] == low), inside, -1)
    # Ids that share their upper half: forged ones may, in great number.
    for index in np.flatnonzero(same & (found < 0)):
        start, end = at[index], np.searchsorted(run.high, high[index], "right")
        place = start + np.searchsorted(run.low[start:end], low[index])
        if place < end and run.low[place] == low[index]:
            found[index] = place
    return found
