from typing import Self, final

from capture._native.evdev.samples import SampleBuffer

@final
class Contacts:
    def __new__(cls, samples: SampleBuffer) -> Self: ...
