"""Guard against failures: one ends a part of the capturing, is logged once, and the app continues."""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Guard"]

_log = logging.getLogger("capture.kivy")


class Guard:
    """Stands between the hooks and the app.

    Parameters
    ----------
    part : str
        The guarded part, for the log message.
    on_failure : callable, optional
        Called once, at the first failure.

    Attributes
    ----------
    tripped : bool
        Whether something failed; the guarded functions are not called any more.
    """

    def __init__(self, part: str, on_failure: Callable[[], None] | None = None) -> None:
        self.tripped = False
        self._part = part
        self._on_failure = on_failure

    def __call__(self, function: Callable[..., None]) -> Callable[..., None]:
        """Return the function such that nothing it raises gets out, for Kivy to call."""

        @functools.wraps(function)
        def guarded(*values: Any) -> None:
            if not self.tripped:
                try:
                    function(*values)
                except Exception as error:  # noqa: BLE001 - any error: the app's main loop continues
                    self.trip(error)

        return guarded

    def trip(self, error: Exception) -> None:
        """Stop the capturing for this error."""
        if not self.tripped:
            self.tripped = True
            _log.error(
                "%s no longer captured after an error; the app continues: %s",
                self._part,
                error,
                exc_info=error,
            )
            if self._on_failure is not None:
                self._on_failure()
