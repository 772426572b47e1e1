from collections.abc import Callable
from typing import Any, Self, TypeAlias

_Buffer: TypeAlias = bytes | bytearray | memoryview

WRITTEN: int
REFUSED: int
FAILED: int

def crc32c(data: _Buffer, start: int = 0) -> int: ...
def id_bytes(event_id: str | bytes) -> bytes: ...
def use_crc_table(table: bool) -> None: ...

class SegmentWriter:
    descriptor: int
    session: int
    position: int
    limit: int
    synced: int
    frozen: bool
    torn: bool
    error: int

    def __new__(
        cls,
        descriptor: int,
        session: int,
        head: bytes,
        wires: dict[str, int],
        seqs: dict[int, int],
        limit: int,
        *,
        waiting: Any = (),
        make_call: Callable[..., object] | None = None,
        sync: bool = False,
        pwrite: Callable[[int, bytes, int], int] | None = None,
    ) -> Self: ...
    @property
    def last_seqs(self) -> dict[int, int]: ...
    def append(
        self,
        session: int,
        rows: list[Any],
        elapsed_ms: int = -1,
        screens: int = 0,
        boot_ms: int = 0,
        waited: bool = False,
    ) -> int: ...
    def retry(self) -> bool: ...
    def fdatasync(self) -> bool: ...
    def end(self) -> bool: ...
