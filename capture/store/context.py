"""The state that all parts of a store share: folder, bounds, locks, losses, and whether it is open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Required, TypedDict, Unpack

from capture.clock import Clock
from capture.store import recovery
from capture.store.locks import Claims
from capture.store.losses import Losses
from capture.store.segment import UNSENT, check_wires, uuid_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Context", "Options"]

#: Size (bytes) at which a segment ends.
_SEGMENT_BYTES = 1024 * 1024


class Options(TypedDict, total=False):
    """Options of a `Store`, which documents them."""

    formats: Required[Mapping[str, str]]
    durability: str
    max_bytes: int
    max_age_s: float
    clock: Clock | None
    on_drop: Callable[[str, int], None] | None
    on_revoked: Callable[[], None] | None
    pwrite: Callable[[int, bytes, int], int] | None


class Context:
    """Made once by a `Store`, whose parameters these are.

    Attributes
    ----------
    closed, revoked : bool
        Whether nothing is recorded any more: after a close, or because the user opted out elsewhere.
    wanted : bool
        Whether upkeep should not wait.
    user_id, boot_id : bytes
        User of the coming events; the present run of the machine. Empty if they are not known.
    """

    def __init__(self, folder: str | os.PathLike[str], **options: Unpack[Options]) -> None:
        self.folder = Path(folder)
        self.formats = dict(options["formats"]) or {UNSENT: "native"}
        check_wires(self.formats.values())
        self.power = options.get("durability") == "power"
        self.max_bytes = options.get("max_bytes", 30 * 1024 * 1024)
        self.max_age_s = options.get("max_age_s", 30 * 86_400.0)
        self.clock = options.get("clock") or Clock()
        self.on_revoked, self.pwrite = options.get("on_revoked"), options.get("pwrite")
        self.losses = Losses(os.fspath(folder), options.get("on_drop"), self.clock.monotonic_ns)
        self.claims = Claims(self.folder)
        self.closed = self.revoked = self.wanted = False
        self.user_id, self.boot_id = b"", _boot_id()

    def segment_limit(self) -> int:
        """Return the size (bytes) at which a segment ends: many processes have small ones."""
        live = len(recovery.session_locks(recovery.files_of(self.folder)))
        return min(_SEGMENT_BYTES, self.max_bytes // (16 * max(1, live)))

    def now_ms(self) -> int:
        """Return the time (ms since the epoch)."""
        return self.clock.wall_ns() // 1_000_000


def _boot_id() -> bytes:
    try:
        return uuid_bytes(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError):
        return b""
