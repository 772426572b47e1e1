"""The header of a batch: app, user and device, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType, field

from capture.events.domain import SDK_TYPE

if TYPE_CHECKING:
    from capture.events.config import ProjectConfig
    from capture.events.device import Device

__all__ = ["Header", "Int64", "Origin", "Resolution", "Uuid", "make_header"]

_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
Uuid = Annotated[str, Meta(pattern=_UUID)]
Int64 = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class Origin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a batch comes from."""

    app_name: str = field(name="an")
    sdk_type: str = field(name="st")
    sdk_flavor: str = field(name="sf")


class Resolution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The screen in px, held upright, and its density in px per dp."""

    width: Annotated[int, Meta(ge=0)] = field(name="w")
    height: Annotated[int, Meta(ge=0)] = field(name="h")
    density: Annotated[float, Meta(ge=0.75, le=10)] = field(name="d")

    @classmethod
    def portrait(cls, width: int, height: int, density: float) -> Resolution:
        """Return the resolution with the shorter side as its width, at any rotation."""
        return cls(min(width, height), max(width, height), float(density))


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The header of a batch: constants, composed when it is sent.

    Attributes
    ----------
    device_manufacturer, device_model : str or msgspec.UNSET
        Left out when unknown.
    sent_at : int
        ms since the epoch; `NativeFormat.compose` replaces it by the time of sending.
    """

    project_id: Annotated[int, Meta(ge=0)] = field(name="pid")
    user_id: Uuid = field(name="uid")
    device_type: int = field(name="dt")
    device_manufacturer: str | UnsetType = field(name="dma", default=UNSET)
    device_model: str | UnsetType = field(name="dmo", default=UNSET)
    os_version: str = field(name="os")
    language: str = field(name="l")
    timezone: str = field(name="tz")
    sent_at: Int64 = field(name="now")
    origin: Origin = field(name="to")
    resolution: Resolution = field(name="r")


def make_header(project: ProjectConfig, device: Device, user_id: str) -> Header:
    """Return the constants of an app's batches on a device."""
    return Header(
        project_id=project.id,
        user_id=user_id,
        device_type=device.device_type,
        device_manufacturer=device.device_manufacturer or UNSET,
        device_model=device.device_model or UNSET,
        os_version=device.os_version,
        language=device.language,
        timezone=device.timezone,
        sent_at=0,
        origin=Origin(app_name=project.app_name or "", sdk_type=SDK_TYPE, sdk_flavor=project.sdk_flavor),
        resolution=Resolution.portrait(device.width, device.height, device.density),
    )
