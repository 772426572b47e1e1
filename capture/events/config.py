"""The settings of events: the app, its device, sessions and privacy."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from capture.settings import Seconds, Section, Text

__all__ = ["DeviceConfig", "PrivacyConfig", "ProjectConfig", "SessionConfig"]


class ProjectConfig(Section, frozen=True, kw_only=True):
    """``[project]``: the app."""

    section: ClassVar[str] = "project"

    id: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    #: Application name; default: the id as text.
    app_name: Text | None = None
    #: Application id, the host part of event URLs; default: ``touchcapture.<id>``.
    app_id: Text | None = None
    app_version: Text = "0"
    app_build: Annotated[int, Meta(ge=0, lt=2**31)] = 0
    app_flavor: Text = "release"
    sdk_flavor: Literal["release", "debug", "god"] = "release"
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

    #: 4 phone, 5 tablet; other numbers are passed on.
    device_type: Annotated[int, Meta(ge=0, lt=2**31)] | None = None
    device_manufacturer: Text | None = None
    device_model: Text | None = None
    os_version: Text | None = None
    #: Language and region, as in ``en_US``.
    language: Text | None = None
    #: IANA name, as in ``Europe/Berlin``.
    timezone: Text | None = None
    #: Screen width in px.
    width: Annotated[int, Meta(ge=0, lt=2**31)] | None = None
    #: Screen height in px.
    height: Annotated[int, Meta(ge=0, lt=2**31)] | None = None
    #: Degrees by which the picture is turned clockwise against the panel: 0, 90, 180 or 270.
    rotate: Literal[0, 90, 180, 270] | None = None
    #: px per dp.
    density: Annotated[float, Meta(ge=0.75, le=10)] | None = None
    #: -1 offline, 0 unknown, 1 wifi or wired, 2 2g, 3 3g, 4 4g and newer.
    connectivity: Literal[-1, 0, 1, 2, 3, 4] | None = None
    carrier_id: Text | None = None
    #: 0 portrait, 1 landscape.
    orientation: Literal[0, 1] | None = None


class SessionConfig(Section, frozen=True, kw_only=True):
    """``[session]``: when a session ends."""

    section: ClassVar[str] = "session"

    #: Inactivity (s) that ends a session.
    timeout_s: Seconds = 1800.0
    #: Whether ``identify()`` with another user ends the session: each session has one user.
    per_user: bool = True


class PrivacyConfig(Section, frozen=True, kw_only=True):
    """``[privacy]``: consent, hiding and personal data."""

    section: ClassVar[str] = "privacy"

    #: Whether the user has consented before the app starts.
    opted_in: bool = False
    #: Patterns (``*`` and ``?``) of view ids that are hidden.
    hide_ids: tuple[str, ...] = ()
    #: Patterns of screen titles that are hidden.
    hide_titles: tuple[str, ...] = ()
    #: Patterns of URL path segments that are hidden.
    hide_paths: tuple[str, ...] = ()
    #: ``hash``: a hash with a salt of the installation, values stay distinct; ``drop``: nothing is left.
    hide_with: Literal["hash", "drop"] = "hash"
    #: Positions of touches in Currents records, and in what is made of them: ``drop``: none; ``grid``:
    #: rounded to multiples of ``positions_grid_dp``; ``keep``: as they are. On hidden targets always none.
    positions: Literal["drop", "grid", "keep"] = "drop"
    #: Width of the grid that ``positions = "grid"`` rounds to.
    positions_grid_dp: Annotated[float, Meta(gt=0, le=100_000, description="dp")] = 24.0
    #: Share of users whose events are recorded, decided once per user.
    sampling: Annotated[float, Meta(ge=0, le=1)] = 1.0
    #: Treatment of each field of personal data.
    pii: dict[str, Literal["keep", "hash", "drop"]] = {}  # noqa: RUF012 - msgspec copies it
