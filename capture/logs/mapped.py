"""Shared code of readers with a column map: the map by names, and the outcomes of the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from capture.errors import TouchLogError
from capture.logs.columns import PRESETS, ColumnMap, listed
from capture.logs.kvi import DEFAULT_SCREEN
from capture.logs.names import guess
from capture.logs.suggestions import suggestion

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from capture.logs.base import ReadOptions
    from capture.logs.rows import Rows
    from capture.logs.samples import Names

__all__ = ["guessed_map", "say_assumed", "screen_of", "sum_up", "with_settings"]


class Log(Protocol):
    """Requests of a caller to a log."""

    warnings: Counter[str]
    counts: Counter[str]
    options: ReadOptions

    def count(self, became: str, number: int = 1) -> None:
        """Count the outcomes of rows."""

    def name_streams(self, names: Names) -> None:
        """Keep the names of streams."""

    def name_pointers(self, names: Names) -> None:
        """Keep the names of pointers."""


def guessed_map(
    names: Sequence[str],
    cells: dict[str, list[str]],
    settings: str | None = None,
    what: str = "a table with the columns",
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
    return with_settings(found, settings)


def with_settings(found: str, settings: str | None) -> ColumnMap:
    """Return a guessed map with the settings that were given alone."""
    column_map = ColumnMap.parse(f"{found},{settings}" if settings else found)
    return msgspec.structs.replace(column_map, guessed=True)


def screen_of(column_map: ColumnMap) -> tuple[int, int] | tuple[None, None]:
    """Return the size that is guessed where places are parts of the screen; else none."""
    return DEFAULT_SCREEN if any(column_map.whole) else (None, None)


def say_assumed(log: Log, column_map: ColumnMap) -> None:
    """Count the guesses about columns and screen."""
    if column_map.guessed:
        log.warnings["guessed_columns"] += 1
    if any(column_map.whole) and log.options.screen is None:
        log.warnings["guessed_screen"] += 1


def sum_up(log: Log, rows: Rows, *, all_of_them: bool = True) -> None:
    """Count the outcomes of the rows, and keep the names of streams and pointers.

    Raises
    ------
    TouchLogError
        When they are all of the log, and not one is a touch.
    """
    log.count("used", rows.used)
    log.count("context", rows.left_out)
    log.count("skipped_rows", rows.skipped)
    log.name_streams(rows.streams)
    log.name_pointers(rows.pointers)
    if all_of_them and rows.skipped and not rows.used:
        raise TouchLogError(
            f"none of its {rows.skipped:,} rows is a touch: the first has {rows.first_bad} "
            "(name the columns with --columns)"
        )
