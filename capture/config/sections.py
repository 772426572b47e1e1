"""The settings of the store, the delivery, the sinks and the Currents format."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from capture import settings
from capture.errors import hide_value
from capture.settings import Seconds, Section, Text

__all__ = ["BufferConfig", "CurrentsConfig", "DeliveryConfig", "SinkConfig"]


class BufferConfig(Section, frozen=True, kw_only=True):
    """``[buffer]``: the local store, and when a batch is sent."""

    section: ClassVar[str] = "buffer"

    #: Maximum number of events in a batch.
    batch_size: Annotated[int, Meta(ge=1, le=10_000)] = 50
    #: Age (s) of the oldest pending event at which a batch is sent.
    flush_interval_s: Seconds = 30.0
    #: Folder of the store; default: the platform's per-user data folder of the app.
    path: Text | None = None
    #: ``process``: events survive a killed process; ``power``: also a power loss (an fsync per event).
    durability: Literal["process", "power"] = "process"
    #: Maximum size of the store (bytes; database and its log together).
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


class CurrentsConfig(Section, frozen=True, kw_only=True):
    """``[currents]``: the Currents wire format."""

    section: ClassVar[str] = "currents"

    schema_version: Literal["current", "legacy"] = "current"
    #: Names and order of the fields of files: ``glossary``: those of the documentation; ``export``: those of
    #: the files that are really exported.
    layout: Literal["glossary", "export"] = "glossary"
    app_group_id: Text | None = None
    #: Prefix of event names at the analytics partners.
    event_prefix: Annotated[str, Meta(max_length=255)] = ""
    #: Prefix of the names of custom events at the analytics partners; default: ``event_prefix``.
    custom_event_prefix: Annotated[str, Meta(max_length=255)] | None = None
    custom_properties: Literal["prefixed", "none"] = "prefixed"
    #: Whether a live capture makes a custom event of each pinch, rotation, tap, pan and swipe.
    chords: bool = False
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
    wire: Text | None = None
    options: dict[str, Any] = {}

    def __post_init__(self) -> None:
        for key, kind in settings.hints(type(self)).items():
            settings.check(f"sinks.{key}", getattr(self, key), kind)
        if not self.name:
            msgspec.structs.force_setattr(self, "name", self.type)

    def masked(self) -> SinkConfig:
        """Return a copy whose secrets are hidden: to show, not to use."""
        return msgspec.structs.replace(self, options=hide_value("sinks", self.options))

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return list(msgspec.structs.asdict(self.masked()).items())

    def __repr__(self) -> str:
        """Return the keys and their values, secrets hidden."""
        return settings.masked_repr(self)
