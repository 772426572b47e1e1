"""Facts about the device that the batch header and the common section state.

`capture.engine.device` detects them on a live device; a replay has the defaults and ``[device]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from capture.events.config import DeviceConfig

__all__ = ["Device"]

PHONE, TABLET = 4, 5
OFFLINE, UNKNOWN, WIFI_OR_WIRED, MOBILE_2G = -1, 0, 1, 2


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of the device; the defaults are those of a replay, which reads no facts of the machine.

    Attributes
    ----------
    device_type : int
        4 phone, 5 tablet.
    device_manufacturer, device_model, carrier_id : str or None
        None when unknown.
    width, height : int
        Screen in px; 0 when unknown.
    density : float
        px per dp.
    connectivity : int
        -1 offline, 0 unknown, 1 wifi or wired, 2 2g, 3 3g, 4 4g and newer.
    orientation : int
        0 portrait, 1 landscape.
    """

    device_type: int = TABLET
    device_manufacturer: str | None = None
    device_model: str | None = None
    os_version: str = ""
    language: str = "en_US"
    timezone: str = "UTC"
    width: int = 0
    height: int = 0
    density: float = 1.0
    connectivity: int = UNKNOWN
    carrier_id: str | None = None
    orientation: int = 0

    @property
    def carrier(self) -> str | None:
        """The carrier as events tell it: on a mobile network only."""
        return self.carrier_id if self.connectivity >= MOBILE_2G else None

    def overridden(self, config: DeviceConfig) -> Device:
        """Return these facts, replaced by those of ``[device]``."""
        overrides = {
            key: value
            for key, value in msgspec.structs.asdict(config).items()
            if value is not None and key in self.__struct_fields__
        }
        return msgspec.structs.replace(self, **overrides)
