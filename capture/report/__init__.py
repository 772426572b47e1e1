"""Reports of a recording, as a page, a picture or lines in a terminal.

`read` takes a touch log, a folder of batches or one of Currents files; `build_page` makes the page.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from capture.report.page import build_page
from capture.report.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Recording", "build_page", "read"]


def read(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    left_out: dict[str, str] | None = None,
    **options: Any,
) -> list[Recording]:
    """Read touch logs and folders of batches.

    Parameters
    ----------
    paths : path-like, or iterable of them
        Logs, folders and globs; a ``batches.jsonl``, or a folder with one, is read as batches,
        a folder of Currents files as a recording of each user.
    left_out : dict of str to str, optional
        Gets the files of folders that are no logs, with the reason.
    **options
        Of `capture.report.from_log.read_log`.

    Raises
    ------
    TouchLogError
        When one cannot be read.
    """
    from capture.logs import find_logs
    from capture.report.from_batches import find_batches, read_batches
    from capture.report.from_currents import find_currents, read_currents
    from capture.report.from_log import read_log

    recordings: list[Recording] = []
    for given in [paths] if isinstance(paths, str | os.PathLike) else paths:
        path = os.fspath(given)
        if records := find_currents(path):
            recordings += read_currents(records)
        elif (batches := find_batches(path)) is not None:
            recordings.append(read_batches(batches))
        else:
            found = find_logs([path], options.get("options"), left_out)
            recordings += [read_log(each, **options) for each in found]
    return recordings
