"""The state of an app as its store has it, and whether the folder still holds that store.

Another process of the app may have opted out, and in again; a cache cleaner may have deleted the folder.
"""

from __future__ import annotations

import contextlib
from enum import Enum
from typing import TYPE_CHECKING, Any

from capture.errors import StoreError
from capture.events.privacy import OPTED_OUT
from capture.process import make_private_folder
from capture.store import recovery
from capture.store.files import exists
from capture.store.segment import uuid_bytes
from capture.store.state import read_state, update_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.store.context import Context

__all__ = ["AppState", "Presence"]


class Presence(Enum):
    """The content of the folder: our store, no store any more, or an opt-out and a later store."""

    OURS = "ours"
    GONE = "gone"
    REVOKED = "revoked"


class ReplacedError(StoreError):
    """The file is that of another user."""


def ids_of(state: Mapping[str, Any]) -> set[str | None]:
    """Return the ids of the user of a state, and of those before."""
    return {state.get("user_id"), *state.get("users", ())}


class AppState:
    """Reads and writes the state.

    Attributes
    ----------
    known : dict or None
        As it was read or written last.
    waits : bool
        Whether it could not be written yet.
    """

    def __init__(self, context: Context) -> None:
        self.known: dict[str, Any] | None = None
        self.waits = False
        self._c = context
        self._marker = context.folder / OPTED_OUT

    def knows(self, user: bytes) -> bool:
        """Return whether a user is or was this store's."""
        known = self.known or {}
        return not known.get("user_id") or any(user == uuid_bytes(each) for each in ids_of(known))

    def read(self) -> dict[str, Any] | None:
        """Return the state that `write` stored; None for nothing.

        Raises
        ------
        StoreError
            When it cannot be read, and is not in memory either.
        """
        if self.waits and self.known is not None:
            return self.known
        try:
            found = read_state(self._c.folder)
        except StoreError:
            user = recovery.newest_user(self._c.folder)
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
        self.waits = False
        try:
            update_state(self._c.folder, lambda known: self._with_sinks({**whole}, known))
        except ReplacedError:
            return False
        except StoreError as error:
            self.waits = True
            self._c.losses.say("state", f"the state waits in memory: {error}")
            return False
        return True

    def first(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Store the keys that the state does not have yet, and return it: another process may be first.

        Without keys it adds the names of the sinks to a state that is there.

        Raises
        ------
        StoreError
            When it could not be written; nothing is kept in memory.
        """

        def merged(found: dict[str, Any] | None) -> dict[str, Any]:
            if not state and not found:
                # Of another process's opt-out nothing may stay.
                raise StoreError(f"{self._c.folder}: the state is gone")
            return self._with_sinks({**state, **(found or {})}, found)

        known = update_state(self._c.folder, merged)
        self.waits = False
        self._adopt(known)
        return known

    def _with_sinks(self, state: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
        known = known or {}
        if known.get("user_id") and state.get("user_id") and not ids_of(known) & ids_of(state):
            raise ReplacedError(f"{self._c.folder}: another store is in this folder")
        return {**state, "sinks": {**(known.get("sinks") or {}), **self._c.formats}}

    def _adopt(self, state: dict[str, Any]) -> None:
        self.known = state
        self._c.user_id = uuid_bytes(state.get("user_id"))

    def look(self, *, deeply: bool = False) -> Presence:
        """Return the state of the store in the folder.

        Parameters
        ----------
        deeply : bool
            Whether to read the state also if the locks are in place: an opt-out deletes their files.
        """
        marker, claims = self._marker, self._c.claims
        if exists(marker):
            return Presence.REVOKED
        in_place = claims.are_in_place()
        user_id = None if self.known is None or self.waits else self.known.get("user_id")
        if user_id is None or (in_place and not deeply):
            return Presence.OURS
        state: dict[str, Any] | None = {}
        # Damaged or not to be read now: it is looked at again.
        with contextlib.suppress(StoreError):
            state = read_state(self._c.folder)
        # An opt-out makes the marker first: where the state was deleted, the marker is there by now.
        known = state or {}
        if user_id not in {known.get("user_id", user_id), *known.get("users", ())} or exists(marker):
            return Presence.REVOKED
        return Presence.GONE if state is None or not in_place else Presence.OURS

    def is_ours(self, *, deeply: bool = True) -> bool:
        """Return whether the store is still in its folder; where not, upkeep looks at it soon."""
        found = self.look(deeply=deeply)
        if found is not Presence.OURS:
            self._c.wanted = True
        return found is Presence.OURS

    def make_folder(self) -> None:
        """Make the folder at the first use; one that was deleted is recreated by `upkeep` alone."""
        if self.known is None and not self._c.closed and not self._c.revoked:
            with contextlib.suppress(OSError):
                make_private_folder(self._c.folder)
