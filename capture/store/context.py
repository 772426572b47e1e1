"""The state that all parts of a store share: folder, bounds, locks, losses, and whether it is open."""

from __future__ import annotations

import logging
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Required, TypedDict, Unpack

from capture.clock import Clock
from capture.store.files import files_of
from capture.store.locks import Claims
from capture.store.recovery import session_locks
from capture.store.segment import UNSENT, check_wires, uuid_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PURGED", "Context", "Losses", "Options"]

#: Cause of what somebody deletes by a command: it is counted and not reported.
PURGED = "purged"
#: Size (bytes) at which a segment ends.
_SEGMENT_BYTES = 1024 * 1024
#: A kind of loss is over when it did not happen for so long (ns), and something went well since.
_QUIET_NS = 600 * 10**9
_log = logging.getLogger("capture.store")


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


class Losses:
    """Counts lost events.

    An event that several queues lose is one event: `dropped` counts, for each cause, the losses of the queue
    that lost most.

    Parameters
    ----------
    place : str
        The store, in messages.
    on_drop : callable or None
        Called with a cause and a number of events by `report`.
    now_ns : callable
        Monotonic time.
    """

    def __init__(
        self, place: str, on_drop: Callable[[str, int], None] | None, now_ns: Callable[[], int]
    ) -> None:
        #: Events lost so far, by cause.
        self.dropped: dict[str, int] = {}
        #: Losses that are not reported yet.
        self.unreported: Counter[str] = Counter()
        self._by_queue: Counter[tuple[str, str]] = Counter()
        self._place = place
        self._on_drop = on_drop
        self._now_ns = now_ns
        #: Kind -> when it happened last, since it was logged.
        self._last: dict[str, int] = {}
        #: Kinds after whose last time something went well.
        self._quiet: set[str] = set()

    def add(self, cause: str, count: int, queue: str) -> None:
        """Count events that a queue lost; `report` informs the owner later, when no lock is held."""
        if count <= 0:
            return
        self._by_queue[cause, queue] += count
        more = self._by_queue[cause, queue] - self.dropped.get(cause, 0)
        if more > 0:
            self.dropped[cause] = self._by_queue[cause, queue]
            if cause != PURGED:
                self.unreported[cause] += more

    def of(self, queue: str, *causes: str) -> int:
        """Return how many events a queue lost, by any cause or by some."""
        known = list(self._by_queue.items())  # other threads count meanwhile
        return sum(
            count for (cause, name), count in known if name == queue and (not causes or cause in causes)
        )

    def report(self) -> None:
        """Report the losses since the last call; the caller holds no lock."""
        while self.unreported:
            cause = next(iter(self.unreported))
            count = self.unreported.pop(cause, 0)
            self.say(cause, f"{count} events dropped ({cause}); more of them are only counted")
            if self._on_drop is not None:
                try:
                    self._on_drop(cause, count)
                except Exception as error:  # noqa: BLE001 - the owner's callable, not ours
                    self.say("on_drop", f"the drop callable raised {error!r}")

    def say(self, what: str, message: str) -> None:
        """Log a warning of a kind, once an outage: a slow receiver or a full disk does not repeat it."""
        now_ns, last_ns = self._now_ns(), self._last.get(what)
        self._last[what] = now_ns
        over = last_ns is None or (what in self._quiet and now_ns - last_ns >= _QUIET_NS)
        self._quiet.discard(what)
        if over:
            _log.warning("%s: %s", self._place, message)

    def recover(self, *kinds: str) -> None:
        """Note a success: a problem that does not recur for a while is over.

        Parameters
        ----------
        *kinds : str
            Kinds of problems; by default all.
        """
        if len(self._quiet) < len(self._last):
            self._quiet.update(kind for kind in kinds or list(self._last) if kind in self._last)


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
        live = len(session_locks(files_of(self.folder)))
        return min(_SEGMENT_BYTES, self.max_bytes // (16 * max(1, live)))

    def now_ms(self) -> int:
        """Return the time (ms since the epoch)."""
        return self.clock.wall_ns() // 1_000_000


def _boot_id() -> bytes:
    try:
        return uuid_bytes(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError):
        return b""
