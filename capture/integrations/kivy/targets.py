"""The front-most widget under a finger, its path from the root, and whether it reacted."""

from __future__ import annotations

from bisect import bisect_left
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from capture.events.targets import ROOT, Target
from capture.integrations.base import element

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "box_of",
    "corners",
    "describe",
    "in_order",
    "is_masked",
    "judge",
    "path_at",
    "place_of",
    "rotated",
    "size_of",
]

#: Attribute of a widget that hides it: its ids and its inner parts are not named, its pixels are blacked out.
_MASK = "analytics_mask"
#: Widgets looked at for one touch, at most.
_BUDGET = 5000
#: From this number of children on, the child is found by the order of the layout.
_MANY = 40
#: kv ids looked at for one touch, at most.
_IDS_BUDGET = 1000

_NOWHERE = Target()
#: Kivy's classes that hold others, and take touches only to scroll, turn or close.
_MOVERS = {"Accordion", "Carousel", "PageLayout", "Scatter", "ScrollView", "Splitter"}
_TAKERS = _MOVERS | {"DropDown", "ModalView"}
#: With those that take none by themselves: a `Layout` that does so was made to by the app.
_CONTAINERS = _TAKERS | {"Layout", "ScreenManager", "StencilView", "TabbedPanel"}
_ORDERED = frozenset({"BoxLayout", "GridLayout", "StackLayout"})
_INTERACTIVE = frozenset({"ButtonBehavior", "ColorWheel", "FocusBehavior", "Slider", "Switch"})


class Traits(NamedTuple):
    """Traits of a class of widgets.

    Attributes
    ----------
    interactive : bool
        Reacts to touches by its nature: a button, a slider, a text input.
    container : bool
        Holds others and does not react by itself.
    taker : bool
        Is a container that takes touches to scroll, turn or close.
    modal : bool
        Takes every touch in front of the widgets behind it.
    own_shape : bool
        Has a ``collide_point`` of its own (a round button, a scatter).
    ordered : bool
        Puts its children side by side in their order: a box, a grid, a stack.
    """

    interactive: bool
    container: bool
    taker: bool
    modal: bool
    own_shape: bool
    ordered: bool


_traits: dict[type, Traits] = {}


def traits(kind: type) -> Traits:
    """Return the cached traits of a class of widgets."""
    traits_of_kind = _traits.get(kind)
    if traits_of_kind is None:
        traits_of_kind = _traits[kind] = _find_traits(kind)
    return traits_of_kind


def _find_traits(kind: type) -> Traits:
    # Kivy's own classes alone: an app may call its classes as it likes.
    names = {base.__name__ for base in kind.__mro__ if base.__module__.startswith("kivy.")}
    interactive = bool(names & _INTERACTIVE)
    shape = next((base for base in kind.__mro__ if "collide_point" in base.__dict__), None)
    return Traits(
        interactive=interactive,
        container=bool(names & _CONTAINERS) and not interactive,
        taker=bool(names & _TAKERS),
        modal="ModalView" in names,
        own_shape=shape is None or shape.__module__ != "kivy.uix.widget",
        ordered=bool(names & _ORDERED),
    )


def describe(window: Any, path: Sequence[Any]) -> Target:
    """Return the target of the widgets under a finger (`path_at`)."""
    if not path:
        return _NOWHERE
    ids = _kv_ids(path)
    parts = [ROOT]
    target_id = ""
    for depth, widget in enumerate(path):
        masked = is_masked(widget)
        name = "" if masked else _own_id(widget, ids)
        parent = path[depth - 1] if depth else window
        parts.append(element(type(widget).__name__, name, partial(_number, widget, parent)))
        # The inner part of a slider has no id of its own: the target's is that of the whole.
        if masked or traits(type(widget)).interactive or (name and depth == len(path) - 1):
            target_id = name
        if masked:
            break
    return Target(path="".join(parts), id=target_id)


def path_at(window: Any, x: float, y: float) -> list[Any]:
    """Return the widgets under a place of the window (px, y up), from its child to the innermost."""
    path: list[Any] = []
    children, budget = window.children, _BUDGET
    while children and budget > 0:
        found = None
        if path and len(children) > _MANY and traits(type(path[-1])).ordered:
            found = in_order(children, x, y)
        if found is None:
            found = _front(children[:budget], x, y, is_window=not path)
        budget -= len(children)
        if found is None:
            break
        path.append(found)
        x, y = found.to_local(x, y)
        children = found.children
    return path


def _front(children: Sequence[Any], x: float, y: float, *, is_window: bool) -> Any:
    """Return the first of the children, which is the front one, at a place; None if missing."""
    for child in children:
        known = traits(type(child))
        if known.own_shape:
            if child.collide_point(x, y):
                return child
        # Widget.collide_point asks for right and top, which are computed; pos and size are new lists.
        elif child.y <= y and child.x <= x and y <= child.y + child.height and x <= child.x + child.width:
            return child
        # A modal view takes every touch, beside it too.
        if is_window and known.modal:
            return child
    return None


