"""Objects of one process: state that a forked child must not share, folders that other users cannot read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["PerProcess", "is_alive", "make_private_folder", "run_in_forked_child"]

_T = TypeVar("_T")


class PerProcess(Generic[_T]):
    """A value that only the process that set it sees: a connection, a thread, a descriptor.

    In a forked child, as before the first assignment, `value` is None.
    """

    __slots__ = ("_pid", "_value")

    def __init__(self, value: _T | None = None) -> None:
        self.value = value

    @property
    def value(self) -> _T | None:
        """The value that this process set last."""
        return self._value if self._pid == os.getpid() else None

    @value.setter
    def value(self, value: _T | None) -> None:
        self._value = value
        self._pid = os.getpid()


def is_alive(pid: int) -> bool:
    """Return whether a process of this number runs; False if the system cannot tell."""
    if os.name != "posix":
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def make_private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, which their owner alone can read (0700).

    Raises
    ------
    OSError
        When that is not possible.
    """
    if not folder.is_dir():
        if folder.parent != folder:
            make_private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def run_in_forked_child(function: Callable[[], None]) -> None:
    """Call `function` in each forked child from now on, before its other code runs."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)
