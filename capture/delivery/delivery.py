"""Delivery: sends stored events, one worker thread per sink, one request in flight each.

`capture.delivery.worker` chooses the batches. This module has the threads that call it, the deadlines of
`Delivery.flush` and `Delivery.close`, and `Delivery.drain`, which does the same work in the caller's
thread. One more thread maintains the store (`capture.delivery.maintenance`).

Threads are daemons, and every wait for one has a deadline: a request that hangs, for example in a name
lookup, must not keep a process from ending. Undelivered events stay in the store.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
from typing import TYPE_CHECKING

from capture._native.guard import BusyError, Guard, fork_count
from capture.clock import Clock
from capture.delivery.base import Everything
from capture.delivery.finish import finish
from capture.delivery.maintenance import Maintenance
from capture.delivery.others import is_whole, wait_for_others
from capture.delivery.states import SinkStates
from capture.delivery.wake import Wake
from capture.delivery.worker import Worker
from capture.errors import LogOnce, StoreError
from capture.ids import full_jitter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from capture.config.run import RunConfig
    from capture.delivery.base import DeliveryStore, Goal, SinkCounters
    from capture.sinks.base import Sink

__all__ = ["Delivery"]

#: How often (s) a process that does not deliver asks whether it may.
_TAKE_OVER_S = 2.0
#: Longest wait (s) for another thread that starts the threads.
_WAIT_S = 1.0
#: How often (s) a wait for other threads looks again.
_POLL_S = 0.05
_log = logging.getLogger("capture.delivery")


class Delivery:
    """Delivers the queues of a store to their sinks.

    Parameters
    ----------
    store : DeliveryStore
        The store; its queues are named as the sinks are.
    sinks : sequence of Sink
        Where the events go.
    config : RunConfig
        Batch size, flush interval, deadlines.
    compose : callable
        Wire format, payloads and, if it is known, the user's id -> body. Called at every attempt, so
        that the header is of now.
    clock : Clock
        Time.
    jitter : callable
        The wait (s) below a ceiling (s).
    on_report : callable, optional
        Called with (kind, sink name, count, reason), with no lock held, from a worker thread;
        kinds are ``delivered``, ``retried``, ``dead_letter`` and ``paused``.
    """

    def __init__(
        self,
        store: DeliveryStore,
        sinks: Sequence[Sink],
        *,
        config: RunConfig,
        compose: Callable[..., bytes],
        clock: Clock | None = None,
        jitter: Callable[[float], float] = full_jitter,
        on_report: Callable[..., None] | None = None,
    ) -> None:
        self._store = store
        self._sinks = tuple(sinks)
        self._clock = clock or Clock()
        self._on_report = on_report
        self._log_once = LogOnce(_log)
        self._counters: dict[str, SinkCounters] = {}
        self._states = SinkStates(store, self._counters, self._clock)
        self._workers = [
            Worker(
                store,
                sink,
                config=config,
                compose=compose,
                clock=self._clock,
                jitter=jitter,
                report=self._report,
                on_state=self._states.publish,
            )
            for sink in sinks
        ]
        self._counters.update((worker.name, worker.counters) for worker in self._workers)
        self._started = self._stopped = False
        self._reset()

    def _reset(self) -> None:
        """Start without threads: at construction, and in a forked child."""
        self._wakes = {worker.name: Wake() for worker in self._workers}
        self._pause = Wake()
        #: Callers that wait for the workers.
        self._waiting: list[Wake] = []
        self._guard = Guard(_WAIT_S)
        self._maintenance = Maintenance(self._store)
        self._threads: list[threading.Thread] = []
        self._forks, self._pid = fork_count(), os.getpid()
        self._deadline_ns: int | None = None

    # From the caller

    def start(self) -> None:
        """Start the threads; stored events are due at once."""
        self._started = True
        for worker in self._workers:
            stored: Goal | None = None
            with contextlib.suppress(StoreError):  # else the worker asks at its first look
                stored = self._store.goal(worker.name)
            worker.request(stored)
        self._start_threads()

    def notify(self, session: int, pending: int = 1) -> None:
        """Note that `pending` events of `session` were appended; never waits.

        Parameters
        ----------
        session : int
            The session that is recorded now. Others are over, unless another process holds them.
        pending : int
            Number of new events.
        """
        if self._forks != fork_count():  # without a call: this runs while a finger lifts
            self._check_fork()
        for worker in self._workers:
            before = worker.unseen
            worker.unseen = before + pending
            # Once for each batch that fills up, not for each event.
            full = worker.unseen // worker.size != before // worker.size
            if full or worker.since_ns is None or worker.session != session:
                worker.session = session
                if worker.since_ns is None:
                    worker.since_ns = self._clock.monotonic_ns()
                self._wakes[worker.name].set()
        if self._store.needs_upkeep:
            self._maintenance.wake()

    def send_pending(self) -> None:
        """Make everything pending due, as at app hide, and return at once."""
        self._request()

    def wake(self) -> None:
        """End the waits between attempts, as when the network is back; return at once."""
        for worker in self._workers:
            worker.wake()
        self._wake_all()

    def flush(self, timeout_s: float) -> bool:
        """Send the events that are pending now, not those recorded meanwhile; paused queues try again.

        Parameters
        ----------
        timeout_s : float
            Deadline (s). Events that are not delivered by then stay in the store.

        Returns
        -------
        bool
            Whether each of them was accepted; False also if one became a dead letter or was dropped.
        """
        deadline_ns = self._clock.monotonic_ns() + int(timeout_s * 1e9)
        left_s = functools.partial(self._left_s, deadline_ns)
        if not self._started or not self._start_threads():
            return self.drain(timeout_s=timeout_s)
        try:
            if not self._store.claim_delivery():
                return wait_for_others(self._store, self._pause, left_s, self.flush)
            # Where the lock cannot be had, what is stored waits for another process.
            stored = None if self._store.delivers else self._store.watch()
        except StoreError:
            return False  # it cannot be read now
        lost = self._lost()
        wanted, wake = self._request(), Wake()
        self._waiting.append(wake)
        try:
            while not self._is_finished(wanted, deadline_ns):
                if (remaining_s := left_s()) <= 0:
                    return False
                wake.wait(min(remaining_s, _POLL_S))
        finally:
            self._waiting.remove(wake)
            self._states.publish(anyway=True)
        done = all(worker.asked.completed >= wanted[worker.name] for worker in self._workers)
        # The store is looked at first: that counts the events that are gone with it.
        done = is_whole(self._store, stored) and self._lost() == lost and done
        done = done and not self._has_failed(wanted)
        for sink in self._sinks if done else ():
            done = finish(sink.flush, sink.name, left_s()) and done
        return done

    def close(self, timeout_s: float) -> bool:
        """Flush, then stop the threads and close the sinks; the store stays open, for the caller to close.

        Parameters
        ----------
        timeout_s : float
            Deadline (s) of the whole.

        Returns
        -------
        bool
            Whether everything was delivered.
        """
        if self._stopped:
            return False
        self._deadline_ns = end_ns = self._clock.monotonic_ns() + int(timeout_s * 1e9)
        # A process that does not deliver leaves its events to the one that does.
        done = self._store.claim_delivery() and self.flush(timeout_s)
        self._stop()
        for worker in self._workers:
            worker.settle()
        self._states.publish(anyway=True)
        for sink in self._sinks:
            left_s = (end_ns - self._clock.monotonic_ns()) / 1e9
            done = finish(sink.close, sink.name, left_s) and done
        return done

    def abort(self) -> None:
        """Stop at once, requests in flight included: nothing more is sent or acknowledged."""
        self._deadline_ns = self._clock.monotonic_ns()
        self._stop()
        for sink in self._sinks:
            finish(sink.close, sink.name, 0.0)

    def drain(self, *, active: Collection[int] = (), timeout_s: float | None = None) -> bool:
        """Send pending events in the caller's thread, as a replay does.

        Parameters
        ----------
        active : collection of int
            Sessions that continue: only full batches of them are sent.
        timeout_s : float, optional
            Deadline (s); None: wait until the sinks recover.

        Returns
        -------
        bool
            Whether each event was accepted; False also if one became a dead letter or was dropped.
        """
        if not self._store.claim_delivery():
            return False
        deadline_ns = None if timeout_s is None else self._clock.monotonic_ns() + int(timeout_s * 1e9)
        done, lost = True, self._lost()
        for worker in self._workers:
            worker.open_sessions = frozenset(active)
            done = self._drain(worker, deadline_ns) and done
            worker.open_sessions = frozenset()
        if self._store.needs_upkeep:
            with contextlib.suppress(StoreError):
                self._store.upkeep()
        return done and is_whole(self._store) and self._lost() == lost

    def _left_s(self, deadline_ns: int) -> float:
        return 0.0 if self._stopped else (deadline_ns - self._clock.monotonic_ns()) / 1e9

    def _lost(self) -> int:
        """Return how many events the queues lost so far."""
        return sum(self._store.dropped_of(worker.name) for worker in self._workers)

    def _has_failed(self, wanted: dict[str, int]) -> bool:
        """Return whether an event of these requests became a dead letter."""
        return any(wanted.get(worker.name) in worker.asked.failed for worker in self._workers)

    @property
    def counters(self) -> dict[str, SinkCounters]:
        """Counts by sink."""
        return self._counters

    # Threads

    def _start_threads(self) -> bool:
        """Start the threads that are missing; return whether they run."""
        self._check_fork()
        try:
            return self._guard.call(self._start_missing)
        except BusyError:
            return False

    def _start_missing(self) -> bool:
        if self._threads or self._stopped:
            return not self._stopped
        targets: list[tuple[str, Callable[[], None]]] = [
            (worker.name, functools.partial(self._run, worker)) for worker in self._workers
        ]
        for name, target in [*targets, ("store", self._maintenance.run)]:
            thread = threading.Thread(target=target, name=f"touchcapture-{name}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the interpreter is shutting down
                return False
            self._threads.append(thread)
        return True

    def _run(self, worker: Worker) -> None:
        wait_s = 0.0
        while not self._stopped:
            try:
                if wait_s > 0:
                    self._wakes[worker.name].wait(wait_s)
                wait_s = self._step(worker)
                for waiting in list(self._waiting):
                    waiting.set()
            except BaseException as error:  # noqa: BLE001 - sys.exit() in a sink must not end the delivery
                _log.debug("the delivery to sink %s failed", worker.name, exc_info=True)
                wait_s = worker.failed(self._clock.monotonic_ns(), error)

    def _step(self, worker: Worker) -> float:
        if self._stopped or not self._store.claim_delivery():
            return _TAKE_OVER_S
        now_ns = self._clock.monotonic_ns()
        remaining_s = None if self._deadline_ns is None else max(0.05, (self._deadline_ns - now_ns) / 1e9)
        return worker.step(now_ns, timeout_s=remaining_s)

    def _request(self) -> dict[str, int]:
        wanted = {worker.name: worker.request() for worker in self._workers}
        self._wake_all()
        return wanted

    def _wake_all(self) -> None:
        self._check_fork()
        for wake in self._wakes.values():
            wake.set()

    def _is_finished(self, wanted: dict[str, int], deadline_ns: int) -> bool:
        """Return whether each worker is done, or will not be by the deadline."""
        return all(
            worker.asked.completed >= wanted[worker.name]
            or worker.counters.paused
            or worker.blocked_until_ns > deadline_ns
            for worker in self._workers
        )

    def _drain(self, worker: Worker, deadline_ns: int | None) -> bool:
        wanted = worker.request(Everything())  # nobody records meanwhile
        while worker.asked.completed < wanted:
            now_ns = self._clock.monotonic_ns()
            if self._stopped or worker.counters.paused:
                return False
            remaining_s = None if deadline_ns is None else (deadline_ns - now_ns) / 1e9
            if remaining_s is not None and remaining_s <= 0:
                return False
            wait_s = worker.step(now_ns, timeout_s=remaining_s)
            if wait_s and worker.asked.completed < wanted:
                if remaining_s is not None and wait_s > remaining_s:
                    return False
                self._pause.wait(wait_s)
        return not self._has_failed({worker.name: wanted})

    def _stop(self) -> None:
        self._stopped = True
        for wake in (*self._wakes.values(), self._pause, *list(self._waiting)):
            wake.set()
        self._maintenance.stop()

    # Fork

    def _check_fork(self) -> None:
        """Start afresh in a forked child, where the parent's threads do not run."""
        # The count does not change in the child of a system call that is no `fork` of the C library.
        if self._pid == os.getpid() and self._forks == fork_count():
            return
        self._reset()
        self._states.after_fork()
        for worker in self._workers:
            worker.unseen, worker.since_ns = 0, None
        if self._started:
            self._start_threads()

    def _report(self, kind: str, sink: str, count: int, reason: str) -> None:
        if self._on_report is None:
            return
        try:
            self._on_report(kind, sink, count, reason)
        except Exception as error:  # noqa: BLE001 - the owner's callable, not ours
            self._log_once("report", logging.ERROR, "the report callable raised", error=error)
