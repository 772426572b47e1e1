from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from capture._native.output import GestureColumns

_Column: TypeAlias = np.ndarray[Any, Any]

def same_length(lengths: Sequence[int]) -> None: ...
def is_plain(gestures: Any) -> bool: ...

class Measures:
    def __init__(self, tables: list[GestureColumns], slot: _Column, density: _Column) -> None: ...
    def __len__(self) -> int: ...
    def classify(
        self,
        gestures: Any,
        kind: _Column,
        reason: _Column,
        direction: _Column,
        tap_count: _Column,
        rage: _Column,
    ) -> None: ...
