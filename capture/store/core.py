"""What a store stands on: its file, its losses, its locks, and how it is opened, shared and forked."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capture.clock import Clock
from capture.errors import StoreError
from capture.store import schema
from capture.store.append import Appender
from capture.store.errand import Errands
from capture.store.file import StoreFile
from capture.store.locks import Claims
from capture.store.losses import Losses
from capture.store.queue import Queue
from capture.store.state import read_state, write_state
from capture.store.upkeep import Upkeep

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

__all__ = ["UNSENT", "StoreCore"]

#: The queue of a store without sinks.
UNSENT = "unsent"


class StoreCore:
    """The parts of a `Store` that are not about events; see there for the parameters."""

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
    ) -> None:
        self.folder = Path(folder)
        self.formats = dict(formats) or {UNSENT: "native"}
        #: Events that waited in memory for another writer.
        self.deferred_count = 0
        self._max_age_s = max_age_s
        self._clock = clock or Clock()
        self._losses = Losses(os.fspath(folder), on_drop)
        #: State that could not be written yet, and the largest session that was claimed meanwhile.
        self._unwritten: dict[str, Any] | None = None
        self._unmarked = self._last_session = 0
        self._wires = frozenset(self.formats.values())
        single = len(self._wires) == 1
        self._queues = {name: Queue(name, wire, count_gaps=single) for name, wire in self.formats.items()}
        self._appender = Appender(self._wires, self._losses.add)
        self._errands = Errands()
        self._claims = Claims(self.folder)
        self._file = StoreFile(
            self.folder / schema.FILE_NAME,
            durability=durability,
            on_open=self._opened,
            on_new=self._start_over,
        )
        self._upkeep = Upkeep(self._file, max_bytes=max_bytes, on_loss=self._losses.add)
        #: Bytes written after which an append looks at the length of the log.
        self._relieve_at = self._upkeep.slice_bytes
        #: The process that uses it now: a fork is noticed at the next use.
        self.pid = os.getpid()
        self._try_to_open()

    @property
    def dropped(self) -> dict[str, int]:
        """Events lost so far, by cause."""
        return self._losses.dropped

    @property
    def path(self) -> Path:
        """The database."""
        return self._file.path

    @property
    def waiting_in_memory(self) -> int:
        """Events that wait in memory for the next append."""
        return len(self._appender.deferred)

    def read_state(self, *, quickly: bool = False) -> dict[str, Any] | None:
        """Return the state: what `write_state` stored, under what events changed since; None for none.

        Parameters
        ----------
        quickly : bool, default False
            Whether to wait no longer than an append does.

        Raises
        ------
        StoreError
            When it cannot be read, and is not in memory either.
        """
        try:
            with self._appending() if quickly else self._reading() as connection:
                return read_state(connection, self._unwritten)
        except StoreError:
            if self._unwritten is None:
                raise
            return self._unwritten

    def write_state(self, state: Mapping[str, Any]) -> bool:
        """Replace the state; False when it is kept in memory until the file can be written.

        It waits no longer than an append does.
        """
        whole = self._unwritten = dict(state)
        try:
            with self._writing_quickly() as connection:
                write_state(connection, whole)
        except StoreError as error:
            self._losses.say("state", f"the state waits in memory: {error}")
            return False
        self._unwritten = None
        return True

    def first_state(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Store the keys that the state does not have yet, and return it: another process may be first.

        Raises
        ------
        StoreError
            When it could not be written; nothing is kept in memory.
        """
        with self._writing() as connection:
            known = {**state, **(read_state(connection, None) or {})}
            write_state(connection, known)
        return known

    def claim_session(self, number: int) -> bool:
        """Take the lock on session `number`; False when another process has it, or it is over.

        A session below the largest that was ever claimed on this store is over. The lock on the
        session before is given up. Where nothing can be written there is nobody to share with: True.
        """
        return self._claims.claim_session(number, lambda: self._admit_session(number))

    def _admit_session(self, number: int) -> bool:
        try:
            with self._writing_quickly() as connection:
                if number < schema.mark_of(connection)[1]:
                    return False
                schema.set_mark(connection, 0, number)
        except StoreError:
            self._unmarked = max(self._unmarked, number)
        return True

    def last_session(self) -> int:
        """Return the largest session number that was ever claimed on this store; 0 for none.

        What is known of it, where the file cannot be asked as quickly as an append must be done.
        """
        with contextlib.suppress(StoreError), self._appending() as connection:
            self._last_session = max(self._unmarked, schema.mark_of(connection)[1])
        return max(self._unmarked, self._last_session)

    def is_live(self, session: int) -> bool:
        """Tell whether this or another process holds `session`."""
        return self._claims.is_live(session)

    def release_session(self) -> None:
        """Give up the lock on the session."""
        self._claims.release_session()

    def claim_delivery(self) -> bool:
        """Become the process that delivers; False while another one is."""
        if self.pid != os.getpid():
            self._after_fork()
        return self._claims.claim_delivery()

    def release_delivery(self) -> None:
        """Let another process deliver."""
        self._claims.release_delivery()

    def _end(self) -> None:
        self._claims.release_session()
        self._claims.release_delivery()
        with self._file.read_lock, self._file.write_lock:
            self._file.closed = True
            self._file.disconnect()

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        if self.pid != os.getpid():
            self._after_fork()
        return self._file.reading()

    def _writing(self) -> AbstractContextManager[sqlite3.Connection]:
        if self.pid != os.getpid():
            self._after_fork()
        return self._file.writing(self._catch_up)

    @contextlib.contextmanager
    def _appending(self) -> Iterator[sqlite3.Connection]:
        """Hold the appending connection, for a caller that holds up the app's touches meanwhile."""
        if self.pid != os.getpid():
            self._after_fork()
        with self._file.appending() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing_quickly(self) -> Iterator[sqlite3.Connection]:
        """Hold a transaction on the appending connection, as `_appending` does."""
        with self._appending() as connection:
            self._appender.insert_deferred(connection)
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        """Write what waits in memory before anything else."""
        self._appender.insert_deferred(connection)
        # Another thread may give a newer one meanwhile, which waits on.
        session, state = self._unmarked, self._unwritten
        if session:
            connection.execute("BEGIN IMMEDIATE")
            schema.set_mark(connection, 0, session)
            connection.execute("COMMIT")
            self._unmarked = 0 if self._unmarked == session else self._unmarked
        if state is not None:
            write_state(connection, state)
            self._unwritten = None if self._unwritten is state else self._unwritten

    @property
    def _waits(self) -> bool:
        """Whether something waits in memory for the next one who writes."""
        return bool(self._appender.deferred or self._unmarked) or self._unwritten is not None

    def _try_to_open(self) -> None:
        # Twice: a damaged or foreign file is moved aside at the second.
        for _ in range(2):
            try:
                with self._file.reading():
                    return
            except StoreError as error:
                problem = error
        self._losses.say("open", f"{problem}; events wait in memory")

    def _opened(self, connection: sqlite3.Connection) -> None:
        """Make a new connection ready: bounds, queues."""
        self._upkeep.limit(connection)
        schema.register(connection, self.formats, takes_over=UNSENT)

    def _start_over(self, lost: int) -> None:
        """Forget what was known of the file: another one is in its place."""
        self._appender.forget_ids()
        self._upkeep.forget()
        for queue in self._queues.values():
            queue.forget()
        self._losses.add("store_damaged", lost)

    def _after_fork(self) -> None:
        """Start afresh in a forked child: the parent's connections, locks and events are not ours."""
        self.pid = os.getpid()
        if self._file.pid != 0:
            # Forked by something that runs no fork handlers.
            self._file.inherit()
        self._file.pid = self.pid
        self._claims.forget()
        self._appender = Appender(self._wires, self._losses.add)
        self._errands.clear()
        self._upkeep.forget()
        for queue in self._queues.values():
            queue.forget()
        self._losses.untold.clear()

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000
