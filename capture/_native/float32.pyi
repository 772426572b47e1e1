from collections.abc import Callable
from typing import Any

from capture._native.recognizer import Gesture

def shortest(value: float) -> float: ...
def shortest_fields(gesture: Gesture, slow: Callable[[float], Any]) -> list[Any]: ...
