from typing_extensions import Buffer

from capture._native.output import GestureColumns
from capture._native.recognizer import Recognizer

def count_downs(samples_action: Buffer) -> int: ...
def feed(
    recognizer: Recognizer,
    out: GestureColumns,
    stream: Buffer | None,
    pointer: Buffer | None,
    action: Buffer,
    time: Buffer,
    x: Buffer,
    y: Buffer,
    *,
    wide: bool = True,
) -> None: ...
def feed_share(
    recognizer: Recognizer,
    out: GestureColumns,
    stream: Buffer,
    pointer: Buffer | None,
    action: Buffer,
    time: Buffer,
    x: Buffer,
    y: Buffer,
    *,
    share: int,
    shares: int,
) -> None: ...
def finish(recognizer: Recognizer, out: GestureColumns) -> None: ...
