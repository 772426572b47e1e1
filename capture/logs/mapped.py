"""Shared code of readers with a column map: the map by names, and the outcomes of the rows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from capture.errors import TouchLogError
from capture.logs.base import LogInfo, TouchLog
from capture.logs.columns import PRESETS, ColumnMap, listed
from capture.logs.kvi import DEFAULT_SCREEN
from capture.logs.names import guess
from capture.logs.rows import Rows
from capture.logs.suggestions import suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.logs.arrow import Converter

__all__ = ["MappedLog"]

#: Causes that the first rows of a table tell.
_OF_TIMES = ("time_unit_guessed", "time_unit_doubtful", "whole_seconds")


class MappedLog(TouchLog):
    """A log whose columns, or keys, mean what a column map says, or what their names tell."""

    #: Line with the names of the columns.
    names_line: ClassVar[int | None] = None

    def _describe(self) -> LogInfo:
        self._size = self.options.screen or DEFAULT_SCREEN
        try:
            self._map = ColumnMap.parse(self.options.columns)
            info = self._find_columns()
        except TouchLogError:
            raise
        except ValueError as error:
            raise self.error(str(error), line=self.names_line) from None
        if self._is_length:
            density = self.options.density or 1.0
            whole = tuple(part * density if part < 0 else part for part in self._map.whole)
            self._map = msgspec.structs.replace(self._map, whole=whole)
            info = msgspec.structs.replace(info, density=density)
        if self._is_part:
            return msgspec.structs.replace(info, width=self._size[0], height=self._size[1])
        return info

    @property
    def _is_part(self) -> bool:
        """Whether places are parts of the screen."""
        return max(self._map.whole) > 0

    @property
    def _is_length(self) -> bool:
        """Whether places are in mm or cm."""
        return min(self._map.whole) < 0

    def _find_columns(self) -> LogInfo:
        """Find the columns of the map in the log, or guess the map where none was given.

        Raises
        ------
        ValueError
            When columns are not there.
        """
        raise NotImplementedError

    def _guessed(
        self, names: Sequence[str], cells: dict[str, list[str]], what: str = "a table with the columns"
    ) -> ColumnMap:
        """Return a map by the names of columns and some cells of each, and by settings that were given alone.

        Raises
        ------
        ValueError
            Where the names do not suffice: with a map to copy.
        """
        found = guess(names, cells)
        if found is None:
            raise ValueError(
                f"is {what} {listed(names)}: say which is what, as in "
                f"--columns '{suggestion(names, cells)}' (presets: {', '.join(PRESETS)})"
            )
        return self._with_settings(found)

    def _with_settings(self, found: str) -> ColumnMap:
        """Return a guessed map with the settings that were given alone."""
        settings = self.options.columns
        column_map = ColumnMap.parse(f"{found},{settings}" if settings else found)
        return msgspec.structs.replace(column_map, guessed=True)

    def _say_assumed(self) -> None:
        """Count the guesses about columns and screen."""
        if self._map.guessed:
            self.warnings["guessed_columns"] += 1
        if self._is_part and self.options.screen is None:
            self.warnings["guessed_screen"] += 1
        if self._is_length:
            self.warnings["density_from_resolution"] += 1

    def _trial(
        self, cells: Mapping[str, Sequence[Any]], count: int, unit_ns: int | None = None
    ) -> Rows | None:
        """Return what the first rows of a table tell; None where it must be read row by row."""
        rows = Rows(self._map, self._size, Counter(), unit_ns)
        rows.add(cells, count)
        for _ in rows.finish():
            pass
        odd = self._map.only or self._map.makes_strokes or "down" in self._map.columns
        return None if odd or rows.skipped or rows.depends or rows.unit.origin else rows

    def _sum_up_converted(self, converter: Converter, trial: Rows) -> None:
        """Count the outcomes of the rows that were read by columns."""
        self.warnings.update(converter.warnings)
        self.warnings.update(cause for cause in _OF_TIMES if trial.warnings[cause])
        self._sum_up(converter)

    def _sum_up(self, rows: Rows | Converter) -> None:
        """Count the outcomes of the rows, and keep the names of streams and pointers."""
        self.count("used", rows.used)
        self.count("skipped_rows", rows.skipped)
        self.keep_names(rows.streams, rows.pointers)

    def _sum_up_rows(self, rows: Rows) -> None:
        """Count the outcomes of all rows of the log.

        Raises
        ------
        TouchLogError
            When not one is a touch.
        """
        self.count("context", rows.left_out)
        self._sum_up(rows)
        if rows.skipped and not rows.used:
            raise TouchLogError(
                f"none of its {rows.skipped:,} rows is a touch: the first has {rows.first_bad} "
                "(name the columns with --columns)"
            )
