"""Recording a Kivy app's touches to a log of our own, line by line, so that a crash loses nothing.

Pictures of screens are taken when a screen has come to rest, masked widgets blacked out.
"""

from __future__ import annotations

import contextlib
import logging
import re
import struct
import time
import zlib
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from capture.events.privacy import Masks
from capture.gestures.kinds import Action
from capture.integrations.kivy.targets import corners, is_masked
from capture.integrations.kivy.touches import now_ns
from capture.logs import LogInfo

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from capture.integrations.kivy.host import KivyHooks
    from capture.integrations.kivy.touches import OpenTouch

__all__ = ["KivyRecording"]

_log = logging.getLogger("capture.kivy")
#: Frames to wait for a transition to end, at most.
_PATIENCE = 600


class KivyRecording:
    """A running recording; a listener of strokes.

    The file is created when the first sample is recorded, which needs the user's consent as events do. Each
    line reaches the operating system as it happens. Times are ns since the epoch.

    Parameters
    ----------
    host : KivyHooks
    path : path-like
        The log: ``NAME.touch.jsonl``.
    screenshots : bool
        Whether a picture of each new screen is put beside the log, masked widgets blacked out.
    """

    def __init__(self, host: KivyHooks, path: str | os.PathLike[str], *, screenshots: bool = False) -> None:
        self.path = Path(path)
        self._host = host
        self._capture = host.capture
        self._file: IO[bytes] | None = None
        self._epoch_ns = time.time_ns() - now_ns()
        self._pointers: set[int] = set()
        # Hidden ids are always left out, also where the configuration hashes them: a log has no salt.
        self._masks = Masks(msgspec.structs.replace(self._capture.config.privacy, hide_with="drop"), "")
        self._stopped = False
        self._screenshots = Screenshots(host, self.path, self._shown_picture) if screenshots else None
        host.strokes.listeners.append(self)
        host.screens.on_shown.append(self._shown)
        if host.screens.current is not None:
            self._shown()

    def stop(self) -> None:
        """End the recording; may be called again."""
        self._stopped = True
        with contextlib.suppress(ValueError):
            self._host.strokes.listeners.remove(self)
        with contextlib.suppress(ValueError):
            self._host.screens.on_shown.remove(self._shown)
        if self._screenshots is not None:
            self._screenshots.stop()
        if self._file is not None:
            self._file.close()
            self._file = None

    def down(self, stroke: OpenTouch) -> None:
        """Record a DOWN and its target."""
        if not self._capture.is_recording:
            return
        self._pointers.add(stroke.pointer)
        target = self._masks.target(stroke.target)
        bounds = self._host.bounds_at(stroke.x, stroke.y)
        box = {} if bounds is None else {"bounds": [round(each, 3) for each in bounds]}
        self._mark("target", stroke.time, pointer=stroke.pointer, path=target.path, id=target.id, **box)
        self._sample(stroke.pointer, Action.DOWN, stroke.time, stroke.x, stroke.y)

    def move(self, stroke: OpenTouch, x: float, y: float, time: int) -> None:
        """Record a MOVE."""
        if stroke.pointer in self._pointers:
            self._sample(stroke.pointer, Action.MOVE, time, x, y)

    def up(self, stroke: OpenTouch, x: float, y: float, time: int) -> None:
        """Record an UP, and the facts about the target since its DOWN."""
        if stroke.pointer in self._pointers:
            self._pointers.discard(stroke.pointer)
            self._mark("verdict", time, pointer=stroke.pointer, responsive=stroke.responsive)
            self._sample(stroke.pointer, Action.UP, time, x, y)

    def cancel(self, stroke: OpenTouch, time: int) -> None:
        """Record that a stroke ended without an UP."""
        if stroke.pointer in self._pointers:
            self._pointers.discard(stroke.pointer)
            self._sample(stroke.pointer, Action.CANCEL, time, stroke.x, stroke.y)

    def _shown(self) -> None:
        current = self._host.screens.current
        if current is None or not self._capture.is_recording:
            return
        name, around = current
        title = self._masks.title(name)
        if title:
            path = self._masks.path(around)
            self._mark("screen", now_ns(), name=title, **({"path": path} if path else {}))
        if self._screenshots is not None:
            self._screenshots.take()

    def _shown_picture(self, file: Path) -> None:
        self._mark("screenshot", now_ns(), file=file.name)

    def _mark(self, kind: str, time: int, **fields: Any) -> None:
        self._write({"mark": kind, "time": time + self._epoch_ns, "stream": 0, **fields})

    def _sample(self, pointer: int, action: Action, time: int, x: float, y: float) -> None:
        place = {"x": round(x, 3), "y": round(y, 3)}
        finger = {"stream": 0, "pointer": pointer, "action": int(action)}
        self._write({**finger, "time": time + self._epoch_ns, **place})

    def _write(self, row: dict[str, Any]) -> None:
        if self._stopped:
            return
        try:
            if self._file is None:
                # Without a buffer: written lines survive a kill of the process.
                self._file = self.path.open("wb", buffering=0)
                self._file.write(msgspec.json.encode({"info": self._info(row["time"])}) + b"\n")
            self._file.write(msgspec.json.encode(row) + b"\n")
        except OSError as error:
            _log.error("%s cannot be written, the recording ends: %s", self.path, error)
            self.stop()

    def _info(self, time: int) -> LogInfo:
        window = self._host.window
        width, height = (None, None) if window is None else (round(side) for side in window.size)
        return LogInfo(
            format="jsonl",
            width=width,
            height=height,
            density=self._host.strokes.density,
            start_ms=time // 1_000_000,
            device=f"Kivy {import_module('kivy').__version__}",
        )


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
