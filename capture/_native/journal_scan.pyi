from typing import TypeAlias

_Buffer: TypeAlias = bytes | bytearray | memoryview

END: int
FULL: int
BAD: int
SHORT: int

def scan(
    data: _Buffer, seed: int, wire: int, seq: int, max_events: int, max_bytes: int, split: bool = False
) -> tuple[list[bytes], list[str], int, int, int, int, int]: ...
def walk(
    data: _Buffer, seed: int, over: bool = False
) -> tuple[list[tuple[int, int, int, int, int, int, int, int, str, int]], int]: ...
