"""Sessions: number, screen count and timeout, as pure rules over the times of events.

A session starts at its first event. It ends when the next event comes a timeout or more after the last
one; that event opens the next session. No clock is read here: a live app gives elapsed time (the boot
clock on the wall clock of its start), a replay the log's time.
"""

from __future__ import annotations

import msgspec

__all__ = ["SessionState"]


class SessionState(msgspec.Struct, frozen=True, gc=False):
    """State of a chain of sessions; every change makes a new one. The store keeps it as it is.

    Attributes
    ----------
    number : int
        Of the session; 0 before the first.
    screen_count : int
        Screens shown so far in it.
    first_event_ms, last_event_ms : int
        Times of its first and its last event.
    action_ms : int or None
        The latest app start, app show or gesture's UP of the session: load times are measured from it.
    """

    number: int = msgspec.field(name="session_number", default=0)
    screen_count: int = 0
    first_event_ms: int = 0
    last_event_ms: int = 0
    action_ms: int | None = None
    #: Whether the session was ended: the next event opens another.
    ended: bool = False

    @property
    def elapsed_ms(self) -> int:
        """From the latest action to the last event; -1 if there was none."""
        return -1 if self.action_ms is None else max(0, self.last_event_ms - self.action_ms)

    def is_over(self, time_ms: int, timeout_ms: int) -> bool:
        """Return whether an event at `time_ms` would open the next session.

        A wall clock that was set back never ends a session.
        """
        return self.ended or self.number == 0 or time_ms - self.last_event_ms >= timeout_ms

    def at(self, time_ms: int, timeout_ms: int) -> SessionState:
        """Return the state that an event at `time_ms` belongs to: this one, or that of a new session."""
        if self.is_over(time_ms, timeout_ms):
            return self.opened(self.number + 1, time_ms)
        return self

    @staticmethod
    def opened(number: int, time_ms: int) -> SessionState:
        """Return the state of session `number`, which opens at `time_ms`."""
        return SessionState(number=number, first_event_ms=time_ms, last_event_ms=time_ms)

    def recorded(self, time_ms: int, *, screen: bool = False, action: bool = False) -> SessionState:
        """Return the state after an event of this session.

        Parameters
        ----------
        time_ms : int
            The event's time.
        screen : bool
            Whether it is a screen view, which counts.
        action : bool
            Whether load times are measured from it.
        """
        action_ms = self.action_ms
        if action and (action_ms is None or action_ms < time_ms):
            action_ms = time_ms
        return SessionState(self.number, self.screen_count + screen, self.first_event_ms, time_ms, action_ms)

    def shifted(self, by_ms: int) -> SessionState:
        """Return the state with all times moved, as another clock would have read them."""
        return msgspec.structs.replace(
            self,
            first_event_ms=self.first_event_ms + by_ms,
            last_event_ms=self.last_event_ms + by_ms,
            action_ms=None if self.action_ms is None else self.action_ms + by_ms,
        )

    def acted(self, time_ms: int) -> SessionState:
        """Return the state after a gesture's UP that became no event: it moves load times alone."""
        if self.action_ms is not None and self.action_ms > time_ms:
            return self
        return msgspec.structs.replace(self, action_ms=time_ms)

    def load_time_ms(self, time_ms: int) -> int:
        """Return the load time of a screen that is shown at `time_ms`; 0 if nothing led to it."""
        return 0 if self.action_ms is None else max(0, time_ms - self.action_ms)
