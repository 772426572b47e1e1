"""Qt Quick (QML) for `capture.integrations.pyside6`: the item under a finger, its verdict, pages as screens.

Items are seen through Qt's own properties: nothing of the app's QML has to be changed.
"""

from __future__ import annotations

import logging
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from capture.events.targets import ROOT, Target
from capture.integrations.base import element, number_among

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["QuickWindows"]

_log = logging.getLogger("capture.pyside6")
#: Suffix that the engine adds to names of types that are written in QML.
_ADDED = re.compile(r"_QML(?:TYPE)?_\d+$")
_LAYOUTS = {"ColumnLayout", "GridLayout", "RowLayout", "StackLayout", "Column", "Flow", "Grid", "Row"}
_FRAMES = {"ContentItem", "Control", "FocusScope", "Item", "Loader", "Overlay", "Repeater", "RootItem"}
#: Items that show nothing: they are under a finger only where nothing else is, or where a handler is theirs.
_BARE = {f"QQuick{name}" for name in _LAYOUTS | _FRAMES}
_INPUTS = ("AbstractButton", "ComboBox", "Dial", "RangeSlider", "Slider", "SpinBox", "TextArea", "TextField")
_INDICATORS = ("BusyIndicator", "PageIndicator", "ProgressBar", "ScrollBar", "ScrollIndicator")
#: Controls whose parts are not the app's.
_WHOLE = tuple(f"QQuick{name}" for name in (*_INPUTS, *_INDICATORS))
#: Property of the app's containers that are listened to already.
_HEARD = "_touchcapture"
#: Containers of pages -> the property that is the page, and the signal that it is another one.
_CONTAINERS = {
    "QQuickStackView": ("currentItem", "currentItemChanged()"),
    "QQuickSwipeView": ("currentItem", "currentItemChanged()"),
    "QQuickLoader": ("item", "itemChanged()"),
}
#: A Loader is a page where it fills this part of the window.
_LOADER_PART = 0.5
#: How deep pages are looked for.
_DEPTH = 12


class QuickWindows:
    """Targets, verdicts and screens of an app's Qt Quick windows.

    Parameters
    ----------
    show : callable
        Gets the name of a page when another one is shown.
    """

    def __init__(self, show: Callable[[str], object]) -> None:
        self._core = import_module("PySide6.QtCore")
        self._engine = import_module("PySide6.QtQml").QQmlEngine
        self._item_class = import_module("PySide6.QtQuick").QQuickItem
        self._show = show
        self._shown = ""
        self._chain: list[Any] = []

    # ---- targets ------------------------------------------------------------------------------

    def target(self, window: Any, place: Any) -> Target:
        """Return the target at a place of a window (its own units) and remember it for `took`."""
        self.update(window)
        root = self._root(window)
        if root is None:
            return Target()
        chain = self._hit(root, place, bare=False) or self._hit(root, place, bare=True)
        self._chain = chain = self._whole(chain[1:])
        if not chain:
            return Target(responsive=False)
        path = "".join(self._element(item) for item in chain if not _is_inner(item))
        last = chain[-1]
        own = self._name(last)
        if not own and last.inherits("QQuickMouseArea") and len(chain) > 1:
            # An area in front of its own item.
            own = self._name(chain[-2])
        enabled = all(item.isEnabled() for item in chain)
        return Target(path=ROOT + path, id=own, responsive=None if enabled else False)

    def _root(self, window: Any) -> Any:
        """Return the item that fills a window; None for one that is not seen as an item."""
        # A window that the app got hold of before QtQuick was imported has no methods of its own.
        item = window.property("contentItem")
        if not isinstance(item, self._item_class):
            return None
        # An ApplicationWindow gives this name to the item below its header; pop-ups are beside it.
        while (parent := item.parentItem()) is not None:
            item = parent
        return item

    def _children(self, item: Any) -> list[Any]:
        """Return the items in an item that are shown."""
        children = (each for each in item.childItems() if isinstance(each, self._item_class))
        return [each for each in children if each.isVisible() and each.opacity() > 0]

    def _hit(self, item: Any, place: Any, *, bare: bool) -> list[Any]:
        """Return the items from this one to the topmost that is at a place of the window; none is empty."""
        inside = item.contains(item.mapFromScene(place))
        if item.clip() and not inside:
            return []
        children = sorted(self._children(item), key=lambda each: each.z())  # of one z, the last is on top
        for child in reversed(children):
            found = self._hit(child, place, bare=bare)
            if found:
                return [item, *found]
        return [item] if inside and (bare or not _is_bare(item)) else []

    def _whole(self, chain: list[Any]) -> list[Any]:
        """Leave out the parts of a control, except items of the app that can be touched."""
        if len(chain) > 1 and chain[-2].property("background") == chain[-1]:
            chain = chain[:-1]
        for item in chain:
            if any(item.inherits(name) for name in _WHOLE):
                while chain[-1] is not item and not _is_touched(chain[-1]):
                    chain = chain[:-1]
                return chain
        return chain

    def _element(self, item: Any) -> str:
        row = self._row(item)
        name = self._name(item) if row is None else ""
        return element(_kind(item), name, lambda: _number(item) if row is None else row)

    def _name(self, item: Any) -> str:
        """Return an item's objectName, or the id that it has in its file."""
        if item.inherits("QQuickPopupItem"):
            item = item.parent() or item  # the pop-up of the app, which is no item
        name = item.objectName()
        if name:
            return str(name)
        context = self._engine.contextForObject(item)
        return str(context.nameForObject(item)) if context is not None else ""

    def _row(self, item: Any) -> int | None:
        """Return the index of a row in the model of its view; None if it is no row."""
        inner = item.parentItem()
        view = inner.parentItem() if inner is not None else None
        if view is None or not view.inherits("QQuickItemView") or view.property("contentItem") != inner:
            return None
        context = self._engine.contextForObject(item)
        index = context.contextProperty("index") if context is not None else None
        index = item.property("index") if index is None else index
        return int(index) if isinstance(index, int | float) and index >= 0 else None

    # ---- verdicts -----------------------------------------------------------------------------

    def took(self, event: Any, point: Any) -> bool | None:
        """Return whether an item or a handler took the touch that ends; None if that is not known."""
        chain, self._chain = self._chain, []
        if any(_answers_taps(item) for item in chain):
            return True
        grabber = event.exclusiveGrabber(point)
        if grabber is None:
            return False
        if grabber.inherits("QQuickFlickable"):
            return bool(grabber.property("dragging") or grabber.property("moving"))
        if grabber.inherits("QQuickPointerHandler"):
            return True
        # A page or a pop-up keeps touches from the items behind it, and does nothing itself.
        return not any(grabber.inherits(f"QQuick{name}") for name in ("Pane", "PopupItem", "Overlay"))

    # ---- pages --------------------------------------------------------------------------------

    def update(self, window: Any) -> None:
        """Report the page of a window as the screen, if it is another one."""
        name, root = "", self._root(window)
        for page in self._pages(window, root, _DEPTH) if root is not None else ():
            name = self._page_name(page) or name
        if name and name != self._shown:
            self._shown = name
            self._show(name)

    def _pages(self, window: Any, item: Any, depth: int) -> Iterator[Any]:
        """Yield the pages that are shown, each before those in it, and listen for others."""
        if depth == 0:
            return
        for name, (member, signal) in _CONTAINERS.items():
            if item.inherits(name):
                self._listen(window, item, signal)
                page = item.property(member)
                if page is None or (name == "QQuickLoader" and not _is_large(item, window)):
                    break
                yield page
                yield from self._pages(window, page, depth - 1)
                return
        if item.inherits("QQuickItemView"):
            return
        for child in self._children(item):
            yield from self._pages(window, child, depth - 1)

    def _listen(self, window: Any, container: Any, signal: str) -> None:
        if container.property(_HEARD) is None:
            container.setProperty(_HEARD, True)
            changed = self._core.SIGNAL(signal)
            self._core.QObject.connect(container, changed, lambda: self._changed(window))

    def _changed(self, window: Any) -> None:
        try:
            self.update(window)
        except RuntimeError as error:
            # A container that is taken down with its window has another page, too.
            _log.debug("a page was not reported: %s", error)

    def _page_name(self, page: Any) -> str:
        """Return a page's objectName, title, type where that is the app's, or id: the first there is."""
        kind = page.metaObject().className()
        own_type = _kind(page) if "_QMLTYPE_" in kind and not _is_of_qt(page) else ""
        title = page.property("title")
        title = title if isinstance(title, str) else ""
        return str(page.objectName() or title or own_type or self._name(page))


