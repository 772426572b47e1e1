"""The view under a finger at DOWN: path, id and whether it reacts."""

from __future__ import annotations

import msgspec

__all__ = ["ROOT", "Target", "escape_name", "view_path"]

#: Path if no view was hit.
ROOT = "[root]>"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The view under a finger.

    Attributes
    ----------
    path : str
        From the root, ``>`` after every element, ``#id`` if there is one: ``[root]>form#login>button>``.
        A ``>`` or ``#`` inside a name is percent-encoded (`escape_name`).
    id : str
        The view's id; empty if it has none.
    responsive : bool or None
        Whether the view has a handler for the touch; None if that is not known.
    hidden : bool
        Whether a gesture on it is sent without positions and measures: set where ``hide_ids`` applies,
        and by a host for a view that takes secrets.
    """

    path: str = ROOT
    id: str = ""
    responsive: bool | None = None
    hidden: bool = False


def escape_name(name: str) -> str:
    """Percent-encode characters that are structure in a view path: ``%``, ``>`` and ``#``.

    ``%`` is encoded too, so that the path can be read back without a doubt.
    """
    return name.replace("%", "%25").replace(">", "%3E").replace("#", "%23")


def view_path(*elements: str | tuple[str, str]) -> str:
    """Build a path from view names, each alone or with its id, the root left out.

    >>> view_path(("view", "id"), "view2")
    '[root]>view#id>view2>'
    """
    parts = [ROOT]
    for element in elements:
        name, view_id = (element, "") if isinstance(element, str) else element
        parts.append(escape_name(name) + (f"#{escape_name(view_id)}" if view_id else "") + ">")
    return "".join(parts)
