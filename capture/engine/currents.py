"""The calls of a capture that only Currents records need: who the user is, and what a touch cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.engine.recorder_currents import CurrentsRecorder
from capture.engine.touches import TouchCalls
from capture.events import checks as tracking, domain as events
from capture.formats.currents import api

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["CurrentsCalls"]

_NOTHING: dict[str, Any] = {}


class CurrentsCalls(TouchCalls):
    """Identity, purchases, custom events, places, attribution; the native format has only purchases."""

    def identify(self, external_user_id: str | None) -> None:
        """Say who the user is, for Currents records from now on; None for nobody that is known.

        It is kept in the store until an opt-out, and has no effect before the opt-in.

        Parameters
        ----------
        external_user_id : str or None
            The host's own id of the user: 1 to 255 characters.

        Raises
        ------
        InvalidEventError
            When it is neither.
        """
        if self.disabled:
            return
        user = None if external_user_id is None else api.check_name("external_user_id", external_user_id)
        with self._lock:
            installation = self._installation
            if installation.store is None or self._closed:
                return
            installation.state["external_user_id"] = user
            recorder = self._recorder
            installation.store.write_state({**installation.state, **recorder.carried(recorder.session)})
            self._change_facts(external_user_id=user)

    def set_advertising_id(
        self, ad_id: str | None, ad_id_type: str | None = None, *, tracking_enabled: bool | None = None
    ) -> None:
        """Say what the advertising id is, for Currents records from now on; it is kept in memory alone.

        Parameters
        ----------
        ad_id : str or None
            The id; None for none.
        ad_id_type : str, optional
            ``ios_idfa``, ``google_ad_id``, ``windows_ad_id`` or ``roku_ad_id``; goes with an id.
        tracking_enabled : bool, optional
            Whether the user lets advertising track the device; None where that is not known.

        Raises
        ------
        InvalidEventError
            When an argument is wrong.
        """
        own_id = None if ad_id is None else api.check_name("ad_id", ad_id)
        kind = None if ad_id is None else api.check_ad_id_type(ad_id_type)
        allowed = api.check_optional_bool("tracking_enabled", tracking_enabled)
        with self._lock:
            self._change_facts(ad_id=own_id, ad_id_type=kind, ad_tracking_enabled=allowed)

    def set_platform(self, platform: str) -> None:
        """Say what kind of device it is where that cannot be detected: ``FireTV``, ``Roku``, ``Web``, ...

        Raises
        ------
        InvalidEventError
            When the table of platforms does not have it.
        """
        value = api.check_platform(platform)
        with self._lock:
            self._change_facts(platform=value)

    def track_purchase(
        self, product_id: str, price: float, currency: str | int, properties: Mapping[str, Any] = _NOTHING
    ) -> str | None:
        """Record the purchase of a product: a Currents Purchase, and a native transaction.

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

        Returns
        -------
        str or None
            The event id; None while not recording.

        Raises
        ------
        InvalidEventError
            When an argument is wrong.
        """
        product = api.check_name("product_id", product_id)
        amount = api.check_float("price", price)
        letters, number = tracking.check_currency(currency)
        copied = api.check_properties(properties)
        return self._track(
            lambda common: events.Purchase(
                common, amount, number, letters, product, product_id=product, properties=copied
            )
        )

    def track_custom_event(self, name: str, properties: Mapping[str, Any] = _NOTHING) -> str | None:
        """Record an event of the host's own, as a Currents CustomEvent; nothing in the native format.

        Parameters
        ----------
        name : str
            1 to 255 characters.
        properties : mapping
            Text keys and JSON values, at most 890 kB as JSON.

        Returns
        -------
        str or None
            The event id; None while not recording.

        Raises
        ------
        InvalidEventError
            When an argument is wrong.
        """
        own_name, copied = api.check_name("name", name), api.check_properties(properties)
        return self._track(lambda common: events.CustomEvent(common, own_name, copied))

    def track_location(
        self,
        latitude: float,
        longitude: float,
        altitude: float | None = None,
        horizontal_accuracy: float | None = None,
        vertical_accuracy: float | None = None,
    ) -> str | None:
        """Record where the device is, as a Currents Location; the native format has nothing for it.

        Parameters
        ----------
        latitude, longitude : float
            Degrees north and east.
        altitude, horizontal_accuracy, vertical_accuracy : float, optional
            m; accuracies are at least 0.

        Returns
        -------
        str or None
            The event id; None while not recording.

        Raises
        ------
        InvalidEventError
            When an argument is wrong.
        """
        place = (api.check_degrees("latitude", latitude, 90), api.check_degrees("longitude", longitude, 180))
        height = None if altitude is None else api.check_float("altitude", altitude)
        errors = [
            None if value is None else api.check_float(argument, value, least=0)
            for argument, value in (
                ("horizontal_accuracy", horizontal_accuracy),
                ("vertical_accuracy", vertical_accuracy),
            )
        ]
        return self._track(lambda common: events.Location(common, *place, height, *errors))

    def track_install_attribution(self, source: str) -> str | None:
        """Record where the installation came from, as a Currents InstallAttribution; 1 to 255 characters.

        Returns
        -------
        str or None
            The event id; None while not recording.

        Raises
        ------
        InvalidEventError
            When the source is wrong.
        """
        origin = api.check_name("source", source)
        return self._track(lambda common: events.InstallAttribution(common, origin))

    def _track(self, build: Callable[[events.CommonSection], events.Event]) -> str | None:
        with self._lock:
            return self._recorder.record(build) if self._move is not None else None

    def _change_facts(self, **facts: Any) -> None:
        if isinstance(self._recorder, CurrentsRecorder):
            self._recorder.change_facts(**facts)
