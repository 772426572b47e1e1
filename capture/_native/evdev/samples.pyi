from typing import Self, final

@final
class SampleBuffer:
    def __new__(
        cls, x_axis: tuple[float, float, float], y_axis: tuple[float, float, float], swapped: bool
    ) -> Self: ...
    @property
    def count(self) -> int: ...
