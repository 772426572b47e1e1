"""Responsive or dead: judged when the UP was dispatched, from who took the touch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Traits", "judge", "traits"]

#: Kivy's classes that hold others, and take touches only to scroll, turn or close.
_TAKERS = {
    "Accordion",
    "Carousel",
    "DropDown",
    "ModalView",
    "PageLayout",
    "Scatter",
    "ScrollView",
    "Splitter",
}
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
