from collections.abc import Callable

class GestureEncoder:
    event_id: bytes

    def __init__(self, entropy: Callable[[int], bytes] = ...) -> None: ...
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
