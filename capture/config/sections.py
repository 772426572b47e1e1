"""The settings of the store, the delivery, the sinks and the Currents format."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from capture.errors import hide_value
from capture.settings import Seconds, Section, Text

__all__ = ["BufferConfig", "CurrentsConfig", "DeliveryConfig", "SinkConfig"]


class BufferConfig(Section, frozen=True, kw_only=True):
    """``[buffer]``: the local store, and when a batch is sent."""

    section: ClassVar[str] = "buffer"

    #: Number of events at which a batch is sent, and its maximum; larger batches need fewer requests.
    batch_size: Annotated[int, Meta(ge=1, le=10_000)] = 50
    #: Age (s) of the oldest pending event at which a batch is sent; shorten it for live dashboards.
    flush_interval_s: Seconds = 30.0
    #: Folder of the store; default: the user's data folder of the app. Required without a home folder.
    path: Text | None = None
    #: ``process``: events survive a killed process; ``power``: a power loss too, by an fsync per event.
    durability: Literal["process", "power"] = "process"
    #: Maximum size of all files of the store; raise it for devices that are offline for weeks.
    max_store_bytes: Annotated[int, Meta(ge=262_144, lt=2**40, description="bytes")] = 30 * 1024 * 1024
    #: Age (s) above which events are dropped.
    max_event_age_s: Seconds = 30 * 86_400.0


class DeliveryConfig(Section, frozen=True, kw_only=True):
    """``[delivery]``: deadlines of requests, of close and of exit."""

    section: ClassVar[str] = "delivery"

    #: Time (s) that ``close()`` may take to send pending events; the others are sent at the next start.
    shutdown_timeout_s: Annotated[float, Meta(ge=0, le=3600, description="s")] = 5.0
    #: The same at interpreter exit without ``close()``.
    exit_timeout_s: Annotated[float, Meta(ge=0, le=3600, description="s")] = 2.0
    #: Deadline (s) of one request, from the name lookup to the end of the answer.
    timeout_s: Annotated[float, Meta(gt=0, le=3600, description="s")] = 10.0


class CurrentsConfig(Section, frozen=True, kw_only=True):
    """``[currents]``: the Currents wire format."""

    section: ClassVar[str] = "currents"

    #: Version of the schemas: ``legacy`` for pipelines that read the older glossary.
    schema_version: Literal["current", "legacy"] = "current"
    #: Names and order of the fields in files: ``glossary``: those of the documentation; ``export``: those of
    #: exported files.
    layout: Literal["glossary", "export"] = "glossary"
    #: Id of the app group (workspace), a field of every record.
    app_group_id: Text | None = None
    #: Prefix of event names at the analytics partners.
    event_prefix: Annotated[str, Meta(max_length=255)] = ""
    #: Prefix of the names of custom events at the analytics partners; default: ``event_prefix``.
    custom_event_prefix: Annotated[str, Meta(max_length=255)] | None = None
    #: Custom properties at the analytics partners: ``prefixed`` names, or ``none``.
    custom_properties: Literal["prefixed", "none"] = "prefixed"
    #: Whether a capture or a replay makes a custom event of each gesture of several fingers.
    chords: bool = False
    #: Name of the cluster in the paths of files.
    cluster: Text | None = None
    #: Id of the integration in the paths of files.
    integration_id: Text | None = None


class SinkConfig(Section, frozen=True, kw_only=True):
    """One ``[[sinks]]`` table; its own keys are checked by the sink that it names.

    Attributes
    ----------
    type : str
        Name in the table of sinks: ``file``, ``http``, ``memory``, ...
    name : str
        Key of its queue in the store; the type when not given.
    wire : str or None
        Wire format, if the sink takes more than one; None is the sink's default.
    options : dict
        The sink's own keys, as they stand in the file.
    """

    section: ClassVar[str] = "sinks"

    type: str
    name: str = ""
    wire: Text | None = None
    options: dict[str, Any] = {}  # noqa: RUF012 - msgspec copies defaults

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.name:
            msgspec.structs.force_setattr(self, "name", self.type)

    def masked(self) -> SinkConfig:
        """Return a copy whose secrets are hidden: to show, not to use."""
        return msgspec.structs.replace(self, options=hide_value("sinks", self.options))

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return list(msgspec.structs.asdict(self.masked()).items())
