"""Guard against failures: one ends a part of the capturing, is logged once, and the app continues."""

from __future__ import annotations

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
    closed : bool
        Whether something failed, or the hooks were removed: the guarded functions are not called any more.
    """

    def __init__(self, part: str, on_failure: Callable[[], None] | None = None) -> None:
        self.closed = False
        self._part = part
        self._on_failure = on_failure
        self._bound: list[tuple[Any, str, Any]] = []

    def __call__(self, function: Callable[..., None]) -> Callable[..., None]:
        """Return the function such that nothing it raises gets out, for Kivy to call."""

        def guarded(*values: Any) -> None:
            if not self.closed:
                try:
                    function(*values)
                except Exception as error:  # noqa: BLE001 - any error: the app's main loop continues
                    self._fail(error)

        return guarded

    def _fail(self, error: Exception) -> None:
        if not self.closed:
            self.closed = True
            message = "%s no longer captured after an error; the app continues: %s"
            _log.error(message, self._part, error, exc_info=error)
            if self._on_failure is not None:
                self._on_failure()

    def bind(self, owner: Any, name: str, function: Callable[..., None]) -> None:
        """Call a function, guarded, at an event or a change of a property, until `release`."""
        guarded = self(function)
        owner.fbind(name, guarded)
        self._bound.append((owner, name, guarded))

    def release(self) -> None:
        """Remove all bindings and call nothing any more."""
        self.closed = True
        for owner, name, guarded in self._bound:
            owner.funbind(name, guarded)
        self._bound.clear()
