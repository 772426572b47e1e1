"""An attribute of a part, as an attribute of the whole."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

__all__ = ["forwarded"]


def forwarded(path: str, doc: str) -> Any:
    """Return the property that reads and sets ``self.<path>``, the name of a part and of its attribute."""
    part, _, name = path.partition(".")

    def assign(owner: Any, value: Any) -> None:
        setattr(getattr(owner, part), name, value)

    return property(attrgetter(path), assign, doc=doc)
