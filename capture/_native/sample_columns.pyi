from typing import Any, Self, final

from typing_extensions import Buffer

@final
class Samples:
    def __new__(cls, samples: Any) -> Self: ...

def count_downs(samples_action: Buffer) -> int: ...
