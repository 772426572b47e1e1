from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

_Column: TypeAlias = np.ndarray[Any, Any]

def same_length(lengths: Sequence[int]) -> None: ...

class Measures:
    def __init__(
        self,
        *,
        reason: _Column,
        time_down: _Column,
        time_up: _Column,
        x_down: _Column,
        y_down: _Column,
        x_up: _Column,
        y_up: _Column,
        distance: _Column,
        velocity: _Column,
        width: _Column,
        height: _Column,
        slot: _Column,
        density: _Column,
    ) -> None: ...
    def __len__(self) -> int: ...
    def classify(
        self,
        kind: _Column,
        reason: _Column,
        direction: _Column,
        tap_count: _Column,
        rage: _Column,
        *,
        tap_timeout_ns: int,
        touch_slop: float,
        drag_distance: float,
        fling_velocity: float,
        multi_tap_timeout_ns: int,
        multi_tap_slop: float,
        rage_tap_count: int,
        rage_tap_timeout_ns: int,
        rage_tap_radius: float,
        strategy: int = 0,
        max_fling_velocity: float = 0.0,
    ) -> None: ...
