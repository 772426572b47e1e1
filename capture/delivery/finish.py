"""The last calls of a sink, `flush` and `close`: within a deadline, whatever they raise."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from capture.sinks.deadline import call_with_deadline

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["finish"]

#: Each call has this time (s), also where another sink took all of it.
_LEAST_S = 0.5
_log = logging.getLogger("capture.delivery")


def finish(call: Callable[[], None], name: str, timeout_s: float) -> bool:
    """Call a sink's `flush` or `close`; return whether it returned within `timeout_s` seconds."""
    try:
        call_with_deadline(call, max(timeout_s, _LEAST_S), name=f"touchcapture-{name}-end")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - no error of a sink may keep the store open
        _log.warning("sink %s: %s: %s", name, type(error).__name__, error)
        return False
    return True
