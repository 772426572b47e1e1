"""Screen views from screen managers: nested ones, and those that are added later."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture.integrations.kivy.guard import Guard

__all__ = ["Screens", "chain_of"]


class Screens:
    """Watches the screen managers of a window.

    Parameters
    ----------
    announce : callable
        Called with the name of the screen that is shown and the names of the screens around it.
    guard : Guard
        Handles the exceptions of callbacks.

    Attributes
    ----------
    current : tuple
        (name, names around it) as announced last; None before.
    on_shown : list of callable
        Called without arguments after each announcement.
    """

    def __init__(self, announce: Callable[[str, tuple[str, ...]], None], guard: Guard) -> None:
        self.current: tuple[str, tuple[str, ...]] | None = None
        self.on_shown: list[Callable[[], None]] = []
        self._announce = announce
        self._window: Any = None
        self._guard = guard
        self._known: set[int] = set()
        self._roots: set[int] = set()

    def attach(self, window: Any) -> None:
        """Watch a window; the screen that it shows is announced."""
        self._window = window
        self._guard.bind(window, "children", self._on_tree)
        self._on_tree()

    def forget(self) -> None:
        """Announce the current screen again, even if it is the same: nobody listened before."""
        self.current = None
        if self._window is not None:
            self._show(chain_of(self._window))

    def look(self, path: list[Any]) -> None:
        """Watch the managers that a touch came upon: they were added since."""
        for widget in path:
            if _is_manager(widget) and widget.uid not in self._known:
                self._watch(widget)
                self._on_current(widget)

    def _on_tree(self, *_: Any) -> None:
        """Search the window again: a popup opened or closed, or the root was replaced."""
        for child in self._window.children:
            if child.uid not in self._roots:
                self._roots.add(child.uid)
                self._guard.bind(child, "children", self._on_tree)
            for manager in _managers(child):
                self._watch(manager)
        self._show(chain_of(self._window))

    def _watch(self, manager: Any) -> None:
        if manager.uid not in self._known:
            self._known.add(manager.uid)
            # The screen, not its name: the name changes first.
            self._guard.bind(manager, "current_screen", self._on_current)

    def _on_current(self, manager: Any, *_: Any) -> None:
        around = _around(manager)
        if around is None or manager.current_screen is None:
            return  # it is in a screen that is not shown
        for inner in _managers(manager.current_screen):
            self._watch(inner)
        self._show([*around, *_names(manager)])

    def _show(self, chain: list[str]) -> None:
        *around, name = chain or [_title()]
        shown = (name, tuple(around[:2]))
        if name and shown != self.current:
            self.current = shown
            self._announce(*shown)
            for function in self.on_shown:
                function()


def chain_of(window: Any) -> list[str]:
    """Return the names of the screens that are shown, the outermost first; of the front-most managers."""
    managers = (manager for child in window.children for manager in _managers(child))
    return _names(next(managers, None))


def _title() -> str:
    """Return the app's title, which names the screen if there is no manager."""
    app = import_module("kivy.app").App.get_running_app()
    return "" if app is None else str(app.get_application_name())


def _names(manager: Any) -> list[str]:
    """Return the names of a manager's screen and of those shown within it; none without a manager."""
    names = []
    while manager is not None and manager.current_screen is not None:
        screen = manager.current_screen
        names.append(_name(screen))
        manager = next(_managers(screen), None)
    return names


def _around(manager: Any) -> list[str] | None:
    """Return the names of the screens around a manager; None if one of them is not shown."""
    names: list[str] = []
    widget, seen = manager.parent, manager
    while widget is not None and widget is not seen:
        if hasattr(widget, "manager") and _is_manager(widget.manager):
            if widget.manager.current_screen is not widget:
                return None
            names.insert(0, _name(widget))
        seen, widget = widget, widget.parent
    return names


def _name(screen: Any) -> str:
    return str(getattr(screen, "analytics_id", "") or screen.name or type(screen).__name__)


def _is_manager(widget: Any) -> bool:
    return hasattr(widget, "current_screen") and hasattr(widget, "transition")


def _managers(widget: Any) -> Iterator[Any]:
    """Yield the managers in a widget that are shown; not those within other managers."""
    waiting = [widget]
    while waiting:
        widget = waiting.pop()
        if _is_manager(widget):
            yield widget
        else:
            waiting.extend(widget.children)
