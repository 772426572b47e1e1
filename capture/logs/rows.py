"""Rows of a table, or records of JSON, to touch samples by a column map, without pyarrow."""

from __future__ import annotations

import array
import math
import re
from decimal import Decimal
from itertools import compress, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from capture.errors import TouchLogError
from capture.gestures.kinds import Action
from capture.gestures.samples import TouchSamples
from capture.logs.columns import ACTION_WORDS, UNITS
from capture.logs.names import other_devices
from capture.logs.samples import Fingers, Names
from capture.logs.strokemaker import StrokeMaker
from capture.logs.times import Gaps, Moments
from capture.logs.units import EMPTY, PARTS, Deltas, Unit, exact_times, quick_times, refuse_thousands

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from capture.logs.columns import ColumnMap

__all__ = ["Rows"]

#: An action that no touch sample has: the recognizer ignores and counts it.
_UNKNOWN_ACTION = 255
_INT64 = 1 << 63
#: Fewer rows that go back in time all the way may be an accident.
_FEW = 8
_PLACES = {"x", "y", "x-up", "y-up"}
_BOOLEANS = ({"0", "1"}, {"true", "false"}, {"0", "1", "true", "false"})
#: A whole number as numbers are written.
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
#: Plain integers: comparing members of the enum takes ten times as long.
_DOWN, _UP, _MOVE = int(Action.DOWN), int(Action.UP), int(Action.MOVE)


