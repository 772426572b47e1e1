"""Wire formats: a table from name to module, resolved when a format is first used."""

from __future__ import annotations

from importlib import import_module

from capture.errors import ConfigError
from capture.formats.base import Encoder, Format, PlainEncoder, Row, SessionFormat, Source

__all__ = ["FORMATS", "Encoder", "Format", "Row", "SessionFormat", "Source", "get", "make_encoder"]

#: Name in the run configuration -> module, which has the format as ``FORMAT``.
FORMATS: dict[str, str] = {
    "native": "capture.formats.native",
    "currents": "capture.formats.currents",
}


def get(name: str) -> Format | SessionFormat:
    """Return the wire format called `name`.

    Raises
    ------
    ConfigError
        When there is none.
    """
    module = FORMATS.get(name)
    if module is None:
        raise ConfigError(f"wire = {name!r}: expected one of {', '.join(FORMATS)}")
    wire_format: Format | SessionFormat = import_module(module).FORMAT
    return wire_format


def make_encoder(name: str, source: Source) -> Encoder:
    """Return a new encoder of the wire format called `name`; raises as `get` does.

    What else is wrong in the configuration of the format is a ConfigError, too.
    """
    wire_format = get(name)
    return (
        wire_format.encoder(source) if isinstance(wire_format, SessionFormat) else PlainEncoder(wire_format)
    )
