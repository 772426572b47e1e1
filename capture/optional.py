"""Imports that happen late: names of a package that are imported at first use."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection


def lazy_names(package: str, home: str, names: Collection[str]) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of `package`, which imports `names` from the module `home`."""

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(home), name)
        setattr(sys.modules[package], name, value)
        return value

    return get
