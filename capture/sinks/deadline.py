"""Calls with a deadline over everything in them, name lookups included."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["call_with_deadline"]

_T = TypeVar("_T")


def call_with_deadline(function: Callable[[], _T], timeout_s: float, *, name: str) -> _T:
    """Call `function` with a deadline of `timeout_s` seconds; return its result or raise its exception.

    The call runs in a daemon thread called `name`, because a name lookup has no timeout of its own. A call
    that misses its deadline is left behind with its thread. Where no thread can be started, as at the exit of
    Python 3.12, the function is called without a deadline.

    Raises
    ------
    TimeoutError
        When the function has not returned in time.
    """
    future: Future[_T] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller
            future.set_exception(error)

    try:
        threading.Thread(target=run, name=name, daemon=True).start()
    except RuntimeError:
        run()
    try:
        return future.result(max(0.0, timeout_s))
    except TimeoutError:
        if future.done():  # the function's own
            raise
        raise TimeoutError(f"not done within {timeout_s:.3g} s") from None
