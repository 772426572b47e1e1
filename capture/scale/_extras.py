"""Packages that only some uses need."""

from __future__ import annotations

import importlib
from typing import Any

from capture.errors import ConfigError

__all__ = ["require"]


def require(module: str, extra: str) -> Any:
    """Import a module of an optional package.

    Raises
    ------
    ConfigError
        When the package is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        # A package that is there but broken says so itself.
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise ConfigError(f"{error.name} is needed for this: pip install 'touchcapture[{extra}]'") from None
