"""A touch panel read from ``/dev/input``: a kiosk on a Raspberry Pi, without a toolkit or beside one.

>>> from capture.integrations.evdev import EvdevHost, find_touchscreen
>>> host = EvdevHost(cap, find_touchscreen(), screen=(800, 480))  # doctest: +SKIP
>>> host.run()  # doctest: +SKIP
"""

from __future__ import annotations

import contextlib
import fcntl
import select
import struct
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from capture._native.evdev.frames import EventModel
from capture.errors import CaptureError
from capture.gestures.kinds import Action
from capture.integrations.base import HostBase
from capture.logs.evdev import turned_axes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from capture.engine.capture import Capture
    from capture.events.targets import Target

__all__ = ["EvdevHost", "find_touchscreen"]

_EV_KEY, _EV_REL, _EV_ABS = 1, 2, 3
_BTN_LEFT, _BTN_TOUCH = 0x110, 0x14A
_ABS_X, _ABS_Y, _MT_SLOT, _MT_X, _MT_Y = 0x00, 0x01, 0x2F, 0x35, 0x36
_SINGLE, _TYPE_A, _TYPE_B = 1, 2, 3
#: Request of the kernel: stamp events with this clock.
_EVIOCSCLOCKID = 0x400445A0


def find_touchscreen() -> Any:
    """Return the first input device that reports positions of fingers (an ``evdev.InputDevice``).

    Raises
    ------
    CaptureError
        When there is none, or none may be read: the user must be in the group ``input``.
    """
    evdev = import_module("evdev")
    for path in evdev.list_devices():
        device = evdev.InputDevice(path)
        if _protocol(device):
            return device
        device.close()
    raise CaptureError("no touch screen can be read: is there one, and is the user in the group 'input'?")


class EvdevHost(HostBase):
    """Feeds a touch panel to a capture. It reads beside others: nothing is grabbed.

    Parameters
    ----------
    capture : Capture
    device : evdev.InputDevice or str
        The panel, or its path.
    screen : (int, int)
        Size of the screen in px, as the panel lies: before `rotation`.
    rotation : {0, 90, 180, 270}, optional
        How far the picture is turned clockwise against the panel (degrees), as `--rotate` of the commands;
        default: ``rotate`` in ``[device]``, else 0.
    find_target : callable, optional
        (x, y) in px -> `Target` under the finger at DOWN, or None.

    Raises
    ------
    CaptureError
        When the device reports no positions of fingers.
    ValueError
        When `rotation` is none of the four.
    """

    def __init__(
        self,
        capture: Capture,
        device: Any,
        *,
        screen: tuple[int, int],
        rotation: int | None = None,
        find_target: Callable[[float, float], Target | None] | None = None,
    ) -> None:
        rotation = (capture.config.device.rotate or 0) if rotation is None else rotation
        if rotation not in {0, 90, 180, 270}:
            raise ValueError(f"rotation = {rotation!r}: expected 0, 90, 180 or 270")
        self.device = import_module("evdev").InputDevice(device) if isinstance(device, str) else device
        protocol = _protocol(self.device)
        if not protocol:
            raise CaptureError(f"{self.device.path} reports no positions of fingers")
        super().__init__(capture, find_target)
        self._size = screen
        self._rotation = rotation
        self._stopped = False
        self._calls: dict[int, Callable[..., object]] = {
            Action.MOVE: capture.touch_move,
            Action.UP: capture.touch_up,
            Action.CANCEL: capture.touch_cancel,
        }
        axes = dict(self.device.capabilities(absinfo=True)[_EV_ABS])
        left_button = protocol == _SINGLE and _BTN_TOUCH not in self.device.capabilities().get(_EV_KEY, ())
        x_code, y_code = (_ABS_X, _ABS_Y) if protocol == _SINGLE else (_MT_X, _MT_Y)
        x_axis, y_axis = turned_axes(
            (_range(axes[x_code]), _range(axes[y_code])), self._screen()[:2], self._rotation
        )
        self._model = EventModel(
            protocol, x_axis=x_axis, y_axis=y_axis, swapped=rotation in {90, 270}, left_button=left_button
        )
        self._offset_ns = self._set_clock()
        self._update_screen(turns=False)

    def run(self) -> None:
        """Read until `stop` is called, in the caller's thread."""
        while not self._stopped:
            self.step(0.5)

    def stop(self) -> None:
        """End `run`, from any thread, within half a second."""
        self._stopped = True

    def step(self, timeout_s: float = 0.0) -> None:
        """Read the events that are there, after waiting for them at most `timeout_s` (s).

        Raises
        ------
        OSError
            When the device is gone.
        """
        if select.select([self.device.fd], [], [], timeout_s)[0]:
            # Another reader of this object may have been faster.
            with contextlib.suppress(BlockingIOError):
                self.feed(self.device.read())

    def feed(self, events: Iterable[Any]) -> None:
        """Process events of the device (``evdev.InputEvent``), as its `read` returns them."""
        event = self._model.event
        offset = self._offset_ns
        for each in events:
            event(each.sec * 10**9 + each.usec * 1000 + offset, each.type, each.code, each.value)
        pointers, actions, times, xs, ys = self._model.take()
        columns: tuple[Any, ...] = (
            memoryview(pointers).cast("i"),
            actions,
            memoryview(times).cast("q"),
            memoryview(xs).cast("f"),
            memoryview(ys).cast("f"),
        )
        for pointer, action, time_ns, x, y in zip(*columns, strict=True):
            if action == Action.DOWN:
                self.capture.touch_down(pointer, x, y, time_ns, self._target_at(x, y))
            else:
                self._calls[action](pointer, x, y, time_ns)

    def _screen(self) -> tuple[float, float, float]:
        width, height = self._size if self._rotation in {0, 180} else self._size[::-1]
        return width, height, 1.0

    def _set_clock(self) -> int:
        """Have events stamped by the monotonic clock; return the offset for stamps if that fails."""
        try:
            fcntl.ioctl(self.device.fd, _EVIOCSCLOCKID, struct.pack("i", time.CLOCK_MONOTONIC))
        except OSError:
            return time.monotonic_ns() - time.time_ns()
        return 0


def _protocol(device: Any) -> int:
    """Return how a device reports fingers; 0 if it does not."""
    codes = {code for code, _ in device.capabilities(absinfo=True).get(_EV_ABS, ())}
    if {_MT_X, _MT_Y} <= codes:
        return _TYPE_B if _MT_SLOT in codes else _TYPE_A
    # A mouse has no absolute axes, or relative ones too; a joystick has neither button.
    keys = device.capabilities().get(_EV_KEY, ())
    is_touch = _BTN_TOUCH in keys or (_BTN_LEFT in keys and 0 not in device.capabilities().get(_EV_REL, ()))
    return _SINGLE if is_touch and {_ABS_X, _ABS_Y} <= codes else 0


def _range(info: Any) -> tuple[int, int]:
    """Return the smallest and the largest value of an axis."""
    return info.min, max(info.max, info.min)
