"""``[gestures]``: the dialect and the thresholds of the recogniser, each with its default, unit and range."""

from __future__ import annotations

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

#: What a user's own row has besides keys of the recogniser.
_NOT_IN_ROWS = {"dialect", "dialects", "unknown_responsive", "verdict_columns"}
_MODES = ("pinch", "rotate", "pan")


class GestureConfig(Section, frozen=True, kw_only=True):
    """``[gestures]``: the dialect and the thresholds of the recogniser.

    A dialect is a row of values (`capture.gestures.dialects`): every key that is not set has the value of
    that row. The defaults named here are those of the default row, which is the event format's.
    """

    section: ClassVar[str] = "gestures"

    #: Whose rules are used: a name of the table of dialects, or a row of `dialects`.
    dialect: str = dialects.DEFAULT
    #: A tap lasts at most this long (ms).
    tap_timeout_ms: Milliseconds = FROM_ROW
    #: A tap or a long press stays under this distance (dp).
    touch_slop_dp: Dp = FROM_ROW
    #: A drag or a fling goes farther than this (dp).
    drag_distance_dp: Dp = FROM_ROW
    #: A fling is faster than this (dp/s).
    fling_velocity_dp_s: DpPerS = FROM_ROW
    #: ``mean``: distance over duration; ``early``: of the first moves; the others: velocity at release.
    velocity_strategy: Literal["mean", "lsq2", "impulse", "lsq2_restricted", "ios", "early"] = FROM_ROW
    #: Release velocities are clamped to this (dp/s).
    max_fling_velocity_dp_s: Annotated[
        float, Meta(gt=0, le=1_000_000, description="dp/s", extra=INFINITE)
    ] = FROM_ROW
    #: A tap this soon (ms) after the previous one continues a run.
    multi_tap_timeout_ms: Milliseconds = FROM_ROW
    #: A tap this near (dp) to the previous one continues a run.
    multi_tap_slop_dp: Dp = FROM_ROW
    #: The tap of a rage run that is marked.
    rage_tap_count: Annotated[int, Meta(ge=2, le=1000)] = FROM_ROW
    #: A tap this soon (ms) after the previous one continues a rage run.
    rage_tap_timeout_ms: Milliseconds = FROM_ROW
    #: A tap this near (dp) to the previous one continues a rage run.
    rage_tap_radius_dp: Dp = FROM_ROW
    #: What a tap's event says where the target's responsiveness is unknown.
    unknown_responsive: bool = True
    #: Records have the verdict columns in the default dialect too.
    verdict_columns: bool = False
    #: A long press lasts this long (ms); in the default dialect `tap_timeout_ms` unless set.
    hold_ms: Milliseconds = FROM_ROW
    #: How the way from the DOWN is measured: straight line; of whole px; of rounded places.
    slop_metric: Literal["euclid", "trunc", "round"] = FROM_ROW
    #: How it is for a drag: as for the slop; the larger axis; one axis only.
    drag_metric: Literal["euclid", "axis", "x", "y"] = FROM_ROW
    #: Whether a tap is judged by the farthest place or by the last one.
    tap_at: Literal["farthest", "end"] = FROM_ROW
    #: Whether the place of the UP counts as a movement.
    up_moves: bool = FROM_ROW
    #: A velocity needs this many recent samples.
    min_samples: Annotated[int, Meta(ge=2, le=20)] = FROM_ROW
    #: A longer gap (ms) between two samples means that the finger rested.
    stop_ms: Milliseconds = FROM_ROW
    #: So does a longer gap (ms) before the UP.
    up_stop_ms: Milliseconds = FROM_ROW
    #: How a release velocity is clamped: each axis, the length, or not.
    clamp: Literal["length", "axis", "none"] = FROM_ROW
    #: ``early`` reads the moves before this time (ms).
    early_ms: Milliseconds = FROM_ROW
    #: What is compared with `fling_velocity_dp_s`: the speed, the larger axis, the axis of the drag.
    fling_on: Literal["speed", "axis", "drag_axis"] = FROM_ROW
    #: A fling goes farther than this (dp), too.
    fling_distance_dp: Dp = FROM_ROW
    #: Where: over the recent samples, or over the stroke.
    fling_over: Literal["window", "stroke"] = FROM_ROW
    #: After a hold: a movement anywhere undoes it; it keeps the stroke; a drag replaces it.
    after_hold: Literal["whole", "keep", "drag"] = FROM_ROW
    #: Where directions come from.
    direction: Literal["box", "travel", "velocity", "axis"] = FROM_ROW
    #: The direction of an exact diagonal.
    tie: Literal["vertical", "horizontal"] = FROM_ROW
    #: Whether a second finger makes both strokes multi-touch, or only its own.
    second_finger: Literal["void", "ignore"] = FROM_ROW
    #: A tap this soon (ms) after the previous one does not continue a run.
    multi_tap_min_ms: Milliseconds = FROM_ROW
    #: What `multi_tap_timeout_ms` counts from, and to: DOWN, or UP to UP.
    multi_tap_from: Literal["up", "down", "up_up"] = FROM_ROW
    #: What `multi_tap_min_ms` counts from.
    multi_tap_min_from: Literal["up", "down"] = FROM_ROW
    #: The longest run of taps; 0: any.
    multi_tap_count: Annotated[int, Meta(ge=0, le=1000)] = FROM_ROW
    #: Whether a drag that continues a run of taps has its count.
    run_drag: bool = FROM_ROW
    #: Whether a stroke that continues a run of taps can be a long press.
    run_hold: bool = FROM_ROW
    #: Limits that a measure is beyond when it equals them.
    open: tuple[str, ...] = FROM_ROW
    #: What several fingers can do: ``pinch``, ``rotate``, ``pan``.
    modes: str = FROM_ROW
    #: A pinch or a rotation goes farther than this (dp); default: `touch_slop_dp`.
    transform_slop_dp: Dp | None = FROM_ROW
    #: A pinch changes the scale by more than this, too.
    pinch_scale: Number = FROM_ROW
    #: A rotation turns by more than this (degrees), too.
    rotate_deg: Number = FROM_ROW
    #: Fingers nearer to each other (dp) do not pinch.
    min_span_dp: Dp = FROM_ROW
    #: The most fingers of a tap of several; 0: none.
    chord_fingers: Annotated[int, Meta(ge=0, le=1000)] = FROM_ROW
    #: The first of them lifts at most this long (ms) after the last came down.
    chord_timeout_ms: Milliseconds = FROM_ROW
    #: They come down nearer to the first one than this (dp).
    chord_separation_dp: Dp = FROM_ROW
    #: A swipe of several fingers is this fast (dp/s).
    swipe_velocity_dp_s: DpPerS = FROM_ROW
    #: Its larger component is so many times the smaller.
    swipe_ratio: Number = FROM_ROW
    #: So many fingers have no touch slop.
    free_fingers: Fingers = FROM_ROW
    #: Samples of several fingers this close (ms) are one frame.
    frame_ms: Milliseconds = FROM_ROW
    #: Own dialects: name, then `base` (a dialect) and the keys that differ from it.
    dialects: dict[str, dict[str, Any]] = {}  # noqa: RUF012 - a struct: each gets its own

    def __post_init__(self) -> None:
        kinds = hints(type(self))
        for key in ("dialect", "dialects"):
            self._set(key, check(f"gestures.{key}", getattr(self, key), kinds[key]))
        own = {name: _checked_row(name, row, kinds) for name, row in self.dialects.items()}
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
        if self.has_default_lens and self.drag_distance_dp < self.touch_slop_dp:
            raise ConfigError(
                f"gestures.drag_distance_dp = {self.drag_distance_dp}: expected at least "
                f"gestures.touch_slop_dp, which is {self.touch_slop_dp}"
            )

    def changed(self, **keys: Any) -> Self:
        """Return this configuration with some keys changed.

        Keys that have the value of their dialect's row follow the dialect where ``dialect`` is changed.

        Raises
        ------
        ConfigError
            As on construction.
        """
        row = type(self)(dialect=self.dialect, dialects=self.dialects)
        own = {
            key: value
            for key in self.__struct_fields__
            if (value := getattr(self, key)) != getattr(row, key) or key in {"dialect", "dialects"}
        }
        return type(self)(**{**own, **keys})

    @property
    def has_default_lens(self) -> bool:
        """Whether ways are measured as in the default dialect: a drag goes farther than a tap there."""
        lens = self.slop_metric, self.drag_metric, self.tap_at, self.up_moves
        return lens == ("euclid", "euclid", "farthest", True)

    @property
    def by_measures(self) -> bool:
        """Whether recorded measures alone decide, as in the default dialect; others look at the samples."""
        from capture._native.sweep import is_plain

        return is_plain(self)

    @property
    def has_default_rule(self) -> bool:
        """Whether the rule is that of the default dialect, whatever its thresholds."""
        return self.by_measures and set(self.open) == set(dialects.ROWS[dialects.DEFAULT]["open"])

    @property
    def has_verdicts(self) -> bool:
        """Whether records have the verdict columns."""
        return self.verdict_columns or self.dialect != dialects.DEFAULT

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


def _check_words(path: str, opened: tuple[str, ...], modes: str) -> None:
    for key, words, known in (("open", opened, dialects.OPENABLE), ("modes", modes.split(), _MODES)):
        for word in words:
            if word not in known:
                raise ConfigError(f"{path}.{key}: {word!r}: expected words of {', '.join(known)}")