class Rows:
    """Columns of cells to samples; invalid rows are counted.

    Parameters
    ----------
    column_map : ColumnMap
    size : (int, int)
        Of the screen, for places that are parts of it.
    warnings : Counter
    unit_ns : int, optional
        Of columns whose unit is known; else that of the map.
    """

    def __init__(
        self,
        column_map: ColumnMap,
        size: tuple[int, int],
        warnings: Counter[str],
        unit_ns: int | None = None,
    ) -> None:
        self.used = self.skipped = self.left_out = 0
        self.streams, self.pointers = Names(), Names(32)
        self._map = column_map
        self.warnings = warnings
        self.first_bad = ""
        self.unit = Unit(unit_ns or column_map.unit_ns)
        self._scale = column_map.scales(size)
        self._words = column_map.actions or ACTION_WORDS
        #: Whether the table says at each time whether a finger is down, and the fingers that are.
        self._is_polled = column_map.actions.keys() in _BOOLEANS
        self._held: dict[tuple[int, int], tuple[float, float]] = {}
        #: Whether rows hang on others, so that they cannot be read column by column.
        self.depends = self._is_polled or column_map.deltas
        self._deltas = Deltas() if column_map.deltas else None
        self._memo: dict[Any, int | None] = {}
        self._moments = {role: Moments() for role in ("time", "down", "up")}
        self._begun = False
        self._gaps = Gaps()
        self._whole_s, self._same_s = True, False
        self._fingers = Fingers(warnings)
        self._strokes = StrokeMaker(column_map.gap_ns) if column_map.makes_strokes else None

    def add(self, cells: Mapping[str, Sequence[Any]], count: int) -> TouchSamples | None:
        """Convert rows.

        Parameters
        ----------
        cells : dict of str to sequence
            By role; the stream's may be a tuple of several.
        count : int
            How many rows there are.
        """
        if not count:
            return None
        roles: dict[str, Any] = dict(cells)
        if "duration" in roles:
            roles["up"] = list(map(_end, roles["down"], roles.pop("duration")))
        if self._deltas is not None:
            roles["time"] = self._deltas.times(roles["time"])
        if "only" in roles:
            wanted = roles.pop("only")
            roles = _kept(roles, wanted)
            self.left_out += count - sum(wanted)
            count = sum(wanted)
            if not count:
                return None
        good = [True] * count
        found = self._values(roles, count, good)
        if not all(good):
            at = good.index(False)
            self.first_bad = self.first_bad or ", ".join(
                f"{role} {str(column[at])[:40]!r}" for role, column in roles.items()
            )
            found = _kept(found, good)
            self.skipped += count - sum(good)
            count = sum(good)
        self.used += count
        return self._samples(found) if count else None

    def finish(self) -> Iterator[TouchSamples]:
        """Yield the samples that had to wait for all rows, and report the assumptions about times."""
        if any(moments.guessed for moments in self._moments.values()):
            self.warnings["date_order_guessed"] += 1
        if self.unit.said:
            self.warnings[self.unit.said] += 1
        elif self._map.common and self._gaps.doubtful:
            self.warnings["time_unit_doubtful"] += 1
        if self._whole_s and self._same_s:
            self.warnings["whole_seconds"] += 1
        if self._strokes is not None:
            yield from self._strokes.samples()

    def _values(self, roles: dict[str, list[Any]], count: int, good: list[bool]) -> dict[str, list[Any]]:
        """Return the values of the cells; rows with an invalid cell are marked."""
        found: dict[str, list[Any]] = {}
        found["stream"] = self._numbers(self.streams, roles.get("stream"), count)
        found["pointer"] = self._numbers(self.pointers, roles.get("pointer"), count)
        for role in _PLACES & roles.keys():
            found[role] = _places(roles[role], self._scale[role.startswith("y")], good)
        if "action" in roles:
            found["action"] = self._actions(roles["action"], good)
        if self._strokes is not None:
            found["stroke"] = roles.get("stroke") or [0] * count
        self._times(roles, found, good)
        return found

    def _times(self, roles: dict[str, list[Any]], found: dict[str, list[Any]], good: list[bool]) -> None:
        """Add the columns of times in ns."""
        names: list[str] = [role for role in ("time", "down", "up") if role in roles]
        if self.unit.ns and self.unit.is_plain and quick_times(roles, names, found, self.unit.ns):
            return
        exact: dict[str, list[Any]] = {}
        fractions = False
        for role in names:
            exact[role], fraction, are_text = exact_times(roles[role], good, self._moments[role])
            fractions |= fraction
            if are_text:
                # Dates and times of the day are in seconds.
                self.unit.ns, self.unit.is_decided = UNITS["s"], True
        if not self.unit.is_decided:
            times = [time for role in names for time, keep in zip(exact[role], good, strict=True) if keep]
            if not times:
                found.update(exact)
                return
            self.unit.decide(times[:8192], _gaps(exact, found, good), fractions=fractions)
        unit, origin = self.unit.ns or 1, self.unit.origin
        for role in names:
            column = exact[role]
            if unit != PARTS or not all(good):
                column = [
                    (time - origin) * unit // PARTS if keep else 0
                    for time, keep in zip(column, good, strict=True)
                ]
            if column and (min(column) < -_INT64 or max(column) >= _INT64):
                for index, time in enumerate(column):
                    if not -_INT64 <= time < _INT64:
                        good[index] = False
            found[role] = column

    def _samples(self, found: dict[str, list[Any]]) -> TouchSamples | None:
        stream, pointer = array.array("q", found["stream"]), array.array("i", found["pointer"])
        x, y = array.array("f", found["x"]), array.array("f", found["y"])
        if self._strokes is not None:
            self._strokes.add(stream, pointer, found["stroke"], found["time"], x, y)
            return None
        if "down" in found:
            ups = [array.array("f", found.get(f"{role}-up", column)) for role, column in (("x", x), ("y", y))]
            return _whole_strokes(stream, pointer, (found["down"], found["up"]), (x, ups[0]), (y, ups[1]))
        if self._is_polled:
            self._polled(zip(stream, pointer, strict=True), found["action"], x, y)
        times = array.array("q", found["time"])
        actions = array.array("B", found["action"])
        self._watch(stream, pointer, actions, times)
        if not self._map.common:
            self.depends |= _forget_placeholders(actions, x, y)
        chunk = TouchSamples(stream=stream, pointer=pointer, action=actions, time=times, x=x, y=y)
        return self._fingers.watch(chunk)

    def _watch(self, stream: Any, pointer: Any, actions: Any, times: Any) -> None:
        """Refuse rows that go back in time all the way, and look whether the gaps make sense."""
        import numpy as np

        time = np.asarray(times)
        steps = np.diff(time)
        if not self._begun and len(time) >= _FEW and time[0] > time[-1] and (steps <= 0).all():
            raise TouchLogError("its rows go back in time, the newest first: sort them by time")
        self._begun = True
        self._whole_s = self._whole_s and not (time % UNITS["s"]).any()
        self._same_s = self._same_s or bool((steps == 0).any())
        if self._map.common and not self._gaps.full:
            for row in zip(stream[:4096], pointer[:4096], actions[:4096], times[:4096], strict=True):
                self._gaps.add(*row)

    def _polled(self, fingers: Iterable[tuple[int, int]], actions: list[Any], x: Any, y: Any) -> None:
        """Make moves of the rows at which a finger stays down or up; it is lifted where it was last down."""
        held = self._held
        for index, (finger, action) in enumerate(zip(fingers, actions, strict=True)):
            if (action == _DOWN) == (finger in held):
                actions[index] = _MOVE
            if action == _DOWN:
                held[finger] = x[index], y[index]
            elif finger in held:
                x[index], y[index] = held.pop(finger)

    @staticmethod
    def _numbers(names: Names, column: list[Any] | None, count: int) -> list[int]:
        if column is None:
            return [0] * count
        try:
            numbers = {cell: names.number(_name(cell)) for cell in dict.fromkeys(column)}
            if len(numbers) == 1:
                return [*numbers.values()] * count
            return list(map(numbers.__getitem__, column))
        except TypeError:
            return [names.number(str(cell)) for cell in column]

    def _actions(self, column: list[Any], good: list[bool]) -> list[int | None]:
        """Return the actions; None in the rows that are left out."""
        memo = self._memo
        try:
            if new := set(column) - memo.keys():
                memo.update((cell, self._action(cell)) for cell in new)
                words = {str(cell).strip().lower(): cell for cell in memo} if not self._map.actions else {}
                others = other_devices(words)
                memo.update((words[word], None) for word in others)
                self.depends |= bool(others)
            found = list(map(memo.__getitem__, column))
        except TypeError:
            found = [self._action(cell) for cell in column]
        if None in found:
            for index, action in enumerate(found):
                if action is None:
                    good[index] = False
        return found

    def _action(self, cell: Any) -> int | None:
        if cell is None or (isinstance(cell, bool) and not self._map.actions):
            return None
        word = str(cell).strip().lower()
        found = self._words.get(word, self._words.get(word.removesuffix(".0")))
        if found is None and not self._map.actions and word.removesuffix(".0").lstrip("-").isdecimal():
            number = int(word.removesuffix(".0")[:20])
            return number if 0 <= number <= _UNKNOWN_ACTION else _UNKNOWN_ACTION
        return found


