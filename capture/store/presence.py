"""Whether the store in the folder is still the one that this process records into.

Another process of the app may have opted out, and in again; a cache cleaner may have deleted the folder.
"""

from __future__ import annotations

import contextlib
from enum import Enum
from typing import TYPE_CHECKING, Any

from capture.errors import StoreError
from capture.events.privacy import OPTED_OUT
from capture.store.files import exists
from capture.store.state import read_state

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.locks import Claims

__all__ = ["Presence", "look"]


class Presence(Enum):
    """What is in the folder: our store, nothing any more, or an opt-out and what came after it."""

    OURS = "ours"
    GONE = "gone"
    REVOKED = "revoked"


def look(folder: Path, claims: Claims, user_id: str | None, *, deeply: bool = False) -> Presence:
    """Return what became of a store.

    Parameters
    ----------
    folder : Path
    claims : Claims
        The locks of this process: whoever opts out deletes their files.
    user_id : str or None
        Of the store as it was opened; None where nothing was written yet.
    deeply : bool
        Whether to read the state also where the locks are in place.
    """
    marker = folder / OPTED_OUT
    if exists(marker):
        return Presence.REVOKED
    lock = claims.session_lock
    held = lock is not None and lock.held
    in_place = (
        lock is not None and lock.is_in_place() if held else not claims.delivers or claims.delivery_in_place()
    )
    if user_id is None or (in_place and not deeply):
        return Presence.OURS
    state: dict[str, Any] | None = {}
    # Damaged or not to be read now: it is looked at again.
    with contextlib.suppress(StoreError):
        state = read_state(folder)
    # Whoever opts out makes the marker first: what was deleted before the state was looked at has it by now.
    known = state or {}
    users = {known.get("user_id", user_id), *known.get("users", ())}
    if user_id not in users or exists(marker):
        return Presence.REVOKED
    return Presence.GONE if state is None or not in_place else Presence.OURS
