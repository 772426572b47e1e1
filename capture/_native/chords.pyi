from typing import Any, Final, TypeVar, final

from typing_extensions import Buffer

_T = TypeVar("_T")

LAYOUT: tuple[tuple[str, str], ...]

class MultiGesture:
    def __init__(self, **fields: float) -> None: ...
    # Plain numbers here; capture.MultiGesture narrows the enums.
    @property
    def kind(self) -> Any: ...
    @property
    def reason(self) -> Any: ...
    @property
    def direction(self) -> Any: ...
    @property
    def modes(self) -> Any: ...
    stream: Final[int]
    fingers: Final[int]
    pointer_a: Final[int]
    pointer_b: Final[int]
    time_down: Final[int]
    time_join: Final[int]
    time_lift: Final[int]
    time_up: Final[int]
    x_down: Final[float]
    y_down: Final[float]
    x_up: Final[float]
    y_up: Final[float]
    duration: Final[float]
    scale: Final[float]
    rotation: Final[float]
    span_down: Final[float]
    span_up: Final[float]
    shift_x: Final[float]
    shift_y: Final[float]
    spread: Final[float]
    arc: Final[float]
    shift: Final[float]
    velocity: Final[float]
    velocity_x: Final[float]
    velocity_y: Final[float]
    first_sample: Final[int]
    last_sample: Final[int]
    margin: Final[float]

@final
class MultiColumn(Buffer):
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

@final
class MultiColumns:
    def __init__(self) -> None: ...
    def __len__(self) -> int: ...
    def column(self, name: str) -> MultiColumn: ...
    def record(self, index: int, multi_class: type[Any]) -> Any: ...
    def extend(self, other: MultiColumns) -> None: ...
    def sort(self, *, by_first: bool = False) -> None: ...

def take_ended(recognizer: Any, multi_class: type[_T]) -> list[_T]: ...
