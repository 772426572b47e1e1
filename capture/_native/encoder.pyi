from collections.abc import Callable
from typing import Self

class GestureEncoder:
    event_id: bytes

    def __new__(cls, entropy: Callable[[int], bytes] = ...) -> Self: ...
    def encode(
        self,
        kind: int,
        uptime_ms: int,
        time_ms: int,
        scene: bytes,
        target: bytes,
        last: bytes,
        moves: bool = False,
        direction: int = 0,
        distance: float = 0.0,
        velocity: float = 0.0,
    ) -> bytes: ...
