"""The parts of a store, and work that several of them do together."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Unpack

from capture._native.guard import BusyError, Guard
from capture.errors import StoreError
from capture.store.context import Context, Options
from capture.store.dead_letters import DeadLetters
from capture.store.files import exists
from capture.store.reader import Index
from capture.store.state import AppState
from capture.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Shared"]

#: Longest wait (s) for the store's lock.
_WAIT_S = 1.0


class Shared:
    """Made once by a `Store`, whose parameters these are; the attributes are for its parts."""

    def __init__(self, folder: str | os.PathLike[str], **options: Unpack[Options]) -> None:
        self.context = Context(folder, **options)
        self.pid = os.getpid()
        self.guard = Guard(_WAIT_S)
        self.state = AppState(self.context)
        self.writer = Writer(self.context, self.state)
        self.letters = DeadLetters(self.context.folder, self.context.pwrite)
        self.index: Index | None = None

    def make_index(self, *, writes: bool) -> Index:
        """Return an index of the segments; `writes`: for the process that delivers."""
        return Index(self.context, self.state, self.writer, self.letters, writes=writes)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Index]:
        """Hold the store's lock, with the index that only the process that delivers has."""
        self.check_pid()
        try:
            with self.guard:
                self.index = self.index or self.make_index(writes=True)
                yield self.index
        except (OSError, BusyError) as error:
            raise StoreError(f"{self.context.folder}: {error}") from error

    def claim_delivery(self) -> bool:
        """Become the process that delivers; False while another one is."""
        self.check_pid()
        if self.context.claims.delivery.held:
            return True
        if self.context.closed or self.context.revoked:
            return False
        if not exists(self.context.folder):
            return True
        if not self.context.claims.claim_delivery():
            return False
        self.index = None
        return True

    def delivers(self) -> bool:
        """Become the process that delivers; False while another one is, or where nothing can be locked."""
        return self.claim_delivery() and self.context.claims.delivery.held

    def release_delivery(self) -> None:
        """Let another process deliver."""
        self.index = None
        self.context.claims.delivery.release()

    def let_go(self, cause: str) -> None:
        """Write and hold nothing any more; waiting events are lost, counted under `cause` if not empty."""
        with contextlib.suppress(BusyError):
            self.writer.guard.call(self.writer.give_up, cause)
        self.letters.close()
        self.context.claims.release_session()
        self.release_delivery()

    def check_pid(self) -> None:
        """Start afresh in a forked child: the parent's files, locks and events are not ours."""
        if self.pid == os.getpid():
            return
        self.pid = os.getpid()
        self.guard.renew()
        self.context.claims.forget()
        self.writer.forget()
        self.letters.close()
        self.index = None
        self.context.losses.unreported.clear()
