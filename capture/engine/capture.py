"""Capture: what a host app talks to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import msgspec

from capture.engine.currents import CurrentsCalls
from capture.engine.idle import IdleWatch
from capture.errors import InvalidEventError
from capture.events import checks as tracking, device as devices, domain as events

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from capture.events.device import Device

__all__ = ["Capture"]


class Capture(CurrentsCalls):
    """Records what a user does in an app, and delivers it.

    Nothing is recorded, and no file made, before `opt_in` (or ``opted_in = true`` in the configuration,
    or an opt-in at an earlier start). Every call is safe from any thread and never waits for a network.
    ``touch_*`` calls never raise; the tracking calls raise `InvalidEventError` for a wrong argument,
    before anything is recorded.

    Parameters
    ----------
    config : RunConfig
        The run configuration.
    clock : Clock, optional
        Where time comes from; a test gives ``capture.testing.FakeClock``.
    sinks : sequence of Sink, optional
        In place of the configured ones.
    debug : bool, default False
        Print each event to standard error as it is recorded (also: ``CAPTURE_DEBUG=1``).

    Attributes
    ----------
    on_gesture : callable or None
        Called with ``(gesture, target)`` after every stroke, recognised or not, with no lock held.
        ``gesture.rage`` marks a rage tap; ``target.responsive is False`` a dead one.
    on_drop : callable or None
        Called with ``(cause, count)`` when stored events are lost, with no lock held.
    hook : {"raw", "merged", None}
        How a toolkit's touches reach the engine; set by its integration.

    Raises
    ------
    ConfigError
        When a sink's settings are wrong.

    Examples
    --------
    >>> from capture import Capture, ProjectConfig, RunConfig
    >>> config = RunConfig(project=ProjectConfig(id=8))
    >>> with Capture(config) as cap:
    ...     recorded = cap.screen_view("Checkout")
    >>> recorded is None  # no consent, no event
    True
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        import asyncio

        await asyncio.to_thread(self.close)

    async def aflush(self, timeout: float = 5.0) -> bool:  # noqa: ASYNC109 - the deadline of flush, not of the task
        """`flush` without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.flush, timeout)

    # The life of the app

    def app_start(self) -> str | None:
        """Record the start of the app, once; without this call it is recorded before the first event.

        Returns
        -------
        str or None
            The event id; None where nothing was recorded.
        """
        return self._locked(self._recorder.record_start)

    def app_show(self) -> str | None:
        """Record that the app came to the foreground; return the event id."""
        return self._locked(lambda: self._recorder.record(events.AppShow, action=True))

    def app_hide(self) -> str | None:
        """Record that the app left the foreground, cancel open strokes and send what is recorded."""
        with self._lock:
            canceled = self._cancel_open()
            event_id = self._recorder.record(events.AppHide) if self._move is not None else None
            # What was recorded before is due, whatever becomes of this event.
            delivery = None if self._closed else self._delivery
        self._tell(canceled)
        if delivery is not None:
            delivery.send_pending()
        return event_id

    def screen_view(self, name: str, path: tuple[str, ...] = ()) -> str | None:
        """Record that a screen is shown; events name it until the next one.

        Parameters
        ----------
        name : str
            Its title: 1 to 2083 characters.
        path : tuple of str, default ()
            Up to two path segments of its URL.

        Returns
        -------
        str or None
            The event id; None while not recording.

        Raises
        ------
        InvalidEventError
            When an argument is wrong.
        """
        if self.disabled:
            return None
        title, segments = tracking.check_screen_name(name), tracking.check_path(path)
        return self._locked(lambda: self._recorder.record_screen(title, segments))

    # Tracking

    def track_transaction(self, value: float, currency: str | int, id: str | None = None) -> str | None:  # noqa: A002 - the format's name
        """Record a purchase.

        Parameters
        ----------
        value : float
            Finite.
        currency : str or int
            ISO 4217: letters in any case, or the number.
        id : str, optional
            The transaction's.

        Returns
        -------
        str or None
            The event id; None while not recording.

        Raises
        ------
        InvalidEventError
            When an argument is wrong.
        """
        if self.disabled:
            return None
        amount = tracking.check_value(value)
        letters, number = tracking.check_currency(currency)
        own_id = tracking.check_optional_text("id", id)
        return self._record(lambda common: events.Transaction(common, amount, number, letters, own_id))

    def track_variable(self, key: str, value: str | int) -> str | None:
        """Record a dynamic variable.

        Parameters
        ----------
        key : str
            1 to 512 characters after trimming.
        value : str or int
            A text is trimmed and cut to 255 characters, an empty one becomes ``cs-empty``; a whole
            number is 0 to 2**32 - 1.

        Returns
        -------
        str or None
            The event id; None while not recording.

        Raises
        ------
        InvalidEventError
            When an argument is wrong.
        """
        if self.disabled:
            return None
        name, content = tracking.check_key(key), tracking.check_variable(value)
        if isinstance(content, str):
            return self._record(lambda common: events.StringVariable(common, name, content))
        return self._record(lambda common: events.NumberVariable(common, name, content))

    def _record(self, build: Callable[[events.CommonSection], events.Event]) -> str | None:
        return self._locked(lambda: self._recorder.record(build))

    def _locked(self, record: Callable[[], str | None]) -> str | None:
        """Record with the lock held, where anything is recorded; then tell what was lost meanwhile."""
        with self._lock:
            event_id = record() if self._move is not None else None
        if self._losses:
            self._tell_losses()
        return event_id

    # What the host knows of the device

    def set_orientation(self, orientation: int) -> None:
        """Say how the device is held: 0 portrait, 1 landscape."""
        self._change_device(orientation=tracking.check_choice("orientation", orientation, (0, 1)))

    def set_connectivity(self, connectivity: int, carrier_id: str | None = None) -> None:
        """Say how the device is connected.

        Parameters
        ----------
        connectivity : int
            -1 offline, 0 unknown, 1 wifi or wired, 2 2g, 3 3g, 4 4g and newer.
        carrier_id : str, optional
            Name of the mobile network.

        Raises
        ------
        InvalidEventError
            When an argument is wrong.
        """
        kind = tracking.check_choice("connectivity", connectivity, (-1, 0, 1, 2, 3, 4))
        carrier = tracking.check_optional_text("carrier_id", carrier_id)
        back = self._recorder.device.connectivity == devices.OFFLINE != kind
        self._connectivity_given = True
        self._change_device(connectivity=kind, carrier_id=carrier)
        if back and self._delivery is not None:
            self._delivery.wake()

    def set_screen(self, width: int, height: int, density: float) -> None:
        """Say what the screen is: px as it is held now, and px per dp (0.75 to 10).

        Raises
        ------
        InvalidEventError
            When an argument is wrong.
        """
        per_dp = tracking.check_value(density, "density")
        if not 0.75 <= per_dp <= 10:
            raise InvalidEventError(f"density = {density!r}: expected a number from 0.75 to 10 (px per dp)")
        sides = {
            "width": tracking.check_size("width", width),
            "height": tracking.check_size("height", height),
        }
        self._change_device(**sides, density=per_dp)
        with self._lock:
            self._recognizer.set_density(0, per_dp)

    def _change_device(self, **facts: object) -> None:
        with self._lock:
            changed: Device = msgspec.structs.replace(self._recorder.device, **facts)
            self._recorder.set_device(changed)

    def set_idle(self, after_s: float, on_idle: Callable[[], None]) -> None:
        """Have `on_idle` called once whenever nobody touched for `after_s` seconds, as a kiosk wants.

        It is called from a thread of its own, which runs from this call to `close`; the next touch arms
        it again.

        Raises
        ------
        InvalidEventError
            When the time is not a positive number.
        """
        seconds = tracking.check_seconds("after_s", after_s)
        if seconds <= 0:
            raise InvalidEventError(f"after_s = {after_s!r}: expected a positive number of seconds")
        if self.disabled or self._closed:
            return
        if self._idle is not None:
            self._idle.stop()
        self._idle = IdleWatch(seconds, lambda: self._call("on_idle", on_idle), self._monotonic_ns)
        self._idle.start()
