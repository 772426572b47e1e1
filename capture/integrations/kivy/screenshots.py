"""Pictures of screens for a recording: taken when a screen has come to rest, masked widgets blacked out."""

from __future__ import annotations

import re
import struct
import zlib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from capture.integrations.kivy.targets import corners, is_masked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from capture.integrations.kivy.host import KivyHooks

__all__ = ["Screenshots", "png"]

#: Frames to wait for a transition to end, at most.
_PATIENCE = 600


class Screenshots:
    """Takes a picture after each screen change.

    Parameters
    ----------
    host : KivyHooks
    log : Path
        Pictures are put beside it, under its name.
    on_taken : callable
        Called with the path of each picture.
    """

    def __init__(self, host: KivyHooks, log: Path, on_taken: Callable[[Path], None]) -> None:
        self._host = host
        self._log = log
        self._on_taken = on_taken
        self._count = 0
        self._waited = 0
        self._window: Any = None
        self._flip = host.guard(self._on_flip)

    def take(self) -> None:
        """Request a screenshot of the next screen, made once its transition has ended."""
        window = self._host.window
        if self._window is None and window is not None:
            self._window, self._waited = window, 0
            window.fbind("on_flip", self._flip)
            window.canvas.ask_update()

    def stop(self) -> None:
        """Stop taking pictures."""
        if self._window is not None:
            self._window.funbind("on_flip", self._flip)
            self._window = None

    def _on_flip(self, *_: Any) -> None:
        # Bound functions run before the buffers are swapped: the drawn frame can still be read.
        self._waited += 1
        moving = any(_is_moving(widget) for child in self._window.children for widget in child.walk())
        if self._waited < 2 or (moving and self._waited < _PATIENCE):
            self._window.canvas.ask_update()
            return
        window = self._window
        self.stop()
        if not self._host.capture.is_recording:  # consent may have been withdrawn since
            return
        self._count += 1
        current = self._host.screens.current
        name = re.sub(r"[^\w-]+", "_", current[0]) if current is not None else ""
        stem = self._log.name.removesuffix(".jsonl").removesuffix(".touch")
        file = self._log.with_name(f"{stem}-{self._count:04}-{name}.png")
        file.write_bytes(_picture(window))
        self._on_taken(file)


def _picture(window: Any) -> bytes:
    opengl = import_module("kivy.graphics.opengl")
    width, height = (int(side) for side in window.system_size)
    pixels = bytearray(opengl.glReadPixels(0, 0, width, height, opengl.GL_RGB, opengl.GL_UNSIGNED_BYTE))
    for left, bottom, right, top in _masked(window, width, height):
        black = bytes(3 * (right - left))
        for row in range(bottom, top):
            start = 3 * (row * width + left)
            pixels[start : start + len(black)] = black
    return png(pixels, width, height)


def _masked(window: Any, width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the px boxes (left, bottom, right, top) of masked widgets, as the buffer has them."""
    for child in window.children:
        for widget in child.walk():
            if is_masked(widget):
                if window.rotation:
                    # Rare, and a wrong place would show secrets.
                    yield 0, 0, width, height
                    return
                x1, y1, x2, y2 = corners(widget)
                left, right = sorted((_within(x1, width), _within(x2 + 1, width)))
                bottom, top = sorted((_within(y1, height), _within(y2 + 1, height)))
                yield left, bottom, right, top


def _within(value: float, limit: int) -> int:
    return max(0, min(limit, int(value)))


def _is_moving(widget: Any) -> bool:
    transition = getattr(widget, "transition", None)
    return bool(getattr(transition, "is_active", False))


def png(pixels: bytes | bytearray, width: int, height: int) -> bytes:
    """Return RGB pixels, the lowest row first, as a PNG."""
    row = 3 * width
    lines = b"".join(b"\0" + pixels[start : start + row] for start in range(row * (height - 1), -1, -row))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(lines, 1)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
