"""Packages that only some sinks need."""

from __future__ import annotations

from importlib.util import find_spec

from capture.errors import ConfigError

__all__ = ["need"]


def need(package: str, extra: str, sink: str) -> None:
    """Check that an optional package is installed, without importing it.

    Raises
    ------
    ConfigError
        When it is not; the message says how to install it.
    """
    if find_spec(package) is None:
        raise ConfigError(
            f"sinks.{sink}: needs the package {package.replace('_', '-')}: "
            f"pip install 'touchcapture[{extra}]'"
        )
