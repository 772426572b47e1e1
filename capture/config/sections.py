"""The run configuration: every key with its default, unit, range and source.

One TOML file per app (``capture.toml``); environment variables ``CAPTURE_<SECTION>_<KEY>`` override
it. Every key is optional but ``project.id``. A mistake is a `ConfigError` with one line for each
thing that is wrong: the file or variable, the key path, the value, what is allowed and, for an
unknown key, the nearest known one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from capture import settings
from capture.errors import ConfigError
from capture.gestures.config import GestureConfig
from capture.settings import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BufferConfig",
    "CurrentsConfig",
    "DeliveryConfig",
    "DeviceConfig",
    "GestureConfig",
    "PrivacyConfig",
    "ProjectConfig",
    "RunConfig",
    "SessionConfig",
    "SinkConfig",
]

Seconds = Annotated[float, Meta(gt=0, le=31_536_000, description="s")]
Text = Annotated[str, Meta(min_length=1, max_length=255)]


class ProjectConfig(Section, frozen=True, kw_only=True):
    """``[project]``: which app this is."""

    section: ClassVar[str] = "project"

    id: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    #: Application name; the id as text when not given.
    app_name: Text | None = None
    #: Application id, the host part of event URLs; ``touchcapture.<id>`` when not given.
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
    """``[device]``: overrides of what is detected; None leaves it to detection."""

    section: ClassVar[str] = "device"

    #: 4 phone, 5 tablet; other numbers are passed on.
    device_type: Annotated[int, Meta(ge=0, lt=2**31)] | None = None
    device_manufacturer: Text | None = None
    device_model: Text | None = None
    os_version: Text | None = None
    #: As a user would recognise it: ``en_US``.
    language: Text | None = None
    #: IANA name: ``Europe/Berlin``.
    timezone: Text | None = None
    #: Screen width in px.
    width: Annotated[int, Meta(ge=0, lt=2**31)] | None = None
    #: Screen height in px.
    height: Annotated[int, Meta(ge=0, lt=2**31)] | None = None
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


class BufferConfig(Section, frozen=True, kw_only=True):
    """``[buffer]``: the local store and when a batch is due."""

    section: ClassVar[str] = "buffer"

    #: Events in a batch, at most.
    batch_size: Annotated[int, Meta(ge=1, le=10_000)] = 50
    #: Age (s) of the oldest pending event at which a batch is due.
    flush_interval_s: Seconds = 30.0
    #: Folder of the store; None is the platform's per-user data folder for the app.
    path: Text | None = None
    #: ``process`` survives a killed process, ``power`` a power loss as well (an fsync per event).
    durability: Literal["process", "power"] = "process"
    #: Bound of the store (bytes, database and log together).
    max_store_bytes: Annotated[int, Meta(ge=262_144, lt=2**40, description="bytes")] = 30 * 1024 * 1024
    #: Events older than this (s) are dropped.
    max_event_age_s: Seconds = 30 * 86_400.0


class DeliveryConfig(Section, frozen=True, kw_only=True):
    """``[delivery]``: deadlines."""

    section: ClassVar[str] = "delivery"

    #: Deadline (s) of ``close()``.
    shutdown_timeout_s: Annotated[float, Meta(ge=0, le=3600, description="s")] = 5.0
    #: Deadline (s) at interpreter exit.
    exit_timeout_s: Annotated[float, Meta(ge=0, le=3600, description="s")] = 2.0
    #: Deadline (s) of one request.
    timeout_s: Annotated[float, Meta(gt=0, le=3600, description="s")] = 10.0


class PrivacyConfig(Section, frozen=True, kw_only=True):
    """``[privacy]``: consent, hiding and personal data."""

    section: ClassVar[str] = "privacy"

    #: Whether the app has the user's consent already when it starts.
    opted_in: bool = False
    #: Patterns (``*`` and ``?``) of view ids that are hidden.
    hide_ids: tuple[str, ...] = ()
    #: Patterns of screen titles that are hidden.
    hide_titles: tuple[str, ...] = ()
    #: Patterns of URL path segments that are hidden.
    hide_paths: tuple[str, ...] = ()
    #: ``hash`` (with a per-install salt) keeps hidden things apart; ``drop`` leaves nothing.
    hide_with: Literal["hash", "drop"] = "hash"
    #: Share of users whose events are recorded, decided once per user.
    sampling: Annotated[float, Meta(ge=0, le=1)] = 1.0
    #: Field of personal data -> what happens to it.
    pii: dict[str, Literal["keep", "hash", "drop"]] = {}  # noqa: RUF012 - msgspec copies it


class CurrentsConfig(Section, frozen=True, kw_only=True):
    """``[currents]``: the Currents wire format."""

    section: ClassVar[str] = "currents"

    schema_version: Literal["current", "legacy"] = "current"
    app_group_id: Text | None = None
    #: Text in front of every event name at the analytics partners.
    event_prefix: Annotated[str, Meta(max_length=255)] = ""
    custom_properties: Literal["prefixed", "none"] = "prefixed"
    cluster: Text | None = None
    integration_id: Text | None = None


class SinkConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One ``[[sinks]]`` table; its own keys are checked by the sink that it names.

    Attributes
    ----------
    type : str
        Name in the table of sinks: ``file``, ``http``, ``memory``, ...
    name : str
        Key of its queue in the store; the type when not given.
    wire : str or None
        Wire format, where the sink takes more than one; None is the sink's default.
    options : dict
        The sink's own keys, as they stand in the file.
    """

    type: str
    name: str = ""
    wire: Literal["native", "currents"] | None = None
    options: dict[str, Any] = {}

    def __post_init__(self) -> None:
        for key, kind in settings.hints(type(self)).items():
            settings.check(f"sinks.{key}", getattr(self, key), kind)
        if not self.name:
            msgspec.structs.force_setattr(self, "name", self.type)


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What one app, or one replay, runs with.

    Build it in code, or `load` it from a TOML file. Every section is optional but `project`.

    Raises
    ------
    ConfigError
        On construction, when a section is something else, or two sinks share a name.
    """

    project: ProjectConfig
    device: DeviceConfig = DeviceConfig()
    gestures: GestureConfig = GestureConfig()
    session: SessionConfig = SessionConfig()
    buffer: BufferConfig = BufferConfig()
    delivery: DeliveryConfig = DeliveryConfig()
    sinks: tuple[SinkConfig, ...] = ()
    privacy: PrivacyConfig = PrivacyConfig()
    currents: CurrentsConfig = CurrentsConfig()
    #: Every call is a no-op (environment variable ``CAPTURE_DISABLED``).
    disabled: bool = False

    def __post_init__(self) -> None:
        for name, struct in SECTIONS.items():
            section = getattr(self, name)
            if not isinstance(section, struct):
                raise ConfigError(f"{name} = {section!r}: expected a {struct.__name__}")
        if not isinstance(self.sinks, list | tuple):
            raise ConfigError(f"sinks = {self.sinks!r}: expected SinkConfigs in a tuple")
        for index, sink in enumerate(self.sinks):
            if not isinstance(sink, SinkConfig):
                raise ConfigError(f"sinks[{index}] = {sink!r}: expected a SinkConfig")
        names = [sink.name for sink in self.sinks]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(f"sinks.name = {name!r}: two sinks have this name; give each its own")

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        default_project_id: int | None = None,
    ) -> RunConfig:
        """Read a run configuration from a TOML file and the environment.

        Parameters
        ----------
        path : path-like, optional
            The file; None reads the environment alone.
        environ : mapping, optional
            Where the overrides are; default ``os.environ``.
        default_project_id : int, optional
            Value of ``project.id`` where neither has one (a replay uses 0).

        Raises
        ------
        ConfigError
            When the file cannot be read or anything in it is wrong, one line for each mistake.
        """
        source = "" if path is None else os.fspath(path)
        tables = {} if path is None else settings.read_toml(Path(path))
        environ = os.environ if environ is None else environ
        values, problems = settings.build_sections(SECTIONS, tables, source, environ)
        if "id" not in values["project"] and default_project_id is not None:
            values["project"]["id"] = default_project_id
        built = settings.construct(SECTIONS, values, source, problems)
        sinks = settings.build_sinks(SinkConfig, tables.get("sinks", []), source, problems)
        if problems:
            raise ConfigError("\n".join(problems))
        try:
            parts: dict[str, Any] = dict(built)
            return cls(**parts, sinks=sinks, disabled=settings.is_disabled(environ))
        except ConfigError as error:
            raise ConfigError(f"{source}: {error}" if source else str(error)) from None


#: Section name -> the struct that holds its keys.
SECTIONS: dict[str, type[Section]] = {
    struct.section: struct
    for struct in (
        ProjectConfig,
        DeviceConfig,
        GestureConfig,
        SessionConfig,
        BufferConfig,
        DeliveryConfig,
        PrivacyConfig,
        CurrentsConfig,
    )
}
