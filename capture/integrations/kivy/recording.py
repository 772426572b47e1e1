"""Recording a Kivy app's touches to a log of our own, line by line, so that a crash loses nothing."""

from __future__ import annotations

import contextlib
import logging
import time
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from capture.events.privacy import Masks
from capture.gestures.kinds import Action
from capture.integrations.kivy.screenshots import Screenshots
from capture.integrations.kivy.touches import now_ns
from capture.logs import LogInfo

if TYPE_CHECKING:
    import os

    from capture.integrations.kivy.host import KivyHooks
    from capture.integrations.kivy.touches import OpenTouch

__all__ = ["KivyRecording"]

_log = logging.getLogger("capture.kivy")


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
        self._write(
            {
                "stream": 0,
                "pointer": pointer,
                "action": int(action),
                "time": time + self._epoch_ns,
                "x": round(x, 3),
                "y": round(y, 3),
            }
        )

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
