"""What the parts of a store share: its folder, locks, writer, index, and whether it may be used."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from capture._native.guard import BusyError, Guard
from capture.clock import Clock
from capture.errors import StoreError
from capture.process import make_private_folder
from capture.store import recovery
from capture.store.app_state import AppState
from capture.store.dead_letters import DeadLetters, make_letter
from capture.store.files import exists
from capture.store.locks import Claims
from capture.store.losses import Losses
from capture.store.memory import MemoryQueue
from capture.store.presence import Presence, look
from capture.store.reader import Index
from capture.store.retention import Retention
from capture.store.segment import UNSENT, check_wires, uuid_bytes
from capture.store.slots import write_slot
from capture.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from capture.store.known import Damage

__all__ = ["Shared"]

#: Size (bytes) at which a segment ends.
_SEGMENT_BYTES = 1024 * 1024
#: Longest wait (s) for the store's lock.
_WAIT_S = 1.0


class Shared:
    """Made once by a `Store`, whose parameters these are; the attributes are for its parts."""

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        formats: Mapping[str, str],
        durability: str = "process",
        max_bytes: int = 30 * 1024 * 1024,
        max_age_s: float = 30 * 86_400.0,
        clock: Clock | None = None,
        on_drop: Callable[[str, int], None] | None = None,
        on_revoked: Callable[[], None] | None = None,
        pwrite: Callable[[int, bytes, int], int] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.formats = dict(formats) or {UNSENT: "native"}
        check_wires(self.formats.values())
        self.pid = os.getpid()
        self.max_bytes, self.max_age_s = max_bytes, max_age_s
        self.clock = clock or Clock()
        self.on_revoked, self.pwrite = on_revoked, pwrite
        self.losses = Losses(os.fspath(folder), on_drop, self.clock.monotonic_ns)
        self.claims = Claims(self.folder)
        self.guard = Guard(_WAIT_S)
        self.closed = self.revoked = self.wanted = False
        self.writer = Writer(
            self.folder,
            self.formats,
            self.losses,
            now_ms=self.now_ms,
            claim=self._claim_for_writing,
            admit=self._admit,
            limit=self.segment_limit,
            power=durability == "power",
            pwrite=pwrite,
        )
        self.writer.boot_id = _boot_id()
        self.power = durability == "power"
        self.state = AppState(self.folder, self.formats, self.losses, self.writer)
        self.memory = MemoryQueue(self.writer, self.formats)
        self.letters = DeadLetters(self.folder, pwrite)
        self.parts: tuple[Index, Retention] | None = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[tuple[Index, Retention]]:
        """Hold the store's lock, with the index that only the process that delivers has."""
        self.check_pid()
        try:
            with self.guard:
                if self.parts is None:
                    self.parts = self._make_parts()
                yield self.parts
        except (OSError, BusyError) as error:
            raise StoreError(f"{self.folder}: {error}") from error

    def _make_parts(self) -> tuple[Index, Retention]:
        index = Index(
            self.folder,
            self.formats,
            own_position=self.writer.position_of,
            is_live=self.claims.is_live,
            knows_user=self.state.knows,
            is_ours=self._is_ours,
            on_lost=lambda cause, queue, count: self.losses.add(cause, count, queue),
            on_damage=self._keep_damage,
            write_slot=partial(write_slot, pwrite=self.pwrite),
        )
        retention = Retention(
            self.folder, index, self.letters, self.claims, self.losses, max_bytes=self.max_bytes
        )
        return index, retention

    def _keep_damage(self, damage: Damage) -> None:
        letter = make_letter("", "damaged", self.now_ms(), damage.raw, session=damage.segment.name.session)
        self.letters.add([letter])

    def segment_limit(self) -> int:
        """Return the size (bytes) at which a segment ends: many processes have small ones."""
        live = len(recovery.session_locks(recovery.files_of(self.folder)))
        return min(_SEGMENT_BYTES, self.max_bytes // (16 * max(1, live)))

    def make_folder(self) -> None:
        """Make the folder at the first use; one that was deleted is made anew by `upkeep` alone."""
        if self.state.known is None and not self.closed and not self.revoked:
            with contextlib.suppress(OSError):
                make_private_folder(self.folder)

    def claim_delivery(self) -> bool:
        """Become the process that delivers; False while another one is."""
        self.check_pid()
        if self.claims.delivers:
            return True
        if self.closed or self.revoked:
            return False
        if not exists(self.folder):
            return True
        if not self.claims.claim_delivery():
            return False
        self.parts = None
        return True

    def _claim_for_writing(self, session: int) -> bool:
        """Hold the lock of a session of which a segment is to be made, and give up those before."""
        self.make_folder()
        if not self.claims.holds(session) and not self.claims.claim_session(session, lambda: True):
            return False
        return self.claims.settle(session)

    def _admit(self) -> bool:
        return not self.revoked and not self.closed and self._is_ours(deeply=False)

    def _is_ours(self, *, deeply: bool = True) -> bool:
        """Return whether the store is still in its folder; where not, upkeep looks at it soon."""
        found = look(self.folder, self.claims, self.state.user_id, deeply=deeply)
        if found is not Presence.OURS:
            self.wanted = True
        return found is Presence.OURS

    def check_pid(self) -> None:
        """Start afresh in a forked child: the parent's files, locks and events are not ours."""
        if self.pid == os.getpid():
            return
        self.pid = os.getpid()
        self.guard.renew()
        self.claims.forget()
        self.writer.forget()
        self.letters.close()
        self.parts = None
        self.losses.unreported.clear()

    def now_ms(self) -> int:
        """Return the time (ms since the epoch)."""
        return self.clock.wall_ns() // 1_000_000


def _boot_id() -> bytes:
    try:
        return uuid_bytes(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError):
        return b""
