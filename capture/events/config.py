"""The settings of events: the app, its device, sessions and privacy."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from capture.settings import Seconds, Section, Text

__all__ = ["DeviceConfig", "PrivacyConfig", "ProjectConfig", "SessionConfig"]


class ProjectConfig(Section, frozen=True, kw_only=True):
    """``[project]``: the app that is captured."""

    section: ClassVar[str] = "project"

    #: Number of the project, ``pid`` in batches; the receiver assigns it.
    id: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    #: Application name; default: the id as text.
    app_name: Text | None = None
    #: Application id, the host part of event URLs; default: ``touchcapture.<id>``.
    app_id: Text | None = None
    #: Version of the app; set it at each release.
    app_version: Text = "0"
    #: Build number of the app.
    app_build: Annotated[int, Meta(ge=0, lt=2**31)] = 0
    #: Build variant of the app; set it in test builds to tell their events apart.
    app_flavor: Text = "release"
    #: Variant of this package in the header (``sf``).
    sdk_flavor: Literal["release", "debug", "god"] = "release"
    #: Scheme of event URLs; change it if the receiver tells platforms apart by it.
    url_scheme: Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9+.\-]*$")] = "app-and"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.app_name is None:
            msgspec.structs.force_setattr(self, "app_name", str(self.id))
        if self.app_id is None:
            msgspec.structs.force_setattr(self, "app_id", f"touchcapture.{self.id}")


class DeviceConfig(Section, frozen=True, kw_only=True):
    """``[device]``: facts that replace the detected ones."""

    section: ClassVar[str] = "device"

    #: Type of the device: 4 phone, 5 tablet; other numbers are sent unchanged.
    device_type: Annotated[int, Meta(ge=0, lt=2**31)] | None = None
    #: Manufacturer of the device; default: detected, else not sent.
    device_manufacturer: Text | None = None
    #: Model of the device; default: detected, else not sent.
    device_model: Text | None = None
    #: Version of the operating system; default: detected.
    os_version: Text | None = None
    #: Language and region, as in ``en_US``; default: detected.
    language: Text | None = None
    #: Time zone as an IANA name, as in ``Europe/Berlin``; default: detected.
    timezone: Text | None = None
    #: Screen width in px; default: that of the host (``set_screen``).
    width: Annotated[int, Meta(ge=0, lt=2**31)] | None = None
    #: Screen height in px; default: that of the host.
    height: Annotated[int, Meta(ge=0, lt=2**31)] | None = None
    #: Clockwise rotation of the picture against the panel (degrees), for logs in raw units.
    rotate: Literal[0, 90, 180, 270] | None = None
    #: Density of the screen (px per dp); default: that of the host, else 1.
    density: Annotated[float, Meta(ge=0.75, le=10)] | None = None
    #: Connectivity: -1 offline, 0 unknown, 1 wifi or wired, 2 2g, 3 3g, 4 4g and newer; default: detected.
    connectivity: Literal[-1, 0, 1, 2, 3, 4] | None = None
    #: Id of the mobile carrier, sent on mobile networks only.
    carrier_id: Text | None = None
    #: Orientation: 0 portrait, 1 landscape; default: that of the host.
    orientation: Literal[0, 1] | None = None


class SessionConfig(Section, frozen=True, kw_only=True):
    """``[session]``: when a session ends."""

    section: ClassVar[str] = "session"

    #: Inactivity (s) that ends a session; shorten it for kiosks.
    timeout_s: Seconds = 1800.0
    #: Whether ``identify()`` with another user ends the session: each session has one user.
    per_user: bool = True


class PrivacyConfig(Section, frozen=True, kw_only=True):
    """``[privacy]``: consent, hiding and personal data."""

    section: ClassVar[str] = "privacy"

    #: Whether the user has consented before the app starts; set it only if the app has asked already.
    opted_in: bool = False
    #: Patterns (``*`` and ``?``) of view ids that are hidden.
    hide_ids: tuple[str, ...] = ()
    #: Patterns of screen titles that are hidden.
    hide_titles: tuple[str, ...] = ()
    #: Patterns of URL path segments that are hidden.
    hide_paths: tuple[str, ...] = ()
    #: Treatment of hidden names: ``hash``: a hash with the installation's salt, so that names stay distinct;
    #: ``drop``: removed.
    hide_with: Literal["hash", "drop"] = "hash"
    #: Positions of touches in Currents records and at partners: ``drop``: none; ``grid``: rounded to
    #: multiples of ``positions_grid_dp``; ``keep``: unchanged. Gestures on hidden targets never have any.
    positions: Literal["drop", "grid", "keep"] = "drop"
    #: Width of the grid that ``positions = "grid"`` rounds to.
    positions_grid_dp: Annotated[float, Meta(gt=0, le=100_000, description="dp")] = 24.0
    #: Share of users whose events are recorded, decided once per user; lower it to reduce traffic.
    sampling: Annotated[float, Meta(ge=0, le=1)] = 1.0
    #: Treatment of fields of personal data in Currents records: ``{field = "keep" | "hash" | "drop"}``.
    pii: dict[str, Literal["keep", "hash", "drop"]] = {}  # noqa: RUF012 - msgspec copies it
