"""The state of an app: ``state.json`` in its folder, and whether that is still our store's.

The file has the user id, the salt, and the wire format of every queue that ever was. It is written under
``state.lock``, after it was read again, into a new file that takes its place; the one before stays as
``state.json.bak``. Its CRC keeps a flipped bit from becoming another user id.

Another process of the app may have opted out, and in again; a cache cleaner may have deleted the folder.
"""

from __future__ import annotations

import contextlib
import os
import time
from enum import Enum
from typing import TYPE_CHECKING, Any

from capture.errors import StoreError
from capture.events.privacy import OPTED_OUT
from capture.process import make_private_folder
from capture.store.files import checked, exists, replace_file, sync_folder, with_checksum, write_private
from capture.store.locks import FileLock
from capture.store.recovery import newest_user, segment_names
from capture.store.segment import uuid_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from capture.store.context import Context

__all__ = ["STATE_FILE", "AppState", "Presence", "is_store", "read_state"]

STATE_FILE = "state.json"
_LOCK_S = 1.0
_POLL_S = 0.005


def is_store(folder: Path) -> bool:
    """Return whether there is a store in a folder."""
    if any(exists(folder / name) for name in (STATE_FILE, f"{STATE_FILE}.bak")):
        return True
    with contextlib.suppress(OSError):
        return bool(segment_names(folder))
    return False


def read_state(folder: Path) -> dict[str, Any] | None:
    """Return the state of a folder; None if missing.

    Raises
    ------
    StoreError
        When there is one that cannot be read, or is damaged and has no good predecessor.
    """
    problem: str | None = None
    for name in (STATE_FILE, f"{STATE_FILE}.bak"):
        path = folder / name
        try:
            found = checked(path.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise StoreError(f"{path}: cannot be read: {error}") from error
        if found is not None:
            return found if name == STATE_FILE or problem else None
        problem = problem or f"{path}: damaged"
    if problem is not None:
        raise StoreError(problem)
    return None


def update_state(
    folder: Path, change: Callable[[dict[str, Any] | None], Mapping[str, Any]]
) -> dict[str, Any]:
    """Replace the state by the result of `change`; return that.

    Raises
    ------
    StoreError
        When it cannot be written, or another process holds ``state.lock`` too long.
    """
    lock = FileLock(folder / "state.lock")
    try:
        make_private_folder(folder)
        end = time.monotonic() + _LOCK_S
        while not lock.claim_or_raise():
            if time.monotonic() > end:
                raise StoreError(f"{lock.path}: held by another process")
            time.sleep(_POLL_S)
        known = read_state(folder)
        state = dict(change(known))
        if state != known:
            _replace(folder, state, lock)
    except OSError as error:
        raise StoreError(f"{folder}: the state cannot be written: {error}") from error
    finally:
        lock.release()
    return state


def _replace(folder: Path, state: dict[str, Any], lock: FileLock) -> None:
    path, kept = folder / STATE_FILE, folder / f"{STATE_FILE}.bak"
    new = folder / f"state-{os.getpid()}-{time.monotonic_ns()}.tmp"
    write_private(new, with_checksum(state))
    try:
        if not lock.is_in_place():
            raise FileNotFoundError("the folder was replaced meanwhile")
        with contextlib.suppress(OSError):
            kept.unlink()
        with contextlib.suppress(OSError):
            os.link(path, kept)
        replace_file(new, path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    sync_folder(folder)


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
            user = newest_user(self._c.folder)
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
        ours = {} if self.waits else self.known or {}
        if not ours.get("user_id") or (in_place and not deeply):
            return Presence.OURS
        state: dict[str, Any] | None = {}
        # Damaged or not to be read now: it is looked at again.
        with contextlib.suppress(StoreError):
            state = read_state(self._c.folder)
        # An opt-out makes the marker first: where the state was deleted, the marker is there by now.
        # The file still has the user before while this process writes a new one.
        known = state if state and state.get("user_id") else ours
        if not ids_of(known) & ids_of(ours) or exists(marker):
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