def _native(item: Any) -> str:
    """Return the nearest type of an item that is Qt's own in C++."""
    kind = item.metaObject()
    while kind is not None and not kind.className().startswith("QQuick"):
        kind = kind.superClass()
    return "" if kind is None else _ADDED.sub("", kind.className())


def _kind(item: Any) -> str:
    name = _ADDED.sub("", item.metaObject().className()).removeprefix("QQuick")
    return "Popup" if name == "PopupItem" else name


def _number(item: Any) -> int | None:
    """Return which of its like an item is in its parent; None if it is alone."""
    parent, kind = item.parentItem(), _kind(item)
    siblings = [] if parent is None else parent.childItems()
    return number_among([each for each in siblings if _kind(each) == kind], item)


def _is_of_qt(item: Any) -> bool:
    """Return whether a type that is written in QML is one of Qt's styles, by the name of its C++ type."""
    return _native(item) == f"QQuick{_kind(item)}"


def _handlers(item: Any) -> list[Any]:
    return [each for each in item.children() if each.inherits("QQuickPointerHandler")]


def _answers_taps(item: Any) -> bool:
    # The other handlers take a touch for themselves while they answer it.
    return any(each.inherits("QQuickTapHandler") and each.property("enabled") for each in _handlers(item))


def _is_area(item: Any) -> bool:
    return bool(item.inherits("QQuickMouseArea") and item.property("enabled"))


def _is_touched(item: Any) -> bool:
    return item.inherits("QQuickAbstractButton") or _is_area(item)


def _is_bare(item: Any) -> bool:
    """Return whether a touch passes through an item to those behind it."""
    kind = _native(item)
    if kind == "QQuickMouseArea":
        return not _is_area(item)
    return kind in _BARE and not _handlers(item)


def _is_inner(item: Any) -> bool:
    """Return whether an item is Qt's own between a control or view and the app's content."""
    kind, parent = _native(item), item.parentItem()
    return bool(
        kind in {"QQuickRootItem", "QQuickContentItem", "QQuickOverlay"}
        or parent is None
        or item.objectName() == "ApplicationWindowContentControl"
        or (kind == "QQuickItem" and parent.inherits("QQuickFlickable"))
        or (parent.inherits("QQuickControl") and parent.property("contentItem") == item)
    )


def _is_large(item: Any, window: Any) -> bool:
    return bool(item.width() * item.height() >= _LOADER_PART * window.width() * window.height())
