"""``[gestures]``: the dialect and the thresholds of the recogniser, each with its default, unit and range."""

from __future__ import annotations

import functools
from typing import Annotated, Any, ClassVar, Literal, Self

import msgspec
from msgspec import Meta

from capture.errors import ConfigError
from capture.gestures import dialects
from capture.settings import FROM_ROW, INFINITE, Section, check, hints, nearest

__all__ = ["GestureConfig"]

Dp = Annotated[float, Meta(ge=0, le=100_000, description="dp", extra=INFINITE)]
DpPerS = Annotated[float, Meta(ge=0, le=1_000_000, description="dp/s", extra=INFINITE)]
Milliseconds = Annotated[float, Meta(ge=0, le=86_400_000, description="ms", extra=INFINITE)]
Number = Annotated[float, Meta(ge=0, le=1_000_000, extra=INFINITE)]
Fingers = Annotated[float, Meta(ge=1, le=1000, extra=INFINITE)]

#: Keys of a user's own row besides those of the recogniser.
_NOT_IN_ROWS = {"dialect", "dialects", "unknown_responsive", "verdict_columns"}
_LENS = ("slop_metric", "drag_metric", "tap_at", "up_moves")
_MODES = ("pinch", "rotate", "pan")


class GestureConfig(Section, frozen=True, kw_only=True):
    """``[gestures]``: the dialect and the thresholds of the recogniser.

    A dialect is a row of values (`capture.gestures.dialects`): every key that is not set has the value of
    that row. The defaults named here are those of the default row, which is the event format's.
    """

    section: ClassVar[str] = "gestures"

    #: Dialect: rules and thresholds of an engine; a built-in name, or one of `dialects`.
    dialect: str = dialects.DEFAULT
    #: Longest duration of a tap (ms); a longer press is a long press.
    tap_timeout_ms: Milliseconds = FROM_ROW
    #: A tap or a long press moves less than this (dp); raise it if taps on a shaky device are lost.
    touch_slop_dp: Dp = FROM_ROW
    #: A drag or a fling moves more than this (dp).
    drag_distance_dp: Dp = FROM_ROW
    #: A fling is faster than this (dp/s).
    fling_velocity_dp_s: DpPerS = FROM_ROW
    #: Velocity: ``mean``: distance by duration; ``early``: of the first moves; others: at release.
    velocity_strategy: Literal["mean", "lsq2", "impulse", "lsq2_restricted", "ios", "early"] = FROM_ROW
    #: Upper limit of release velocities (dp/s).
    max_fling_velocity_dp_s: Annotated[
        float, Meta(gt=0, le=1_000_000, description="dp/s", extra=INFINITE)
    ] = FROM_ROW
    #: Longest time (ms) between two taps of a run.
    multi_tap_timeout_ms: Milliseconds = FROM_ROW
    #: Largest distance (dp) between two taps of a run.
    multi_tap_slop_dp: Dp = FROM_ROW
    #: Position of the tap that is marked in a rage run: the third by default.
    rage_tap_count: Annotated[int, Meta(ge=2, le=1000)] = FROM_ROW
    #: Longest time (ms) between two taps of a rage run.
    rage_tap_timeout_ms: Milliseconds = FROM_ROW
    #: Largest distance (dp) between two taps of a rage run.
    rage_tap_radius_dp: Dp = FROM_ROW
    #: Value of ``responsive`` in events of taps, if it is unknown whether the target reacts.
    unknown_responsive: bool = True
    #: Whether records have the verdict columns in the default dialect too.
    verdict_columns: bool = False
    #: Shortest duration of a long press (ms); in the default dialect `tap_timeout_ms`, unless set.
    hold_ms: Milliseconds = FROM_ROW
    #: Distance from the DOWN: straight line; of whole px; of rounded positions.
    slop_metric: Literal["euclid", "trunc", "round"] = FROM_ROW
    #: Distance of a drag: as for the slop; the larger axis; one axis only.
    drag_metric: Literal["euclid", "axis", "x", "y"] = FROM_ROW
    #: Position that decides about a tap: the farthest one or the last one.
    tap_at: Literal["farthest", "end"] = FROM_ROW
    #: Whether the position of the UP counts as a movement.
    up_moves: bool = FROM_ROW
    #: Smallest number of recent samples for a velocity.
    min_samples: Annotated[int, Meta(ge=2, le=20)] = FROM_ROW
    #: Gap (ms) between two samples above which the finger counts as resting.
    stop_ms: Milliseconds = FROM_ROW
    #: The same for the gap (ms) before the UP.
    up_stop_ms: Milliseconds = FROM_ROW
    #: How release velocities are limited: each axis, the length, or not at all.
    clamp: Literal["length", "axis", "none"] = FROM_ROW
    #: Duration (ms) of the moves that ``early`` uses.
    early_ms: Milliseconds = FROM_ROW
    #: Value that is compared with `fling_velocity_dp_s`: speed, larger axis, or axis of the drag.
    fling_on: Literal["speed", "axis", "drag_axis"] = FROM_ROW
    #: A fling also moves more than this (dp).
    fling_distance_dp: Dp = FROM_ROW
    #: Range of `fling_distance_dp`: the recent samples, or the stroke.
    fling_over: Literal["window", "stroke"] = FROM_ROW
    #: Movement after a long press: ends it (``whole``), is ignored (``keep``), makes it a drag (``drag``).
    after_hold: Literal["whole", "keep", "drag"] = FROM_ROW
    #: Source of directions: ``box``: displacement, complex by the bounding box; ``travel``: displacement;
    #: ``velocity``: release velocity; ``axis``: axis of the drag.
    direction: Literal["box", "travel", "velocity", "axis"] = FROM_ROW
    #: Direction of an exact diagonal.
    tie: Literal["vertical", "horizontal"] = FROM_ROW
    #: Whether a second finger makes both strokes multi-touch, or only its own.
    second_finger: Literal["void", "ignore"] = FROM_ROW
    #: Shortest time (ms) between two taps of a run.
    multi_tap_min_ms: Milliseconds = FROM_ROW
    #: Start of `multi_tap_timeout_ms`: the UP or the DOWN before, to the next DOWN; or from UP to UP.
    multi_tap_from: Literal["up", "down", "up_up"] = FROM_ROW
    #: Start of `multi_tap_min_ms`: the UP or the DOWN before.
    multi_tap_min_from: Literal["up", "down"] = FROM_ROW
    #: Longest run of taps; 0: unlimited.
    multi_tap_count: Annotated[int, Meta(ge=0, le=1000)] = FROM_ROW
    #: Whether a drag right after a tap continues the count of the run.
    run_drag: bool = FROM_ROW
    #: Whether a stroke right after a tap can be a long press.
    run_hold: bool = FROM_ROW
    #: Limits that a measure exceeds already when it equals them.
    open: tuple[str, ...] = FROM_ROW
    #: Gestures of several fingers: words of ``pinch``, ``rotate``, ``pan``.
    modes: str = FROM_ROW
    #: A pinch or a rotation moves more than this (dp); default: `touch_slop_dp`.
    transform_slop_dp: Dp | None = FROM_ROW
    #: A pinch also changes the scale by more than this.
    pinch_scale: Number = FROM_ROW
    #: A rotation also turns by more than this (degrees).
    rotate_deg: Number = FROM_ROW
    #: Smallest distance (dp) of fingers that pinch.
    min_span_dp: Dp = FROM_ROW
    #: Largest number of fingers in a tap of several fingers; 0: no such taps.
    chord_fingers: Annotated[int, Meta(ge=0, le=1000)] = FROM_ROW
    #: Longest time (ms) from the last DOWN to the first UP of such a tap.
    chord_timeout_ms: Milliseconds = FROM_ROW
    #: Largest distance (dp) of the DOWNs of such a tap from the first one.
    chord_separation_dp: Dp = FROM_ROW
    #: Smallest velocity (dp/s) of a swipe of several fingers.
    swipe_velocity_dp_s: DpPerS = FROM_ROW
    #: Smallest ratio of its larger component to the smaller one.
    swipe_ratio: Number = FROM_ROW
    #: Number of fingers from which there is no touch slop.
    free_fingers: Fingers = FROM_ROW
    #: Longest time (ms) between samples of several fingers in one frame.
    frame_ms: Milliseconds = FROM_ROW
    #: Your dialects: a table for each name, with `base` (a dialect) and the keys that differ from it.
    dialects: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - a struct: each gets its own

    def __post_init__(self) -> None:
        kinds = hints(type(self))
        for key in ("dialect", "dialects"):
            self._set(key, check(f"gestures.{key}", getattr(self, key), kinds[key]))
        own = {name: _checked_row(name, row, kinds) for name, row in self.dialects.items()}
        for name in own:
            _check_ways(f"gestures.dialects.{name}", dialects.row_of(name, own))
        row = dialects.row_of(self.dialect, own)
        if _follows(self.hold_ms):
            self._set("hold_ms", FROM_ROW)
        for key, kind in kinds.items():
            value = getattr(self, key)
            if value is FROM_ROW:
                self._set(key, row[key] if key in row else _following(self.tap_timeout_ms))
            elif key not in {"dialect", "dialects"}:
                self._set(key, check(f"gestures.{key}", value, kind))
        _check_words("gestures", self.open, self.modes)
        _check_ways("gestures", msgspec.structs.asdict(self))

    def changed(self, **keys: Any) -> Self:
        """Return this configuration with some keys changed.

        Keys that have the value of their dialect's row follow the dialect where ``dialect`` is changed.

        Raises
        ------
        ConfigError
            As on construction.
        """
        row = type(self)(dialect=self.dialect, dialects=self.dialects)
        kept = {"dialect", "dialects"}
        if "dialect" not in keys and _follows(row.hold_ms) and not _follows(self.hold_ms):
            kept.add("hold_ms")  # Set to what it would be: it must not follow another timeout.
        own = {
            key: value
            for key in self.__struct_fields__
            if (value := getattr(self, key)) != getattr(row, key) or key in kept
        }
        return type(self)(**{**own, **keys})

    def __reduce__(self) -> tuple[Any, ...]:
        # A `hold_ms` that follows `tap_timeout_ms` does so in another process too.
        keys = msgspec.structs.asdict(self)
        if _follows(self.hold_ms):
            del keys["hold_ms"]
        return functools.partial(type(self), **keys), ()

    @property
    def has_default_lens(self) -> bool:
        """Whether ways are measured as in the default dialect: a drag goes farther than a tap there."""
        return _has_default_lens(msgspec.structs.asdict(self))

    @property
    def by_measures(self) -> bool:
        """Whether recorded measures alone decide, as in the default dialect; others look at the samples."""
        from capture._native.sweep import is_plain

        return is_plain(self)

    @property
    def has_default_rule(self) -> bool:
        """Whether the rule is that of the default dialect, with any thresholds."""
        return self.by_measures and set(self.open) == set(dialects.ROWS[dialects.DEFAULT]["open"])

    @property
    def has_verdicts(self) -> bool:
        """Whether records have the verdict columns."""
        return self.verdict_columns or self.dialect != dialects.DEFAULT

    def with_verdicts(self) -> Self:
        """Return this configuration with the verdict columns, unless the measures alone explain a record."""
        return self if self.has_verdicts or self.has_default_rule else self.changed(verdict_columns=True)

    def _set(self, key: str, value: Any) -> None:
        if value is not getattr(self, key):
            msgspec.structs.force_setattr(self, key, value)


