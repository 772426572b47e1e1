"""The decisions of one sink's delivery: which batch is due, how an answer is handled, when to retry.

`Worker.step` gets the time, sends at most one batch, and returns when it wants to be called again.
`delivery` has the threads, waits and deadlines.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from capture.delivery.asked import Asked
from capture.delivery.base import SinkCounters
from capture.delivery.health import SinkHealth
from capture.errors import StoreError, hide_urls
from capture.sinks.base import Answer, Batch, Outcome, Sink, batch_id, checked_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.clock import Clock
    from capture.config.run import RunConfig
    from capture.delivery.base import DeliveryStore, Goal
    from capture.store.rows import StoredBatch

__all__ = ["MAX_BATCH_BYTES", "Worker"]

#: Largest body (bytes), and the part of it reserved for the header.
MAX_BATCH_BYTES = 512_000
_HEADER_BYTES = 12_000
#: Ceilings (s) of the first wait, of every wait, and of a wait that a sink asks for.
_FIRST_WAIT_S = 0.5
_MAX_WAIT_S = 300.0
_MAX_RETRY_AFTER_S = 3600.0
#: Consecutive refusals of single events after which the queue pauses: the sink must be at fault.
_MAX_REFUSED = 10
#: Attempts to send a single event that our own limits allow, and the receiver finds too large.
_TOO_LARGE_TRIES = 4
_STORE_RETRY_S = 1.0
_log = logging.getLogger("capture.delivery")


class Worker:
    """Delivers one queue of the store to one sink.

    Parameters
    ----------
    store : DeliveryStore
        Where the events are.
    sink : Sink
        Where they go.
    config : RunConfig
        Batch size, flush interval, request timeout.
    compose : callable
        Wire format, payloads and, if it is known, the user's id (16 bytes) -> body, with a header of now.
    clock, jitter
        Time, and the wait below a ceiling (s).
    report : callable
        Called with (kind, sink name, count, reason), with no lock held.
    on_state : callable
        Called when the state may have changed, with no lock held.
    """

    def __init__(
        self,
        store: DeliveryStore,
        sink: Sink,
        *,
        config: RunConfig,
        compose: Callable[..., bytes],
        clock: Clock,
        jitter: Callable[[float], float],
        report: Callable[[str, str, int, str], None],
        on_state: Callable[[], None] = lambda: None,
    ) -> None:
        self.sink = sink
        self.name = sink.name
        self.counters = SinkCounters()
        #: The session that is recorded now; it is not over.
        self.session: int | None = None
        #: Events recorded since the store was last looked at.
        self.unseen = 0
        #: Monotonic time (ns) since when something may be waiting; None for nothing.
        self.since_ns: int | None = None
        #: Requests to send the pending events.
        self.asked = Asked()
        #: Sessions of which only full batches are sent, even on request.
        self.open_sessions: frozenset[int] = frozenset()
        #: No attempt before these times (monotonic ns): our own wait, and the one the sink asked for.
        self._wait_until_ns = self._floor_until_ns = 0
        self._failures = self._refused = 0
        #: Answers in a row that a single event is too large.
        self._too_large = 0
        #: When the store was looked at last: others may have recorded since.
        self._looked_ns = clock.monotonic_ns()
        self._health = SinkHealth(sink.name, self.counters, clock)
        #: While a refused batch is split: events per request, and the batch.
        self._limit: int | None = None
        self._apart: StoredBatch | None = None
        #: Whether the last look found a due batch: there may be another.
        self._more = False
        #: Whether events came while the store was looked at.
        self._arrived = False
        #: Accepted by the sink, not yet acknowledged to the store: it must not be sent again.
        self._accepted_batch: StoredBatch | None = None
        self._store = store
        self._config = config
        self._compose = compose
        self._clock = clock
        self._jitter = jitter
        self._report, self._on_state = report, on_state
        limits = sink.limits
        self._interval_ns = int((limits.max_age_s or config.buffer.flush_interval_s) * 1e9)
        #: Events of a full batch.
        self.size = limits.max_events or config.buffer.batch_size
        self._max_bytes = limits.max_bytes or MAX_BATCH_BYTES
        self._max_payload_bytes = min(max(self._max_bytes, MAX_BATCH_BYTES) - _HEADER_BYTES, self._max_bytes)

    @property
    def blocked_until_ns(self) -> int:
        """Monotonic time (ns) before which nothing is sent."""
        return max(self._wait_until_ns, self._floor_until_ns)

    def request(self, goal: Goal | None = None) -> int:
        """Make everything pending due, and a paused queue try again; return the number of the request.

        It is done when all of them are delivered; events recorded meanwhile do not delay it.

        Parameters
        ----------
        goal : Goal, optional
            Events to send; default: those that are stored at the worker's next look at the store.
        """
        self._health.resume(afresh=True)
        self._wait_until_ns = 0
        return self.asked.add(goal)

    def wake(self) -> None:
        """End the wait between attempts, but for one that the sink itself asked for, and a pause."""
        self._health.resume(afresh=True)
        self._more = True
        self._wait_until_ns = 0
        self._failures = 0

    def needs_look(self, now_ns: int) -> bool:
        """Return whether something may be due."""
        if self.asked or self.unseen >= self.size or self._more:
            return True
        return now_ns - self._last_ns() >= self._interval_ns

    def _last_ns(self) -> int:
        """Return since when something may be waiting; at the latest since the last look at the store."""
        return self._looked_ns if self.since_ns is None else min(self.since_ns, self._looked_ns)

    def step(self, now_ns: int, *, timeout_s: float | None = None) -> float:
        """Send one batch if one is due.

        Parameters
        ----------
        now_ns : int
            Monotonic time.
        timeout_s : float, optional
            Deadline of the request (s) if it is earlier than the configured one.

        Returns
        -------
        float
            Time (s) after which to step again: 0 for at once.
        """
        wait_s = self._step(now_ns, timeout_s)
        self.settle("sending" if self._more else "idle")
        self._on_state()
        return wait_s

    def settle(self, well: str = "idle") -> None:
        """Set the state between two attempts: `well` unless the sink fails."""
        if not self._health.is_paused:
            self.counters.state = "waiting" if self.counters.attempts else well

    def _step(self, now_ns: int, timeout_s: float | None) -> float:
        if self._health.is_paused:
            wait_ns = self._health.probe_in_ns(now_ns)
            if wait_ns > 0:
                return wait_ns / 1e9
            self._health.resume()
        blocked = self.blocked_until_ns - now_ns
        if blocked > 0:
            return blocked / 1e9
        if not self.needs_look(now_ns):
            return self._until_due(now_ns)
        try:
            return self._look(now_ns, timeout_s)
        except StoreError as error:
            return self.failed(now_ns, error)

    def failed(self, now_ns: int, error: BaseException) -> float:
        """Note the error that ended a step; return the time (s) after which to step again."""
        self._health.failed(hide_urls(f"{type(error).__name__}: {error}"))
        self._wait_until_ns = now_ns + int(_STORE_RETRY_S * 1e9)
        self._more = True
        self.settle()
        return _STORE_RETRY_S

    def _look(self, now_ns: int, timeout_s: float | None) -> float:
        self.unseen = 0
        self._looked_ns = now_ns
        self._acknowledge()
        self.asked.look(self._store, self.name)
        stored = self._due_batch(now_ns)
        self.asked.complete(self._store, self.name, stored)
        if stored is not None:
            self._more = True
            self._send(stored, timeout_s)
            return 0.0
        if self.unseen >= self.size and self._arrived:
            return 0.0
        self._limit, self._more = None, False
        return 0.0 if self.asked else self._until_due(now_ns)

    def _is_apart(self, batch: StoredBatch) -> bool:
        """Return whether a batch is of the one that is taken apart."""
        return self._apart is not None and batch.begins_before_the_end_of(self._apart)

    # Due events

    def _until_due(self, now_ns: int) -> float:
        return max(0.0, (self._last_ns() + self._interval_ns - now_ns) / 1e9)

    def _age_ns(self, batch: StoredBatch) -> int:
        """Return the age of a batch by the wall clock, which may have been set meanwhile."""
        return max(0, self._clock.wall_ns() - batch.oldest_ms * 1_000_000)

    def _due_batch(self, now_ns: int) -> StoredBatch | None:
        skip: list[int] = []
        waiting = oldest_ns = 0
        while True:
            batch = self._store.next_batch(
                self.name,
                self._limit or self.size,
                self._max_payload_bytes,
                skip=skip,
                apart=self._limit is not None,
            )
            if batch is None:
                break
            if self._is_due(batch, now_ns):
                return batch
            waiting += batch.count
            oldest_ns = max(oldest_ns, min(self._age_ns(batch), self._interval_ns))
            skip.append(batch.session)
        self._arrived = self.unseen > 0
        self.unseen += waiting
        if not waiting:
            self.since_ns = None if not self.unseen else now_ns
        elif self.since_ns is None or now_ns - self.since_ns >= self._interval_ns:
            # Events of other processes are as old as their time.
            self.since_ns = now_ns - oldest_ns
        return None

    def _is_due(self, batch: StoredBatch, now_ns: int) -> bool:
        if batch.count >= self.size or batch.full:
            return True
        if self._limit is not None and self._is_apart(batch):
            return True
        if batch.session in self.open_sessions:
            return False
        over = batch.session != self.session and not self._store.is_live(batch.session)
        if over or self.asked.covers(batch):
            return True
        if self.since_ns is not None and now_ns - self.since_ns >= self._interval_ns:
            return True
        # The rest of a burst is older than the last look at the store.
        return self._age_ns(batch) >= self._interval_ns

    # Meaning of an answer

    def _send(self, stored: StoredBatch, timeout_s: float | None) -> None:
        if self._limit is not None and not self._is_apart(stored):
            self._limit = None
        if not self._store.begin_send(self.name, stored):
            return
        try:
            answer = self._attempt(stored, timeout_s)
        finally:
            self._store.end_send(self.name, stored)
        if answer.outcome is Outcome.ACCEPTED:
            self._accepted(stored)
            return
        # About single events, perhaps; that the sink fails is known only when they fail one by one.
        self.counters.last_error = answer.reason
        if answer.outcome is Outcome.TEMPORARY:
            ceiling_s = min(_MAX_WAIT_S, _FIRST_WAIT_S * 2 ** min(self._failures, 30))
            self._wait(self._jitter(ceiling_s), answer)
        elif answer.outcome is Outcome.UNAVAILABLE:
            self._health.failed(answer.reason, pauses=True)
            self._pause(answer.reason, answer.retry_after_s)
        elif stored.count > 1:
            halve = answer.outcome is Outcome.TOO_LARGE
            if self._limit is None or not self._is_apart(stored):
                self._apart = stored
            self._limit = stored.count // 2 if halve else 1
            self.counters.retried += 1
        else:
            self._single_refused(stored, answer)

    def _attempt(self, stored: StoredBatch, timeout_s: float | None) -> Answer:
        configured = self._config.delivery.timeout_s
        deadline_s = configured if timeout_s is None else min(configured, timeout_s)
        self.counters.state = "sending"
        self._on_state()
        try:
            owner = (stored.user_id,) if stored.user_id else ()
            body = self._compose(stored.format, stored.payloads, *owner)
            if len(body) > self._max_bytes:
                # No receiver is at fault: it is not asked.
                self._too_large = _TOO_LARGE_TRIES
                return Answer(Outcome.TOO_LARGE, f"{len(body)} bytes, more than {self._max_bytes}")
            batch = Batch(
                body=body,
                session=stored.session,
                event_count=stored.count,
                batch_id=batch_id(stored.event_ids),
                format=stored.format,
                payloads=stored.payloads,
            )
            return checked_answer(self.sink.send(batch, deadline_s))
        except Exception as error:  # noqa: BLE001 - no error of a sink may end the worker
            _log.debug("sink %s raised", self.name, exc_info=True)
            return Answer(Outcome.TEMPORARY, hide_urls(f"{type(error).__name__}: {error}"))

    def _accepted(self, stored: StoredBatch) -> None:
        self._failures = self._refused = self._too_large = 0
        self._wait_until_ns = self._floor_until_ns = 0
        self._accepted_batch = stored
        self._end_apart(stored)
        self._health.accepted()
        self._acknowledge()

    def _acknowledge(self) -> None:
        """Acknowledge the accepted batch; counted only then, since a crash before sends it again."""
        accepted = self._accepted_batch
        if accepted is None:
            return
        known = self._store.acknowledge(self.name, accepted)
        self._accepted_batch = None
        if known:
            self.counters.delivered += accepted.count
            self._report("delivered", self.name, accepted.count, "")

    def _end_apart(self, stored: StoredBatch) -> None:
        """Send full batches again once the one that was taken apart is done."""
        apart = self._apart
        if apart is None or apart.place != stored.place or stored.end >= apart.end:
            self._limit = self._apart = None

    def _wait(self, wait_s: float, answer: Answer) -> None:
        self._health.failed(answer.reason)
        # The attempt itself may have taken long.
        now_ns = self._clock.monotonic_ns()
        self._wait_until_ns = now_ns + int(wait_s * 1e9)
        if answer.retry_after_s is not None:
            asked_s = min(max(answer.retry_after_s, 0.0), _MAX_RETRY_AFTER_S)
            # On top of it, lest a fleet comes back as one.
            self._floor_until_ns = now_ns + int((asked_s + self._jitter(asked_s / 2)) * 1e9)
        self._failures += 1
        self.counters.retried += 1
        self._report("retried", self.name, 1, answer.reason)

    def _single_refused(self, stored: StoredBatch, answer: Answer) -> None:
        if answer.outcome is Outcome.TOO_LARGE and self._too_large < _TOO_LARGE_TRIES - 1:
            # A receiver that finds a small event too large is at fault, and may be mended.
            ceiling_s = 2.0 ** (self._too_large + 1)
            self._too_large += 1
            self._wait(ceiling_s / 2 + self._jitter(ceiling_s / 2), answer)
            return
        if self._refused < _MAX_REFUSED:
            self._refused += 1
            self._give_up(stored, answer.reason or answer.outcome.value)
        if self._refused >= _MAX_REFUSED:
            self._pause(f"{answer.reason} ({self._refused} events in a row refused)", answer.retry_after_s)

    def _give_up(self, stored: StoredBatch, reason: str) -> None:
        self._too_large = 0
        self.asked.fail(stored)
        known = self._store.move_to_dead_letters(self.name, stored, reason)
        self._end_apart(stored)
        if known:
            self.counters.dead_letters += 1
            self._health.gave_up(reason, 1)
            self._report("dead_letter", self.name, 1, reason)

    def _pause(self, reason: str, at_least_s: float | None) -> None:
        self._health.paused(reason, at_least_s)
        self._report("paused", self.name, 0, reason)
