"""Reports: what a recording shows, as a page, a picture or lines in a terminal.

`read` takes a touch log or a folder of batches, `build_page` makes the page of what was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.report.page import build_page
from capture.report.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Recording", "build_page", "read"]


def read(paths: Iterable[str], **options: Any) -> list[Recording]:
    """Read touch logs and folders of batches.

    Parameters
    ----------
    paths : iterable of str
        Logs, folders and globs; a ``batches.jsonl``, or a folder with one, is read as batches.
    **options
        Of `capture.report.from_log.read_log`.

    Raises
    ------
    TouchLogError
        When one cannot be read.
    """
    from capture.logs import find_logs
    from capture.report.from_batches import find_batches, read_batches
    from capture.report.from_log import read_log

    recordings: list[Recording] = []
    for path in paths:
        batches = find_batches(path)
        if batches is not None:
            recordings.append(read_batches(batches))
        else:
            recordings += [read_log(found, **options) for found in find_logs([path])]
    return recordings