def _kept(columns: Mapping[str, Sequence[Any]], keep: list[bool]) -> dict[str, list[Any]]:
    return {name: list(compress(column, keep)) for name, column in columns.items()}


def _name(cell: Any) -> Any:
    """Return the name of a stream or a pointer: an integer where a cell holds one."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, str):
        text = cell.strip()
        # A column may be of numbers in one part of a table and of text in another.
        return 0 if text in EMPTY else int(text) if _WHOLE.fullmatch(text) else text
    return 0 if cell is None else cell if isinstance(cell, int | tuple) else str(cell)


def _end(down: Any, duration: Any) -> str | None:
    """Return a time that much later; None where a cell is no number."""
    try:
        return str(sum(Decimal(str(cell).strip().replace(",", ".")) for cell in (down, duration)))
    except ArithmeticError:
        return None


def _places(column: list[Any], scale: float, good: list[bool]) -> list[float]:
    # Cells of a table are texts, all of them.
    kinds = set(map(type, column[:1] if column and isinstance(column[0], str) else column))
    found = column if kinds == {float} else _floats(column, kinds, good)
    return found if scale == 1 else [value * scale for value in found]


def _floats(column: list[Any], kinds: set[type], good: list[bool]) -> list[float]:
    if bool not in kinds:
        try:
            return list(map(float, column))
        except (ValueError, TypeError, OverflowError):
            pass
    refuse_thousands(column)
    return [_place(cell, index, good) for index, cell in enumerate(column)]


def _place(cell: Any, index: int, good: list[bool]) -> float:
    if cell is None or (isinstance(cell, str) and cell.strip() in EMPTY):
        return math.nan
    if not isinstance(cell, bool):
        try:
            return _number(cell.strip().lower()) if isinstance(cell, str) else float(cell)
        except (ValueError, TypeError, OverflowError):
            pass
    good[index] = False
    return math.nan


def _number(text: str) -> float:
    """Return a place that is written with a decimal comma, in hex or with its unit."""
    if text.startswith("0x"):
        return float(int(text, 16))
    return float(text.removesuffix("px").replace(",", "."))


def _gaps(exact: dict[str, list[Any]], found: dict[str, list[Any]], good: list[bool]) -> list[int]:
    """Return the gaps between the rows of a stroke, of the first few thousand rows."""
    if "down" in exact:
        pairs = zip(exact["down"], exact["up"], good, strict=True)
        return [up - down for down, up, keep in pairs if keep][:8192]
    actions = found.get("action") or [_MOVE] * len(good)
    columns = zip(found["stream"], found["pointer"], actions, exact["time"], good, strict=True)
    rows = [sample for *sample, keep in islice(columns, 8192) if keep]
    if "action" not in found:
        rows.sort(key=itemgetter(3))
    gaps = Gaps()
    for row in rows:
        gaps.add(*row)
    if not gaps.found:
        # No stroke has two rows, as in a table of UPs alone: all rows of a finger count as one.
        gaps = Gaps()
        for stream, pointer, action, time in rows:
            gaps.add(stream, pointer, _MOVE if action else _DOWN, time)
    return gaps.found


def _forget_placeholders(actions: Any, x: Any, y: Any) -> bool:
    """Forget the places of UPs that are all at 0, 0 or -1, -1, as sensors note none; return whether so.

    One UP alone may be at the corner.
    """
    import numpy as np

    ups = np.asarray(actions) == _UP
    for sign in (0, -1):
        noted = (np.asarray(x) == sign) & (np.asarray(y) == sign)
        if ups.sum() > 1 and noted[ups].all() and not noted[~ups].any():
            np.asarray(x)[ups] = np.asarray(y)[ups] = math.nan
            return True
    return False


def _whole_strokes(
    stream: Any, pointer: Any, times: tuple[list[int], list[int]], x: tuple[Any, Any], y: tuple[Any, Any]
) -> TouchSamples:
    """Return each row as a DOWN and an UP: a tap, or the two ends of another stroke."""
    import numpy as np

    return TouchSamples(
        stream=np.repeat(stream, 2),
        pointer=np.repeat(pointer, 2),
        action=array.array("B", [_DOWN, _UP]) * len(stream),
        time=np.column_stack(times).ravel(),
        x=np.column_stack(x).ravel(),
        y=np.column_stack(y).ravel(),
    )
