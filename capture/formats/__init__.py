"""Wire formats: a table from name to module, resolved when a format is first used."""

from __future__ import annotations

from importlib import import_module

from capture.errors import ConfigError
from capture.formats.base import Format

__all__ = ["FORMATS", "Format", "get"]

#: Name in the run configuration -> module, which has the format as ``FORMAT``.
FORMATS: dict[str, str] = {
    "native": "capture.formats.native",
    "currents": "capture.formats.currents",
}


def get(name: str) -> Format:
    """Return the wire format called `name`.

    Raises
    ------
    ConfigError
        When there is none.
    """
    module = FORMATS.get(name)
    if module is None:
        raise ConfigError(f"wire = {name!r}: expected one of {', '.join(FORMATS)}")
    wire_format: Format = import_module(module).FORMAT
    return wire_format
