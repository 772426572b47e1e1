"""The state of an app as its store has it: what the file says, or what waits for it to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.errors import StoreError
from capture.store import recovery
from capture.store.segment import uuid_bytes
from capture.store.state import read_state, update_state

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from capture.store.losses import Losses
    from capture.store.writer import Writer

__all__ = ["AppState", "ids_of"]


class ReplacedError(StoreError):
    """The file is that of another user."""


def ids_of(state: Mapping[str, Any]) -> set[str | None]:
    """Return the ids of the user of a state, and of those before."""
    return {state.get("user_id"), *state.get("users", ())}


class AppState:
    """Reads and writes the state.

    Parameters
    ----------
    folder : Path
    formats : mapping
        Queue -> wire format.
    losses : Losses
    writer : Writer
        Gets the user id for its headers.

    Attributes
    ----------
    known : dict or None
        As it was read or written last.
    waits : bool
        Whether it could not be written yet.
    """

    def __init__(self, folder: Path, formats: Mapping[str, str], losses: Losses, writer: Writer) -> None:
        self.known: dict[str, Any] | None = None
        self.waits = False
        self._folder, self._formats, self._losses, self._writer = folder, dict(formats), losses, writer

    @property
    def user_id(self) -> str | None:
        """The user of the store in the folder; None where nothing was written yet."""
        return None if self.known is None or self.waits else self.known.get("user_id")

    def knows(self, user: bytes) -> bool:
        """Return whether a user is or was this store's."""
        known = self.known or {}
        if not known.get("user_id"):
            return True
        return any(user == uuid_bytes(each) for each in ids_of(known))

    def read(self) -> dict[str, Any] | None:
        """Return what `write` stored; None for nothing.

        Raises
        ------
        StoreError
            When it cannot be read, and is not in memory either.
        """
        if self.waits and self.known is not None:
            return self.known
        try:
            found = read_state(self._folder)
        except StoreError:
            user = recovery.newest_user(self._folder)
            if user is None:
                raise
            found = {"user_id": user}
        if found is not None:
            self._adopt(found)
        return found

    def write(self, state: Mapping[str, Any]) -> bool:
        """Replace the state; False when it is kept in memory until the file can be written."""
        whole = dict(state)
        self._adopt(whole)
        try:
            update_state(self._folder, lambda known: self._with_sinks({**whole}, known))
        except ReplacedError:
            self.waits = False
            return False
        except StoreError as error:
            self.waits = True
            self._losses.say("state", f"the state waits in memory: {error}")
            return False
        self.waits = False
        return True

    def first(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Store the keys that the state does not have yet, and return it: another process may be first.

        Raises
        ------
        StoreError
            When it could not be written; nothing is kept in memory.
        """
        known = update_state(self._folder, lambda found: self._with_sinks({**state, **(found or {})}, found))
        self.waits = False
        self._adopt(known)
        return known

    def _with_sinks(self, state: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
        if (known or {}).get("user_id") and state.get("user_id") and not ids_of(known or {}) & ids_of(state):
            raise ReplacedError(f"{self._folder}: another store is in this folder")
        return {**state, "sinks": {**((known or {}).get("sinks") or {}), **self._formats}}

    def _adopt(self, state: dict[str, Any]) -> None:
        self.known = state
        self._writer.change_user(uuid_bytes(state.get("user_id")))
