"""The run configuration: its sections, its sinks, and how it is read.

One TOML file per app (``capture.toml``); environment variables ``CAPTURE_<SECTION>_<KEY>`` override
it. Every key is optional but ``project.id``. A mistake is a `ConfigError` with one line for each
fault. It names the file or variable, the key path, the value, the allowed values and, for an
unknown key, the nearest known one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from capture import settings
from capture.config.sections import BufferConfig, CurrentsConfig, DeliveryConfig, SinkConfig
from capture.errors import ConfigError
from capture.events.config import DeviceConfig, PrivacyConfig, ProjectConfig, SessionConfig
from capture.gestures.config import GestureConfig
from capture.settings import Section

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SECTIONS", "RunConfig"]


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of one app, or of one replay.

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
                raise ConfigError(f"{name} = {settings.shown(name, section)}: expected a {struct.__name__}")
        if not isinstance(self.sinks, list | tuple):
            raise ConfigError(
                f"sinks = {settings.shown('sinks', self.sinks)}: expected SinkConfigs in a tuple"
            )
        for index, sink in enumerate(self.sinks):
            if not isinstance(sink, SinkConfig):
                raise ConfigError(f"sinks[{index}] = {settings.shown('sinks', sink)}: expected a SinkConfig")
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
            Value of ``project.id`` if neither has one (a replay uses 0).

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
    name: kind
    for name, kind in settings.hints(RunConfig).items()
    if isinstance(kind, type) and issubclass(kind, Section)
}
