"""Capture: records a user's gestures in an app, and delivers them."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any, Self

from capture._native.guard import BusyError
from capture.clock import Clock
from capture.config.run import RunConfig
from capture.engine.device import detect
from capture.engine.dispatch import UpDispatch
from capture.engine.forwarded import Forwarded
from capture.engine.lifecycle import Lifecycle, make_sinks
from capture.engine.recorder import Recorder
from capture.engine.stats import Stats, read_stats
from capture.engine.telemetry import Telemetry
from capture.engine.touches import Touches
from capture.errors import InvalidEventError
from capture.events import checks, device as devices, domain as events
from capture.formats.currents import api
from capture.settings import is_disabled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from capture.events.targets import Target
    from capture.gestures.recognizer import Gesture
    from capture.sinks import Sink

__all__ = ["Capture"]

_NO_PROPERTIES: dict[str, Any] = {}


class Capture:
    """Records a user's gestures and app events, and delivers them.

    Nothing is recorded, and no file made, before `opt_in` (or ``opted_in = true`` in the configuration,
    or an opt-in in an earlier run). Every call may come from any thread and never waits for a network.
    The ``touch_*`` calls never raise; `screen_view` and the tracking calls raise `InvalidEventError` for a
    wrong argument, before anything is recorded.

    Parameters
    ----------
    config : RunConfig
        The run configuration.
    clock : Clock, optional
        Source of time; a test passes ``capture.testing.FakeClock``.
    sinks : sequence of Sink, optional
        Used instead of the configured sinks.
    debug : bool, default False
        Print each event to standard error as it is recorded (also: ``CAPTURE_DEBUG=1``).

    Attributes
    ----------
    config : RunConfig
        The run configuration.
    disabled : bool
        Whether every call is a no-op (``disabled = true`` or ``CAPTURE_DISABLED=1``).

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

    def __init__(
        self,
        config: RunConfig,
        *,
        clock: Clock | None = None,
        sinks: Sequence[Sink] | None = None,
        debug: bool = False,
    ) -> None:
        if not isinstance(config, RunConfig):
            raise TypeError(f"config = {config!r}: expected a RunConfig; RunConfig.load reads a file")
        self.config = config
        self.disabled = config.disabled or is_disabled(os.environ)
        clock = clock or Clock()
        make = functools.partial(make_sinks, config, sinks)
        made = make()
        wires = {sink.formats[0] for sink in made}
        facts = devices.Device() if self.disabled else detect(config.device)
        ordered = sorted(wires, key=lambda wire: (wire != "native", wire)) or ["native"]
        self._recorder = Recorder(config, clock, facts, ordered)
        self._recorder.debug = debug or os.environ.get("CAPTURE_DEBUG", "") not in {"", "0"}
        self._telemetry = Telemetry()
        self._telemetry.debug = self._recorder.debug
        self._touches = Touches(
            config.gestures,
            self._recorder,
            self._telemetry,
            clock.monotonic_ns,
            detects_network=config.device.connectivity is None,
        )
        self._lifecycle = Lifecycle(
            config,
            clock,
            made,
            make_sinks=make,
            recorder=self._recorder,
            touches=self._touches,
            telemetry=self._telemetry,
        )
        if not self.disabled:
            self._lifecycle.resume_consent()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.aclose()

    # Consent

    def opt_in(self) -> None:
        """Start to record: the user agreed. Creates the user id and the store, which outlast the process.

        Raises
        ------
        StoreError
            When the store cannot be opened, or an earlier opt-out cannot be ended; nothing is recorded then.
        """
        if not self.disabled:
            self._lifecycle.opt_in()

    def opt_out(self) -> None:
        """Stop at once, deliveries under way included; delete the store, the ids and the counters.

        An empty file in the store's folder remembers the opt-out until the next `opt_in`.

        Raises
        ------
        StoreError
            When that file cannot be created; everything else is done.
        """
        if not self.disabled:
            self._lifecycle.opt_out()

    def pause(self) -> None:
        """Record nothing until `resume`; open strokes are canceled."""
        self._lifecycle.pause()

    def resume(self) -> None:
        """Record again after a `pause`."""
        self._lifecycle.resume()

    @property
    def opted_in(self) -> bool:
        """Whether there is consent, and a store to record into."""
        return self._lifecycle.opted_in

    @property
    def is_recording(self) -> bool:
        """Whether events are recorded now: opted in, not paused, not closed."""
        return self._touches.is_open

    # Life of the app

    def app_start(self) -> str | None:
        """Record the start of the app, once; without this call it is recorded before the first event.

        Returns
        -------
        str or None
            The event id; None if nothing was recorded.
        """
        return self._record(self._recorder.record_start)

    def app_show(self) -> str | None:
        """Record that the app came to the foreground; return the event id."""
        return self._record(lambda: self._recorder.record_visible(events.AppShow))

    def app_hide(self) -> str | None:
        """Record that the app left the foreground, cancel open strokes and send the recorded events."""
        self._touches.note_closed()
        with self._touches.canceled():
            event_id = self._recorder.record_visible(events.AppHide) if self._touches.is_open else None
            delivery = self._lifecycle.delivery
        # Events recorded before are due, even if this one fails.
        if delivery is not None:
            delivery.send_pending()
        return event_id

    def screen_view(self, name: str, path: tuple[str, ...] = ()) -> str | None:
        """Record that a screen is shown; later events name it until the next one. Return the event id.

        Parameters
        ----------
        name : str
            Its title: 1 to 2083 characters.
        path : tuple of str, default ()
            Up to two path segments of its URL.
        """
        if self.disabled:
            return None
        title, segments = checks.check_screen_name(name), checks.check_path(path)
        return self._record(lambda: self._recorder.record_screen(title, segments))

    # Touches

    def touch_down(
        self, pointer: int, x: float, y: float, time: int | None = None, target: Target | None = None
    ) -> Gesture | None:
        """Process a DOWN sample.

        Parameters
        ----------
        pointer : int
            Identifies the finger until its UP or CANCEL.
        x, y : float
            Position in px, y downwards.
        time : int, optional
            ns of a monotonic clock; default now.
        target : Target, optional
            The view under the finger; default the root.

        Returns
        -------
        Gesture or None
            The INCOMPLETE stroke that this DOWN ended, if any.
        """
        return self._touches.down(pointer, x, y, time, target)

    def touch_move(self, pointer: int, x: float, y: float, time: int | None = None) -> None:
        """Process a MOVE sample; parameters as in `touch_down`."""
        self._touches.move(pointer, x, y, time)

    def touch_up(
        self, pointer: int, x: float, y: float, time: int | None = None, responsive: bool | None = None
    ) -> Gesture | None:
        """Process an UP sample, which ends the stroke; a recognized gesture is recorded.

        Parameters
        ----------
        pointer, x, y, time
            As in `touch_down`.
        responsive : bool, optional
            Whether the target reacted; None leaves the value of its `Target`.

        Returns
        -------
        Gesture or None
            The record of the stroke, recognized or not; None if there was no DOWN.
        """
        return self._touches.up(pointer, x, y, time, responsive)

    def touch_dispatch(
        self,
        pointer: int,
        x: float,
        y: float,
        time: int | None = None,
        responsive: bool | Callable[[], bool | None] | None = None,
    ) -> UpDispatch:
        """Process an UP around its dispatch to the app's handlers: ``with cap.touch_dispatch(0, x, y): ...``.

        Their records (screens, transactions) come after the gesture that caused it, and a handler
        that raises loses nothing. Parameters as in `touch_up`; `responsive` may also be a callable. The
        ``gesture`` of the context manager has the record of the stroke afterwards.
        """
        touches = self._touches
        now = touches.monotonic_ns() if time is None else time
        return UpDispatch(lambda: touches.up(pointer, x, y, now, responsive), touches.dispatched)

    def touch_cancel(
        self, pointer: int, x: float | None = None, y: float | None = None, time: int | None = None
    ) -> Gesture | None:
        """Process a CANCEL sample: the stroke ends without an event.

        Parameters
        ----------
        pointer, time
            As in `touch_down`.
        x, y : float, optional
            Position in px; default the last position.

        Returns
        -------
        Gesture or None
            The record of the stroke; None if there was no DOWN.
        """
        return self._touches.cancel(pointer, x, y, time)

    # Tracking: each returns the event id, None while not recording.

    def track_transaction(self, value: float, currency: str | int, id: str | None = None) -> str | None:  # noqa: A002 - the format's name
        """Record a purchase; return the event id, None while not recording.

        Parameters
        ----------
        value : float
            A finite amount.
        currency : str or int
            ISO 4217: letters in any case, or the number.
        id : str, optional
            The transaction's id.
        """
        if self.disabled:
            return None
        return self._track(checks.transaction(value, currency, id))

    def track_variable(self, key: str, value: str | int) -> str | None:
        """Record a dynamic variable; return the event id, None while not recording.

        Parameters
        ----------
        key : str
            1 to 512 characters after trimming.
        value : str or int
            Text is trimmed and cut to 255 characters, an empty one becomes ``cs-empty``; a whole
            number is 0 to 2**32 - 1.
        """
        if self.disabled:
            return None
        return self._track(checks.variable(key, value))

    def track_purchase(
        self,
        product_id: str,
        price: float,
        currency: str | int,
        properties: Mapping[str, Any] = _NO_PROPERTIES,
    ) -> str | None:
        """Record the purchase of a product: a Currents Purchase, a native transaction. Return the event id.

        Parameters
        ----------
        product_id : str
            1 to 255 characters.
        price : float
            In the range of 32-bit floats.
        currency : str or int
            ISO 4217: letters in any case, or the number.
        properties : mapping
            Text keys and JSON values, at most 890 kB as JSON; Currents only.
        """
        product = api.check_name("product_id", product_id)
        amount = api.check_float("price", price)
        letters, number = checks.check_currency(currency)
        copied = api.check_properties(properties)
        return self._track(
            lambda common: events.Purchase(
                common, amount, number, letters, product, product_id=product, properties=copied
            )
        )

    def track_custom_event(self, name: str, properties: Mapping[str, Any] = _NO_PROPERTIES) -> str | None:
        """Record an event of the host's own: a Currents CustomEvent, nothing native. Return the event id.

        Parameters
        ----------
        name : str
            1 to 255 characters.
        properties : mapping
            Text keys and JSON values, at most 890 kB as JSON.
        """
        title, copied = api.check_name("name", name), api.check_properties(properties)
        return self._track(lambda common: events.CustomEvent(common, title, copied))

    def track_location(
        self,
        latitude: float,
        longitude: float,
        altitude: float | None = None,
        horizontal_accuracy: float | None = None,
        vertical_accuracy: float | None = None,
    ) -> str | None:
        """Record where the device is: a Currents Location, nothing native. Return the event id.

        Parameters
        ----------
        latitude, longitude : float
            Degrees north and east.
        altitude, horizontal_accuracy, vertical_accuracy : float, optional
            m; accuracies are at least 0.
        """
        measures = api.check_location(latitude, longitude, altitude, horizontal_accuracy, vertical_accuracy)
        return self._track(lambda common: events.Location(common, *measures))

    def track_install_attribution(self, source: str) -> str | None:
        """Record which source the app was installed from: a Currents InstallAttribution. Return the event id.

        Parameters
        ----------
        source : str
            1 to 255 characters.
        """
        origin = api.check_name("source", source)
        return self._track(lambda common: events.InstallAttribution(common, origin))

    def _track(self, build: Callable[[events.CommonSection], events.Event]) -> str | None:
        return self._record(lambda: self._recorder.record(build))

    def _record(self, record: Callable[[], str | None]) -> str | None:
        """Call `record` with the lock held if the gate is open; then report losses."""
        self._touches.finish_dispatched()
        self._touches.note_closed()
        event_id: str | None = self._locked(lambda: record() if self._touches.is_open else None)
        if self._telemetry.losses:
            self._telemetry.report()
        return event_id

    def _locked(self, call: Callable[[], Any]) -> Any:
        """Return the result of `call` under the lock; None, counted, if another thread hangs in it."""
        try:
            return self._touches.lock.call(call)
        except BusyError as error:
            self._telemetry.failed("busy", error)
            return None

    # The user

    def identify(self, external_user_id: str | None) -> None:
        """Set the host's id of the user, for Currents records from now on; None for an unknown user.

        Another user ends the session, as `end_session` does, unless ``per_user = false`` in ``[session]``.
        The store keeps the id until an opt-out. The call has no effect before the opt-in.

        Parameters
        ----------
        external_user_id : str or None
            1 to 255 characters.

        Raises
        ------
        InvalidEventError
            When it is neither.
        """
        if self.disabled:
            return
        user = None if external_user_id is None else api.check_name("external_user_id", external_user_id)
        self._lifecycle.identify(user)

    def end_session(self) -> bool:
        """End the session now, as when a customer leaves a kiosk; the next event opens the next one.

        Open strokes are canceled, and the session's events are due.

        Returns
        -------
        bool
            Whether there was one to end.
        """
        return False if self.disabled else self._lifecycle.end_session()

    def new_user(self) -> None:
        """Make new ids for another user of this device; the session ends.

        Stored events that are not delivered keep the ids that they were recorded with. The host's own id
        (`identify`) is unknown from now on, and so is the choice of ``[privacy] sampling``, which is made
        anew. Without an effect before the opt-in.
        """
        if not self.disabled:
            self._lifecycle.new_user()

    def set_advertising_id(
        self, ad_id: str | None, ad_id_type: str | None = None, *, tracking_enabled: bool | None = None
    ) -> None:
        """Set the advertising id, for Currents records from now on; it is kept in memory only.

        Parameters
        ----------
        ad_id : str or None
            The id; None for none.
        ad_id_type : str, optional
            ``ios_idfa``, ``google_ad_id``, ``windows_ad_id`` or ``roku_ad_id``; required with an id.
        tracking_enabled : bool, optional
            Whether the user lets advertising track the device; None if unknown.

        Raises
        ------
        InvalidEventError
            When an argument is wrong.
        """
        facts = {
            "ad_id": None if ad_id is None else api.check_name("ad_id", ad_id),
            "ad_id_type": None if ad_id is None else api.check_ad_id_type(ad_id_type),
            "ad_tracking_enabled": api.check_optional_bool("tracking_enabled", tracking_enabled),
        }
        self._locked(lambda: self._recorder.change_facts(**facts))

    @property
    def user_id(self) -> str | None:
        """The random id of the user; None before the opt-in."""
        return self._lifecycle.app_data.user_id

    @property
    def session_number(self) -> int:
        """Number of the session; 0 before the first."""
        return self._recorder.timeline.session.number

    @property
    def project_id(self) -> int:
        """Number of the project, from the run configuration."""
        return self.config.project.id

    # The device

    def set_platform(self, platform: str | None) -> None:
        """Set the kind of device if it cannot be detected: ``FireTV``, ``Roku``, ...; None: no platform.

        Raises
        ------
        InvalidEventError
            When the table of platforms does not have it.
        """
        value = api.check_platform(platform)
        self._locked(lambda: self._recorder.change_facts(platform=value))

    def set_orientation(self, orientation: int) -> None:
        """Set how the device is held: 0 portrait, 1 landscape."""
        self._change_device(orientation=checks.check_choice("orientation", orientation, (0, 1)))

    def set_connectivity(self, connectivity: int, carrier_id: str | None = None) -> None:
        """Set how the device is connected; unless it is offline, waiting and paused sinks are tried at once.

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
        kind = checks.check_choice("connectivity", connectivity, (-1, 0, 1, 2, 3, 4))
        carrier = checks.check_optional_text("carrier_id", carrier_id)
        self._touches.detects_network = False
        self._change_device(connectivity=kind, carrier_id=carrier)
        delivery = self._lifecycle.delivery
        if kind != devices.OFFLINE and delivery is not None:
            delivery.wake()

    def set_screen(self, width: int, height: int, density: float) -> None:
        """Set the size of the screen in px, as it is held now, and px per dp (0.75 to 10).

        Raises
        ------
        InvalidEventError
            When an argument is wrong.
        """
        per_dp = checks.check_value(density, "density")
        if not 0.75 <= per_dp <= 10:
            raise InvalidEventError(f"density = {density!r}: expected a number from 0.75 to 10 (px per dp)")
        across, down = checks.check_size("width", width), checks.check_size("height", height)
        self._change_device(width=across, height=down, density=per_dp)
        self._locked(lambda: self._touches.set_density(per_dp))

    def _change_device(self, **facts: object) -> None:
        self._touches.finish_dispatched()
        self._locked(lambda: self._recorder.change_device(**facts))

    @property
    def device(self) -> devices.Device:
        """The known facts of the device, detected or set."""
        return self._recorder.timeline.device

    # Callbacks

    on_gesture = Forwarded["Callable[[Gesture, Target], None] | None"](
        "_telemetry.on_gesture",
        """Called with ``(gesture, target)`` after every stroke, recognized or not, with no lock held.

        ``gesture.rage`` marks a rage tap; ``target.responsive is False`` a dead one.
        """,
    )
    on_drop = Forwarded["Callable[[str, int], None] | None"](
        "_telemetry.on_drop", "Called with ``(cause, count)`` when stored events are lost, with no lock held."
    )
    before_send = Forwarded["Callable[[events.Event], events.Event | None] | None"](
        "_recorder.before_send",
        """Called with every event before it is stored; returns it, a changed one, or None to drop it.

        It must not track anything itself. Event id, session and time cannot be changed.
        """,
    )
    hook = Forwarded["str | None"](
        "_telemetry.hook",
        "How a toolkit's touches reach the engine: ``raw``, ``merged`` or None; set by its integration.",
    )

    def set_idle(
        self, after_s: float, on_idle: Callable[[], None] | None = None, *, end_session: bool = False
    ) -> None:
        """Call `on_idle` once whenever there was no touch for `after_s` seconds, as a kiosk needs.

        It is called from its own thread, which runs from this call to `close`; the next touch arms
        it again.

        Parameters
        ----------
        after_s : float
            Seconds without a touch.
        on_idle : callable, optional
            Called without arguments.
        end_session : bool, default False
            Whether the session ends before that: who comes next is somebody else.

        Raises
        ------
        InvalidEventError
            When the time is not a positive number.
        """
        seconds = checks.check_seconds("after_s", after_s)
        if seconds <= 0:
            raise InvalidEventError(f"after_s = {after_s!r}: expected a positive number of seconds")
        if not self.disabled and not self._lifecycle.closed:

            def idle() -> None:
                if end_session:
                    self.end_session()
                if on_idle is not None:
                    on_idle()

            self._touches.watch_idle(seconds, idle)

    # Delivery and counts

    def flush(self, timeout: float = 5.0) -> bool:
        """Send everything that is recorded, and wait for it.

        Parameters
        ----------
        timeout : float, default 5.0
            Deadline in seconds.

        Returns
        -------
        bool
            Whether all events were delivered; the rest stays in the store. False also if one of them
            became a dead letter or was dropped. After `close`, its result.

        Raises
        ------
        InvalidEventError
            When the deadline is not a finite number.
        """
        if self.disabled:
            return True
        return self._lifecycle.flush(max(0.0, checks.check_seconds("timeout", timeout)))

    async def aflush(self, timeout: float = 5.0) -> bool:  # noqa: ASYNC109 - the deadline of flush, not of the task
        """`flush` without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.flush, timeout)

    def close(self) -> bool:
        """Send the recorded events within ``[delivery] shutdown_timeout_s``, and stop.

        Returns
        -------
        bool
            Whether everything was delivered; the rest is sent in the next run. Further calls return the
            result of the first; False while that is under way.
        """
        return self._lifecycle.close(self.config.delivery.shutdown_timeout_s)

    async def aclose(self) -> bool:
        """`close` without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.close)

    @property
    def sinks(self) -> dict[str, Sink]:
        """The sinks by name."""
        return {sink.name: sink for sink in self._lifecycle.sinks}

    @property
    def stats(self) -> Stats:
        """The counts so far, frozen."""
        return read_stats(self._recorder, self._touches, self._telemetry, self._lifecycle)
