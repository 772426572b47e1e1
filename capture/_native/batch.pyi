from typing import Any

from capture._native.chords import MultiColumns
from capture._native.output import GestureColumns
from capture._native.recognizer import Recognizer

KERNELS: tuple[str, ...]

def feed(
    recognizer: Recognizer,
    out: GestureColumns,
    samples: Any,
    *,
    kernel: int = 0,
    share: int = 0,
    shares: int = 1,
    multi: MultiColumns | None = None,
) -> None: ...
def finish(recognizer: Recognizer, out: GestureColumns, multi: MultiColumns | None = None) -> None: ...
