from typing import Self, final

from capture._native.evdev_frames import EventModel

@final
class TextReader:
    def __new__(
        cls, model: EventModel, dialect: int, device: bytes = b"", frame_ns: int = 10000000
    ) -> Self: ...
    muted: bool
    @property
    def model(self) -> EventModel: ...
    @property
    def lines(self) -> int: ...
    @property
    def untimed(self) -> int: ...
    def feed(self, block: bytes, start: int = 0, last: bool = False) -> tuple[int, int]: ...
