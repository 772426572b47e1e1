"""The domain events, with full names: one struct each, all with the common section.

Wire formats turn these into bytes; nothing here knows a wire key. The functions at the end build the
parts that every event shares: the version origin, the URL of a screen, a gesture's event.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, unquote

import msgspec

from capture import __version__
from capture.gestures.kinds import KINDS, Direction, GestureKind, Kind, kind_of
from capture.gestures.recognizer import direction_number, kind_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from capture.events.config import ProjectConfig
    from capture.events.targets import Target
    from capture.gestures.recognizer import Gesture

__all__ = [
    "GESTURE_EVENTS",
    "HIDDEN_MOVEMENT",
    "SDK_TYPE",
    "SDK_VERSION",
    "AppHide",
    "AppShow",
    "AppStart",
    "CommonSection",
    "CustomEvent",
    "Drag",
    "Event",
    "Fling",
    "InstallAttribution",
    "Location",
    "LongPress",
    "NumberVariable",
    "Purchase",
    "Scene",
    "ScreenView",
    "StringVariable",
    "Tap",
    "Transaction",
    "VersionOrigin",
    "event_int",
    "gesture_event",
    "movement_of",
    "screen_of",
    "screen_url",
    "version_origin",
]

#: Version of this package, as events carry it.
SDK_VERSION = __version__
SDK_TYPE = "SDK-python"

_INT32_MAX = 2**31 - 1
#: Direction, distance and velocity that are sent of a movement on a hidden target: a lock pattern is not.
HIDDEN_MOVEMENT = (int(Direction.COMPLEX_PATTERN), 0, 0)


class VersionOrigin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which versions made an event."""

    sdk_version: str = msgspec.field(name="sv")
    #: major * 10000 + minor * 100 + patch.
    sdk_build: int = msgspec.field(name="sb")
    app_version: str = msgspec.field(name="av")
    app_flavor: str = msgspec.field(name="af")
    app_build: int = msgspec.field(name="ab")


class CommonSection(msgspec.Struct, frozen=True, gc=False):
    """Common fields of every event, as they were when it occurred.

    Attributes
    ----------
    uptime_ms : int
        System uptime.
    event_id : str
        Unique; a receiver can deduplicate by it.
    url : str
        Names the screen; `screen_url` builds it.
    screen_count : int
        Screens shown so far in the session, this one included.
    connectivity : int
        -1 offline, 0 unknown, 1 wifi or wired, 2 2g, 3 3g, 4 4g and newer.
    carrier_id : str or None
        On a mobile network only.
    orientation : int
        0 portrait, 1 landscape.
    version_origin : VersionOrigin
    session_number : int
        From 1, in order.
    time_ms : int
        Wall clock, ms since the epoch; a gesture's is its UP.
    """

    uptime_ms: int
    event_id: str
    url: str
    screen_count: int
    connectivity: int
    carrier_id: str | None
    orientation: int
    version_origin: VersionOrigin
    session_number: int
    time_ms: int


class Scene(msgspec.Struct, frozen=True, gc=False):
    """Shared fields of the common sections of neighbouring events; fields as there.

    A touch belongs to the scene of its DOWN. One object serves all events until something in it changes.
    """

    url: str
    screen_count: int
    connectivity: int
    carrier_id: str | None
    orientation: int
    version_origin: VersionOrigin
    session_number: int

    def common(self, uptime_ms: int, event_id: str, time_ms: int) -> CommonSection:
        """Return the common section of an event; parameters as there."""
        return CommonSection(
            uptime_ms,
            event_id,
            self.url,
            self.screen_count,
            self.connectivity,
            self.carrier_id,
            self.orientation,
            self.version_origin,
            self.session_number,
            time_ms,
        )


class AppStart(msgspec.Struct, frozen=True, gc=False):
    """The first event of a process."""

    common: CommonSection


class AppShow(msgspec.Struct, frozen=True, gc=False):
    """The app came to the foreground."""

    common: CommonSection


class AppHide(msgspec.Struct, frozen=True, gc=False):
    """The app left the foreground; the session is not over."""

    common: CommonSection


class ScreenView(msgspec.Struct, frozen=True, gc=False):
    """A screen was shown; `load_time_ms` is since the last gesture, app start or show of the session."""

    common: CommonSection
    title: str
    load_time_ms: int


class Tap(msgspec.Struct, frozen=True, gc=False):
    """A tap; `responsive` replaces a `target.responsive` of None, unknown."""

    common: CommonSection
    target: Target
    responsive: bool
    gesture: Gesture


class LongPress(msgspec.Struct, frozen=True, gc=False):
    """A press that was held."""

    common: CommonSection
    target: Target
    gesture: Gesture


class Drag(msgspec.Struct, frozen=True, gc=False):
    """A slow movement: `direction` 1 to 5, `distance` in dp and `velocity` in dp/s, rounded.

    On a hidden target they are `HIDDEN_MOVEMENT`.
    """

    common: CommonSection
    target: Target
    direction: int
    distance: int
    velocity: int
    gesture: Gesture


class Fling(msgspec.Struct, frozen=True, gc=False):
    """A fast movement; fields as in `Drag`."""

    common: CommonSection
    target: Target
    direction: int
    distance: int
    velocity: int
    gesture: Gesture


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """A purchase: `currency` is the ISO 4217 number, `currency_code` its letters."""

    common: CommonSection
    value: float
    currency: int
    currency_code: str
    id: str | None = None


