"""What the parts of a store share: its folder, locks, writer, index, and whether it may be used."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Required, TypedDict, Unpack

from capture._native.guard import BusyError, Guard
from capture.clock import Clock
from capture.errors import StoreError
from capture.process import make_private_folder
from capture.store import recovery
from capture.store.app_state import AppState, Presence
from capture.store.dead_letters import DeadLetters
from capture.store.files import exists
from capture.store.locks import Claims
from capture.store.losses import Losses
from capture.store.memory import MemoryQueue
from capture.store.reader import Index
from capture.store.retention import Retention
from capture.store.segment import UNSENT, check_wires, uuid_bytes
from capture.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["Options", "Shared"]

#: Size (bytes) at which a segment ends.
_SEGMENT_BYTES = 1024 * 1024
#: Longest wait (s) for the store's lock.
_WAIT_S = 1.0


class Options(TypedDict, total=False):
    """What a `Store` can be made with; it says what each means."""

    formats: Required[Mapping[str, str]]
    durability: str
    max_bytes: int
    max_age_s: float
    clock: Clock | None
    on_drop: Callable[[str, int], None] | None
    on_revoked: Callable[[], None] | None
    pwrite: Callable[[int, bytes, int], int] | None


class Shared:
    """Made once by a `Store`, whose parameters these are; the attributes are for its parts."""

    def __init__(self, folder: str | os.PathLike[str], **options: Unpack[Options]) -> None:
        self.folder = Path(folder)
        self.formats = dict(options["formats"]) or {UNSENT: "native"}
        check_wires(self.formats.values())
        self.pid = os.getpid()
        self.power = options.get("durability") == "power"
        self.max_bytes = options.get("max_bytes", 30 * 1024 * 1024)
        self.max_age_s = options.get("max_age_s", 30 * 86_400.0)
        self.clock = options.get("clock") or Clock()
        self.on_revoked, self.pwrite = options.get("on_revoked"), options.get("pwrite")
        self.losses = Losses(os.fspath(folder), options.get("on_drop"), self.clock.monotonic_ns)
        self.claims = Claims(self.folder)
        self.guard = Guard(_WAIT_S)
        self.closed = self.revoked = self.wanted = False
        self.writer = Writer(self, _boot_id())
        self.state = AppState(self)
        self.memory = MemoryQueue(self)
        self.letters = DeadLetters(self.folder, self.pwrite)
        self.parts: tuple[Index, Retention] | None = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[tuple[Index, Retention]]:
        """Hold the store's lock, with the index that only the process that delivers has."""
        self.check_pid()
        try:
            with self.guard:
                if self.parts is None:
                    index = Index(self, writes=True)
                    self.parts = index, Retention(self, index)
                yield self.parts
        except (OSError, BusyError) as error:
            raise StoreError(f"{self.folder}: {error}") from error

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

    def release_delivery(self) -> None:
        """Let another process deliver."""
        self.parts = None
        self.claims.release_delivery()

    def claim_for_writing(self, session: int) -> bool:
        """Hold the lock of a session of which a segment is to be made, and give up those before."""
        self.make_folder()
        if not self.claims.holds(session) and not self.claims.claim_session(session, lambda: True):
            return False
        return self.claims.settle(session)

    def admits(self) -> bool:
        """Return whether a segment may be made."""
        return not self.revoked and not self.closed and self.is_ours(deeply=False)

    def is_ours(self, *, deeply: bool = True) -> bool:
        """Return whether the store is still in its folder; where not, upkeep looks at it soon."""
        found = self.state.look(deeply=deeply)
        if found is not Presence.OURS:
            self.wanted = True
        return found is Presence.OURS

    def let_go(self, cause: str) -> None:
        """Write and hold nothing any more; what waits is lost, counted under `cause` unless that is empty."""
        with contextlib.suppress(BusyError):
            self.writer.guard.call(self.writer.give_up, cause)
        self.letters.close()
        self.claims.release_session()
        self.release_delivery()

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
