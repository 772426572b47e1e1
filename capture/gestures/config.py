"""``[gestures]``: the thresholds of the recogniser, each with its default, unit and range."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from capture.errors import ConfigError
from capture.settings import Section

__all__ = ["GestureConfig"]

Dp = Annotated[float, Meta(ge=0, le=100_000, description="dp")]
Milliseconds = Annotated[float, Meta(ge=0, le=86_400_000, description="ms")]


class GestureConfig(Section, frozen=True, kw_only=True):
    """``[gestures]``: the thresholds of the recogniser.

    The first four numbers are the event format's; the rest are this project's, with the values that
    Android's recognisers made customary.
    """

    section: ClassVar[str] = "gestures"

    #: A tap lasts at most this long (ms); a longer stroke is a long press.
    tap_timeout_ms: Milliseconds = 500.0
    #: A tap or a long press stays under this distance (dp).
    touch_slop_dp: Dp = 24.0
    #: A drag or a fling goes farther than this (dp).
    drag_distance_dp: Dp = 48.0
    #: A fling is faster than this (dp/s).
    fling_velocity_dp_s: Annotated[float, Meta(ge=0, le=1_000_000, description="dp/s")] = 100.0
    #: ``mean``: distance over duration; ``lsq2`` and ``impulse``: velocity at release.
    velocity_strategy: Literal["mean", "lsq2", "impulse"] = "mean"
    #: Release velocities are clamped to this length (dp/s).
    max_fling_velocity_dp_s: Annotated[float, Meta(gt=0, le=1_000_000, description="dp/s")] = 8000.0
    #: A tap this soon (ms) after the previous one continues a run.
    multi_tap_timeout_ms: Milliseconds = 300.0
    #: A tap this near (dp) to the previous one continues a run.
    multi_tap_slop_dp: Dp = 100.0
    #: The tap of a rage run that is marked.
    rage_tap_count: Annotated[int, Meta(ge=2, le=1000)] = 3
    #: A tap this soon (ms) after the previous one continues a rage run.
    rage_tap_timeout_ms: Milliseconds = 1000.0
    #: A tap this near (dp) to the previous one continues a rage run.
    rage_tap_radius_dp: Dp = 30.0
    #: What a tap's event says where the target's responsiveness is unknown.
    unknown_responsive: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.drag_distance_dp < self.touch_slop_dp:
            raise ConfigError(
                f"gestures.drag_distance_dp = {self.drag_distance_dp}: expected at least "
                f"gestures.touch_slop_dp, which is {self.touch_slop_dp}"
            )
