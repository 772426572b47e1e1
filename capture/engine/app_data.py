"""Data of an app on a device: its store, the user's consent and the user's ids.

Nothing is created before `open`; `forget` leaves only the marker of the opt-out.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError, StoreError
from capture.events.privacy import Consent, new_salt
from capture.settings import expanded
from capture.store.files import delete_own, delete_unreadable
from capture.store.state import is_store
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.clock import Clock
    from capture.config.run import RunConfig

__all__ = ["AppData", "data_folder"]

_log = logging.getLogger("capture.engine")

#: Former users whose events may still be stored.
_MOST_USERS = 1000


def data_folder(app_id: str, environ: Mapping[str, str] | None = None) -> Path:
    """Return the platform's per-user data folder for an app; it need not exist."""
    environ = os.environ if environ is None else environ
    # An app id may contain characters that a folder must not: it is one name, not a path.
    name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in app_id).lstrip(".")
    name = name or "touchcapture"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or _home() / "AppData/Local") / name
    if sys.platform == "darwin":
        return _home() / "Library/Application Support" / name
    if "ANDROID_PRIVATE" in environ:  # python-for-android: the app's folder
        return Path(environ["ANDROID_PRIVATE"]) / name
    # The specification ignores a relative one: it would be another folder for each start.
    shared = Path(environ.get("XDG_DATA_HOME") or "")
    return (shared if shared.is_absolute() else _home() / ".local/share") / name


def _home() -> Path:
    try:
        home = Path.home()
    except RuntimeError:
        home = Path()
    if not home.is_absolute():
        raise ConfigError(
            "[buffer] path: required here, a folder for the store: this user has no home folder "
            "(no HOME, and no entry in the list of users)"
        )
    return home


class AppData:
    """The store and the ids of one app on one device.

    Parameters
    ----------
    config : RunConfig
        The run configuration.
    clock : Clock
        Time.
    formats : mapping of str to str
        Wire format by queue (a sink's name).
    on_drop : callable
        Called by the store with a cause and a number of events.
    on_revoked : callable
        Called by the store when another process opted out.

    Attributes
    ----------
    folder : Path
        Where the store is.
    consent : Consent
        The marker of an opt-out.
    store : Store or None
        None before the opt-in; closed, but still there, after `close`.
    state : dict
        State in the store: ids, salt, the last session.
    """

    def __init__(
        self,
        config: RunConfig,
        clock: Clock,
        formats: Mapping[str, str],
        on_drop: Callable[[str, int], None],
        on_revoked: Callable[[], None],
    ) -> None:
        buffer = config.buffer
        app_id = config.project.app_id or ""
        self.folder = data_folder(app_id) if buffer.path is None else expanded("[buffer] path", buffer.path)
        self.consent = Consent(self.folder)
        self.store: Store | None = None
        self.state: dict[str, Any] = {}
        self._open_store = functools.partial(
            Store,
            self.folder,
            formats=formats,
            durability=buffer.durability,
            max_bytes=buffer.max_store_bytes,
            max_age_s=buffer.max_event_age_s,
            clock=clock,
            on_drop=on_drop,
            on_revoked=on_revoked,
        )

    @property
    def user_id(self) -> str | None:
        """The random id of the user; None before the opt-in."""
        return self.state.get("user_id")

    def read_existing(self) -> tuple[Store, dict[str, Any]] | None:
        """Return the open store of a user who opted in earlier, and its state; None if missing.

        Raises
        ------
        StoreError
            When there is a store that cannot be read now: its user keeps the ids in it.
        """
        if not is_store(self.folder):
            return None
        store = self._open_store()
        try:
            state = store.read_state() or {}
        except StoreError:
            store.close()
            raise
        if not state.get("user_id"):
            store.close()
            return None
        if store.formats.keys() - (state.get("sinks") or {}).keys():
            try:
                # The names of sinks that were configured since, for `capture buffer`.
                state = store.first_state({})
            except StoreError as error:
                _log.debug("the names of new sinks are not in the state: %s", error)
        return store, state

    def open(self) -> None:
        """Open the store, with new ids if it has none.

        Raises
        ------
        StoreError
            When it cannot be opened or written.
        """
        if self.consent.is_withdrawn():
            # Events of a process that had not yet noticed the opt-out.
            delete_own(self.folder)
        delete_unreadable(self.folder)
        existing = self.read_existing()
        if existing is not None:
            self.store, self.state = existing
            return
        store = self._open_store()
        state: dict[str, Any] = {"user_id": str(uuid.uuid4()), "salt": new_salt()}
        try:
            state = _first_state(store, state)
        except StoreError:
            store.destroy()
            raise
        self.store, self.state = store, state

    def change_user(self, user_id: str, salt: str) -> None:
        """Use new ids from now on; stored events keep the ids that they were recorded with."""
        if self.store is None:
            return
        former = [*self.state.get("users", ()), self.state["user_id"]]
        kept: dict[str, Any] = {
            key: self.state[key] for key in ("sinks", "ended_session") if key in self.state
        }
        self.state = {**kept, "user_id": user_id, "salt": salt, "users": former[-_MOST_USERS:]}
        self.store.write_state(self.state)

    def close(self) -> None:
        """Close the store and keep its content."""
        if self.store is not None:
            self.store.close()

    def release(self) -> None:
        """Close the store and forget the ids, as before the opt-in."""
        self.close()
        self.store, self.state = None, {}

    def forget(self) -> None:
        """Delete the store, the ids and the counters, and remember that the user opted out.

        Raises
        ------
        StoreError
            When the opt-out could not be remembered; the rest is done all the same.
        """
        failure: OSError | None = None
        try:
            # The marker first: if the rest is interrupted, nothing is recorded or sent any more.
            self.consent.withdraw()
        except OSError as error:
            failure = error
        if self.store is not None:
            self.store.destroy()
        delete_own(self.folder)
        self.store, self.state = None, {}
        if failure is not None:
            raise StoreError(f"{self.folder}: the opt-out is not remembered: {failure}") from failure


def _first_state(store: Store, state: dict[str, Any]) -> dict[str, Any]:
    """Store the ids of a new user; return them, or those of a process that was faster."""
    try:
        return store.first_state(state)
    except StoreError as error:
        # One that was faster may have released the lock to others that start.
        found = _stored(store)
        if found is None:
            # It cannot be written now: they wait in memory, as events do.
            _log.error("nothing can be stored, events are delivered from memory: %s", error)
            store.write_state(state)
            found = _stored(store)
        return found or state


def _stored(store: Store) -> dict[str, Any] | None:
    """Return the state if it has a user and can be read."""
    with contextlib.suppress(StoreError):
        found = store.read_state()
        if found and found.get("user_id"):
            return found
    return None
