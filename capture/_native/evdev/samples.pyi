from typing import final

@final
class SampleBuffer:
    @property
    def count(self) -> int: ...
