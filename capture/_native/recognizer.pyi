from typing import Any, Final

class Gesture:
    def __init__(self, **fields: float) -> None: ...
    # Plain numbers here; capture.Gesture narrows the enums.
    @property
    def kind(self) -> Any: ...
    @property
    def reason(self) -> Any: ...
    @property
    def direction(self) -> Any: ...
    stream: Final[int]
    pointer: Final[int]
    time_down: Final[int]
    time_up: Final[int]
    x_down: Final[float]
    y_down: Final[float]
    x_up: Final[float]
    y_up: Final[float]
    duration: Final[float]
    distance: Final[float]
    velocity: Final[float]
    velocity_x: Final[float]
    velocity_y: Final[float]
    path_length: Final[float]
    width: Final[float]
    height: Final[float]
    sample_count: Final[int]
    first_sample: Final[int]
    last_sample: Final[int]
    tap_count: Final[int]
    rage: Final[bool]
    slop_distance: Final[float]
    drag_distance: Final[float]
    slop_time: Final[float]
    begun: Final[int]
    margin: Final[float]
    @property
    def has_verdict(self) -> bool: ...

class Recognizer:
    def __init__(
        self, gesture_class: type[Gesture], multi_class: type[Any], gestures: Any, *, density: float
    ) -> None: ...
    @property
    def chords(self) -> list[Any]: ...
    def take_chords(self) -> list[Any]: ...
    def set_density(self, stream: int, density: float) -> None: ...
    @property
    def counters(self) -> dict[str, int]: ...
    def down(self, pointer: int, x: float, y: float, time: int, stream: int = 0) -> Any: ...
    def move(self, pointer: int, x: float, y: float, time: int, stream: int = 0) -> None: ...
    def up(self, pointer: int, x: float, y: float, time: int, stream: int = 0) -> Any: ...
    def cancel(self, pointer: int, x: float, y: float, time: int, stream: int = 0) -> Any: ...
