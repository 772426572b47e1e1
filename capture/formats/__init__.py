"""Wire formats: a table from name to module, resolved when a format is first used."""

from __future__ import annotations

from importlib import import_module

from capture.errors import ConfigError
from capture.formats.base import Encoder, EncoderFormat, Format, PlainEncoder, Row, Source

__all__ = ["FORMATS", "Encoder", "EncoderFormat", "Format", "Row", "Source", "get", "make_encoder"]

#: Name in the run configuration -> module, which has the format as ``FORMAT``.
FORMATS: dict[str, str] = {
    "native": "capture.formats.native",
    "currents": "capture.formats.currents",
}


def get(name: str) -> Format | EncoderFormat:
    """Return the wire format called `name`.

    Raises
    ------
    ConfigError
        When there is none.
    """
    module = FORMATS.get(name)
    if module is None:
        raise ConfigError(f"wire = {name!r}: expected one of {', '.join(FORMATS)}")
    wire_format: Format | EncoderFormat = import_module(module).FORMAT
    return wire_format


def make_encoder(name: str, source: Source) -> Encoder:
    """Return a new encoder of the wire format called `name`; raises as `get` does.

    Other errors in the configuration of the format are a ConfigError, too.
    """
    wire_format = get(name)
    return (
        wire_format.encoder(source) if isinstance(wire_format, EncoderFormat) else PlainEncoder(wire_format)
    )