#: Values of ``hold_ms`` that follow ``tap_timeout_ms``, each one object of its own: a copy of a configuration
#: with another timeout knows them again.
_FOLLOWING: dict[float, float] = {}


def _following(ms: float) -> float:
    return _FOLLOWING.setdefault(ms, float(repr(ms)))


def _follows(ms: float) -> bool:
    return ms is not FROM_ROW and ms is _FOLLOWING.get(ms)


def _checked_row(name: str, row: dict[str, Any], kinds: dict[str, Any]) -> dict[str, Any]:
    """Return a user's own row with its values checked."""
    path = f"gestures.dialects.{name}"
    if name in dialects.ROWS:
        raise ConfigError(f"{path}: a built-in dialect has this name; choose another, with base = {name!r}")
    known = [key for key in kinds if key not in _NOT_IN_ROWS]
    for key, value in row.items():
        if key == "base":
            check(f"{path}.base", value, str)
            continue
        if key not in known:
            raise ConfigError(f"{path}.{key}: no such key; {nearest(key, ['base', *known])}")
        row = {**row, key: check(f"{path}.{key}", value, kinds[key])}
    _check_words(path, row.get("open", ()), row.get("modes", ""))
    return row


def _has_default_lens(row: dict[str, Any]) -> bool:
    return all(row[key] == dialects.ROWS[dialects.DEFAULT][key] for key in _LENS)


def _check_ways(path: str, row: dict[str, Any]) -> None:
    slop, drag = row["touch_slop_dp"], row["drag_distance_dp"]
    if _has_default_lens(row) and drag < slop:
        raise ConfigError(
            f"{path}.drag_distance_dp = {drag}: expected at least {path}.touch_slop_dp, which is {slop}"
        )


def _check_words(path: str, opened: tuple[str, ...], modes: str) -> None:
    for key, words, known in (("open", opened, dialects.OPENABLE), ("modes", modes.split(), _MODES)):
        for word in words:
            if word not in known:
                raise ConfigError(f"{path}.{key}: {word!r}: expected words of {', '.join(known)}")
