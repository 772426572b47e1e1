"""One installation of an app: the folder of its store, the consent in it, the user's ids.

Nothing is created before `open`; `forget` leaves the marker of the opt-out alone.
"""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture.errors import StoreError
from capture.events.privacy import Consent, new_salt
from capture.store.schema import FILE_NAME
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.clock import Clock
    from capture.config.run import RunConfig
    from capture.config.sections import BufferConfig

__all__ = ["Installation", "data_folder"]


def data_folder(app_id: str, environ: Mapping[str, str] | None = None) -> Path:
    """Return the platform's per-user data folder for an app; it need not exist."""
    environ = os.environ if environ is None else environ
    # An app id may hold what no folder may: it is one name, not a path.
    name = "".join(letter if letter.isalnum() or letter in "._-" else "_" for letter in app_id).lstrip(".")
    name = name or "touchcapture"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / name
    if sys.platform == "darwin":
        return Path.home() / "Library/Application Support" / name
    if "ANDROID_PRIVATE" in environ:  # python-for-android: the app's own folder
        return Path(environ["ANDROID_PRIVATE"]) / name
    return Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / name


class Installation:
    """The store and the ids of one app on one device.

    Parameters
    ----------
    config : RunConfig
    clock : Clock
    formats : mapping of str to str
        Queue (a sink's name) -> wire format.
    on_drop : callable
        Called by the store with a cause and a number of events.
    """

    def __init__(
        self, config: RunConfig, clock: Clock, formats: Mapping[str, str], on_drop: Callable[[str, int], None]
    ) -> None:
        buffer: BufferConfig = config.buffer
        app_id = config.project.app_id or ""
        self.folder = data_folder(app_id) if buffer.path is None else Path(buffer.path).expanduser()
        self.consent = Consent(self.folder)
        self.store: Store | None = None
        #: What the store remembers: ids, salt, where the last session stands.
        self.state: dict[str, Any] = {}
        self._settings: dict[str, Any] = {
            "formats": formats,
            "durability": buffer.durability,
            "max_bytes": buffer.max_store_bytes,
            "max_age_s": buffer.max_event_age_s,
            "clock": clock,
            "on_drop": on_drop,
        }

    @property
    def user_id(self) -> str | None:
        """The random id of the user; None before the opt-in."""
        return self.state.get("user_id")

    def resume(self) -> bool:
        """Open the store of a user who opted in at an earlier start; tell whether there is one.

        Raises
        ------
        StoreError
            When there is a store that cannot be read now: its user keeps the ids that are in it.
        """
        found = self.find()
        if found is not None:
            self.adopt(*found)
        return found is not None

    def find(self) -> tuple[Store, dict[str, Any]] | None:
        """Return the store of a user who opted in, and its state, for `adopt`; as `resume` does."""
        if not (self.folder / FILE_NAME).exists():
            return None
        store = Store(self.folder, **self._settings)
        try:
            state = store.read_state() or {}
        except StoreError:
            store.close()
            raise
        if not state.get("user_id"):
            store.close()
            return None
        return store, state

    def adopt(self, store: Store, state: dict[str, Any]) -> None:
        """Use an open store and what it remembers."""
        self.store, self.state = store, state

    def open(self) -> None:
        """Open the store, with new ids where it has none.

        Raises
        ------
        StoreError
            When it cannot be opened or written.
        """
        if self.resume():
            return
        store = Store(self.folder, **self._settings)
        state: dict[str, Any] = {"user_id": str(uuid.uuid4()), "salt": new_salt()}
        try:
            self._keep(store, state)
        except StoreError:
            store.destroy()
            raise

    def _keep(self, store: Store, state: dict[str, Any]) -> None:
        """Store new ids, or take those of a process that was faster."""
        try:
            state = store.first_state(state)
        except StoreError:
            # It cannot be written now: they wait in memory, as events do.
            store.write_state(state)
        self.adopt(store, state)

    def close(self) -> None:
        """Close the store; what it holds stays."""
        if self.store is not None:
            self.store.close()

    def forget(self) -> None:
        """Delete the store, the ids and the counters, and remember that the user opted out.

        Raises
        ------
        StoreError
            When it could not be remembered; the rest is done all the same.
        """
        failure: OSError | None = None
        try:
            # The marker first: whatever interrupts the rest, nothing is recorded or sent any more.
            self.consent.withdraw()
        except OSError as error:
            failure = error
        if self.store is None and (self.folder / FILE_NAME).exists():
            self.store = Store(self.folder, **self._settings)
        if self.store is not None:
            self.store.destroy()
        self.store, self.state = None, {}
        if failure is not None:
            raise StoreError(f"{self.folder}: the opt-out is not remembered: {failure}") from failure