class StringVariable(msgspec.Struct, frozen=True, gc=False):
    """A dynamic variable with a text."""

    common: CommonSection
    key: str
    value: str


class NumberVariable(msgspec.Struct, frozen=True, gc=False):
    """A dynamic variable with a whole number."""

    common: CommonSection
    key: str
    value: int


class Purchase(Transaction, frozen=True, gc=True, kw_only=True):
    """A purchase of a product, which the native format has as a transaction."""

    product_id: str
    properties: dict[str, Any] = {}


class CustomEvent(msgspec.Struct, frozen=True):
    """An event of the host's own; the native format has none."""

    common: CommonSection
    name: str
    properties: dict[str, Any] = {}


class Location(msgspec.Struct, frozen=True):
    """Where the device is: degrees, and metres for altitude and accuracies; the native format has none."""

    common: CommonSection
    latitude: float
    longitude: float
    altitude: float | None = None
    horizontal_accuracy: float | None = None
    vertical_accuracy: float | None = None


class InstallAttribution(msgspec.Struct, frozen=True):
    """Where the installation came from; the native format has none."""

    common: CommonSection
    source: str


GestureEvent: TypeAlias = Tap | LongPress | Drag | Fling
Event: TypeAlias = (
    AppStart
    | AppShow
    | AppHide
    | ScreenView
    | GestureEvent
    | Transaction
    | StringVariable
    | NumberVariable
    | CustomEvent
    | Location
    | InstallAttribution
)

#: Gesture kind -> its event: the struct above that has the kind's name.
GESTURE_EVENTS: dict[GestureKind, type[GestureEvent]] = {
    row.kind: globals()[row.name.title().replace("_", "")] for row in KINDS if row.event is not None
}


def version_origin(project: ProjectConfig) -> VersionOrigin:
    """Return the version origin of an app's events."""
    major, minor, patch = (int(part) for part in SDK_VERSION.split("."))
    return VersionOrigin(
        sdk_version=SDK_VERSION,
        sdk_build=major * 10_000 + minor * 100 + patch,
        app_version=project.app_version,
        app_flavor=project.app_flavor,
        app_build=project.app_build,
    )


def screen_url(project: ProjectConfig, title: str = "", path: Iterable[str] = ()) -> str:
    """Return the URL of a screen; every part is percent-encoded, nothing is safe.

    >>> from capture.config import ProjectConfig
    >>> screen_url(ProjectConfig(id=1, app_id="shop"), "Check out", ["cart"])
    'app-and://shop/cart?title=Check%20out'
    """
    parts = "/".join(quote(part, safe="") for part in path)
    return (
        f"{project.url_scheme}://{quote(project.app_id or '', safe='')}/{parts}?title={quote(title, safe='')}"
    )


@lru_cache(maxsize=128)
def screen_of(url: str) -> tuple[str, str]:
    """Return title and path of a screen from its URL; the path as it is there, percent-encoded."""
    address, _, title = url.partition("?title=")
    return unquote(title), address.partition("://")[2].partition("/")[2]


def event_int(value: float) -> int:
    """Round a measure to the whole number that events carry: half up, capped to 2**31 - 1.

    A measure that is no number (an overflowed estimate) is 0.
    """
    if value >= _INT32_MAX:
        return _INT32_MAX
    if value != value:  # noqa: PLR0124 - NaN, without a call
        return 0
    return math.floor(value + 0.5)


def movement_of(gesture: Gesture) -> tuple[int, int, int]:
    """Return direction, distance (dp) and velocity (dp/s) of a movement, as events carry them."""
    return direction_number(gesture), event_int(gesture.distance), event_int(gesture.velocity)


_Builder: TypeAlias = "Callable[[Gesture, CommonSection, Target, bool], GestureEvent]"


def gesture_event(
    gesture: Gesture, common: CommonSection, target: Target, unknown_responsive: bool
) -> GestureEvent | None:
    """Return the event of a recognised gesture, None for any other stroke.

    Parameters
    ----------
    gesture : Gesture
    common : CommonSection
    target : Target
        The view that was under the finger at DOWN.
    unknown_responsive : bool
        Value of ``responsive`` in taps, if it is unknown whether the target reacts.

    Raises
    ------
    ValueError
        When the table of kinds has no such kind.
    """
    build = event_builder(gesture)
    return None if build is None else build(gesture, common, target, unknown_responsive)


def event_builder(gesture: Gesture) -> _Builder | None:
    """Return the maker of a gesture's event, None for any other stroke; see `gesture_event`."""
    number = kind_number(gesture)
    build = _BUILDERS.get(number)
    if build is None:
        kind_of(number)
    return build


def _builder(row: Kind) -> _Builder:
    """Return the function that makes the events of a kind, by the fields that the table gives them."""
    struct: Any = GESTURE_EVENTS[row.kind]
    match row.event:
        case "target" if "responsive" in struct.__struct_fields__:
            return lambda gesture, common, target, unknown_responsive: struct(
                common,
                target,
                unknown_responsive if target.responsive is None else target.responsive,
                gesture,
            )
        case "target":
            return lambda gesture, common, target, _: struct(common, target, gesture)
        case "movement":
            return lambda gesture, common, target, _: struct(
                common, target, *(HIDDEN_MOVEMENT if target.hidden else movement_of(gesture)), gesture
            )
    raise ValueError(f"{row.name}: event = {row.event!r}: no such fields")


_BUILDERS = {int(row.kind): _builder(row) for row in KINDS if row.event is not None}