def in_order(children: Sequence[Any], x: float, y: float) -> Any:
    """Return the child at a place, found by bisection; None if the order does not lead to one.

    Reading one of Kivy's properties takes about as long as a whole step of the recogniser: 2,000 children
    cost a millisecond. Boxes, grids and stacks keep their children in order along one axis at least.
    """
    for place, position, extent in ((y, "y", "height"), (x, "x", "width")):
        near = _bisect(children, place, position, extent)
        if near is None:
            continue
        # Along this axis the whole row is at the place: its members are neighbors.
        for numbers in (range(near, len(children)), range(near - 1, -1, -1)):
            for number in numbers:
                child = children[number]
                start = getattr(child, position)
                if not start <= place <= start + getattr(child, extent):
                    break
                if child.collide_point(x, y):
                    return child
    return None


def _bisect(children: Sequence[Any], place: float, position: str, extent: str) -> int | None:
    """Return the number of the front child of those whose extent along an axis covers a place."""
    start = attrgetter(position)

    def end(child: Any) -> float:
        return start(child) + getattr(child, extent)  # type: ignore[no-any-return]

    first, last = children[0], children[-1]
    if (start(first), end(first)) <= (start(last), end(last)):
        number = bisect_left(children, place, key=end)
    else:
        number = bisect_left(children, -place, key=lambda child: -start(child))
    if number >= len(children):
        return None
    child = children[number]
    return number if start(child) <= place <= end(child) else None


def is_masked(widget: Any) -> bool:
    """Return whether a widget is hidden: marked by the app, or a password."""
    return bool(getattr(widget, _MASK, False)) or getattr(widget, "password", False) is True


def box_of(path: Sequence[Any]) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top (px of the window, y up) of the target of `path_at`."""
    return corners(next((each for each in path if is_masked(each)), path[-1]))


def corners(widget: Any) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top (px of the window, y up) of a widget."""
    return *widget.to_window(*widget.pos), *widget.to_window(widget.right, widget.top)


def place_of(window: Any, sx: float, sy: float) -> tuple[float, float]:
    """Return a place of the screen (0 to 1, y up) as the window's widgets see it (px, y up)."""
    width, height = size_of(window)
    x, y = rotated(window.rotation, sx, sy, width - 1, height - 1)
    keyboard = window.keyboard_height
    mode = window.softinput_mode if keyboard else ""
    if mode in {"pan", "below_target"}:
        y -= keyboard
    elif mode == "scale" and height != keyboard:
        y += keyboard * (y - height) / (height - keyboard)
    return x, y


def size_of(window: Any) -> tuple[float, float]:
    """Return the px of the window as positions are scaled to it: not turned."""
    effective = getattr(window, "_get_effective_size", None)
    size: tuple[float, float] = window.system_size if effective is None else effective()
    return size


def rotated(rotation: float, sx: float, sy: float, x_max: float, y_max: float) -> tuple[float, float]:
    """Return a place of the screen (0 to 1, y up) in px of a window that is turned by `rotation` degrees."""
    if rotation == 90:
        return sy * y_max, (1 - sx) * x_max
    if rotation == 180:
        return (1 - sx) * x_max, (1 - sy) * y_max
    if rotation == 270:
        return (1 - sy) * y_max, sx * x_max
    return sx * x_max, sy * y_max


def _number(widget: Any, parent: Any) -> int | None:
    """Return which of its like a widget is, as they were added; None if it is alone."""
    rows = getattr(parent, "view_indices", None)
    if isinstance(rows, dict):
        # A recycled row shows other data each time: only the number of the data stays.
        return rows.get(widget)
    kind = type(widget)
    kinds = list(map(type, parent.children))
    count = kinds.count(kind)
    # Kivy keeps the one that was added last in front.
    return count - 1 - kinds[: parent.children.index(widget)].count(kind) if count > 1 else None


def _own_id(widget: Any, ids: dict[int, str]) -> str:
    analytics_id = getattr(widget, "analytics_id", None)
    if analytics_id:
        return str(analytics_id)
    found = ids.get(widget.uid)
    if found:
        return found
    # A screen is known by its name.
    name = getattr(widget, "name", "") if hasattr(widget, "manager") else ""
    return name if isinstance(name, str) else ""


def _kv_ids(path: Sequence[Any]) -> dict[int, str]:
    """Return uid -> kv id of the widgets of a path; ids are kept by an ancestor, the outer one wins."""
    wanted = {widget.uid for widget in path}
    found: dict[int, str] = {}
    budget = _IDS_BUDGET
    for holder in path:
        for name, widget in holder.ids.items():
            budget -= 1
            if budget < 0:
                return found
            try:
                uid = widget.uid
            except (AttributeError, ReferenceError):  # a weak proxy whose widget is gone
                continue
            if uid in wanted and (uid != holder.uid or uid not in found):
                found.setdefault(uid, name)
    return found


def judge(owners: Iterable[Any], entries: Iterable[Any], *, consumed: bool | None) -> bool | None:
    """Return whether a target reacted, None if unknown.

    Parameters
    ----------
    owners : iterable of widget
        Who grabbed the touch, at any time.
    entries : iterable
        Keys of ``touch.ud``: a button puts itself there.
    consumed : bool or None
        Whether the DOWN was taken by anyone; None if it is not known.
    """
    takers = [traits(type(owner)) for owner in owners]
    takers += [traits(type(entry)) for entry in entries if hasattr(entry, "on_touch_up")]
    if any(not taker.container for taker in takers):
        return True
    if takers:
        # A layout of the app that takes touches may be a drawing board, or only a drawer.
        return False if all(taker.taker for taker in takers) else None
    return False if consumed is False else None
