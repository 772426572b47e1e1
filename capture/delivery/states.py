"""Tells other processes and commands how the sinks are, whenever a state changes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from capture._native.guard import BusyError, Guard
from capture.errors import StoreError
from capture.store.sink_reports import SinkReport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.clock import Clock
    from capture.delivery.base import DeliveryStore, SinkCounters

__all__ = ["SinkStates"]

#: Longest wait (s) for another thread that publishes.
_WAIT_S = 1.0


class SinkStates:
    """Publishes the states of the sinks through the store.

    Parameters
    ----------
    store : DeliveryStore
    counters : mapping of str to SinkCounters
        By the sink's name; read whenever something is published.
    clock : Clock
        Time.
    """

    def __init__(self, store: DeliveryStore, counters: Mapping[str, SinkCounters], clock: Clock) -> None:
        self._store, self._counters, self._clock = store, counters, clock
        self.after_fork()

    def after_fork(self) -> None:
        """Count from here on: the parent publishes the counts before the fork."""
        # Each sink has a thread that publishes.
        self._guard = Guard(_WAIT_S)
        self._published: object = None
        self._counted = {name: (each.delivered, each.retried) for name, each in self._counters.items()}

    def publish(self, *, anyway: bool = False) -> None:
        """Publish the changed states.

        Parameters
        ----------
        anyway : bool
            Whether counts without a change of a state are published too, as after a flush.
        """
        with contextlib.suppress(BusyError, StoreError):
            self._guard.call(self._publish, anyway)

    def _publish(self, anyway: bool) -> None:
        state = [
            (each.state, each.since, each.attempts, each.last_error, each.dead_letters)
            for each in self._counters.values()
        ]
        if state == self._published and not anyway:
            return
        counted = {name: (each.delivered, each.retried) for name, each in self._counters.items()}
        if state == self._published and counted == self._counted:
            return
        before = dict.fromkeys(counted, (0, 0)) | self._counted
        now_ms = self._clock.wall_ns() // 1_000_000
        reports = {
            name: SinkReport(
                state=each.state,
                since=each.since,
                attempts=each.attempts,
                last_error=each.last_error,
                delivered=counted[name][0] - before[name][0],
                retried=counted[name][1] - before[name][1],
                updated=now_ms,
            )
            for name, each in self._counters.items()
        }
        if self._store.publish(reports):
            self._published, self._counted = state, counted
