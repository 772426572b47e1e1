"""The evdev event model, which getevent, evemu, evtest, libinput and sendevent logs share.

A reader of one of these says which devices its header names and pumps events into the native model;
the choice of device, the protocol, the axis ranges and the chunks are here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from capture._native.evdev.frames import EventModel
from capture._native.evdev.text import TextReader, contains
from capture.gestures.samples import TouchSamples
from capture.logs.base import LogInfo, TouchLog
from capture.logs.samples import CHUNK_SAMPLES
from capture.logs.source import LINE_LIMIT_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["ABS_CODES", "Device", "EvdevLog", "EvdevTextLog", "Event"]

ABS_X, ABS_Y, MT_SLOT, MT_X, MT_Y = 0x00, 0x01, 0x2F, 0x35, 0x36
BTN_TOUCH = 0x14A
TYPE_B = 3

#: The axes whose ranges matter, by name.
ABS_CODES = {"ABS_X": ABS_X, "ABS_Y": ABS_Y, "ABS_MT_POSITION_X": MT_X, "ABS_MT_POSITION_Y": MT_Y}

#: (time in ns, type, code, value)
Event = tuple[int, int, int, int]


class Device(msgspec.Struct, kw_only=True):
    """A device as a log's header describes it."""

    path: str = ""
    name: str = ""
    axes: dict[int, tuple[int, int]] = {}  # code -> (smallest, largest)
    values: dict[int, int] = {}  # code -> value when the recording began, where the header tells it

    @property
    def has_touch(self) -> bool:
        """Whether the device reports positions of a finger."""
        return MT_X in self.axes or ABS_X in self.axes

    def start(self) -> tuple[int, int, int]:
        """Return the slot, x and y that the first event finds.

        The kernel keeps the current slot, and x and y of single touch; its header values of the
        multi-touch axes are of no slot (0 in every recording seen).
        """
        if MT_X in self.axes:
            return self.values.get(MT_SLOT, 0), 0, 0
        return 0, self.values.get(ABS_X, 0), self.values.get(ABS_Y, 0)

    def ranges(self) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """Return the ranges of x and y; those of the multi-touch axes where there are such."""
        for x_code, y_code in ((MT_X, MT_Y), (ABS_X, ABS_Y)):
            x_range, y_range = self.axes.get(x_code), self.axes.get(y_code)
            if x_range and y_range and x_range[1] > x_range[0] and y_range[1] > y_range[0]:
                return x_range, y_range
        return None


class EvdevLog(TouchLog):
    """A log of evdev events."""

    own_screen: tuple[int, int] | None = None
    other_devices = 0

    def _describe(self) -> LogInfo:
        options = self.options
        self.device = self.choose_device(self.devices())
        ranges = self.device.ranges()
        if options.axis_max is not None:
            ranges = (0, options.axis_max[0]), (0, options.axis_max[1])
        self.ranges = ranges
        if options.screen is not None and ranges is None and self.is_stream:
            raise self.error(
                "--screen needs the range of the panel, which standard input cannot be searched for: "
                "give it with --axis-max X,Y"
            )
        self.screen = options.screen or self.own_screen
        size = self.screen or (ranges and tuple(high - low + 1 for low, high in ranges))
        return LogInfo(
            format=self.name,
            width=size[0] if size else None,
            height=size[1] if size else None,
            device=self.device.name or self.device.path or None,
        )

    def devices(self) -> list[Device]:
        """Return the devices that the header names."""
        raise NotImplementedError

    def pump(self, model: EventModel, blocks: Iterable[bytes]) -> Iterator[None]:
        """Feed the events of the chosen device to the model, and yield now and then."""
        raise NotImplementedError

    def lines(self, blocks: Iterable[bytes]) -> Iterator[str]:
        """Yield the lines of blocks, for the readers that go by lines."""
        rest = b""
        for block in blocks:
            *whole, rest = (rest + block).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace").rstrip()
            if len(rest) > LINE_LIMIT_BYTES:
                raise self.error("a line is longer than 1 MiB")
        yield rest.decode("utf-8", "replace").rstrip()

    def telling_blocks(self, scan: EventModel) -> Iterator[bytes]:  # noqa: ARG002 - the readers of text use it
        """Yield the blocks of the log that may still tell its protocol and its largest values."""
        return self.source.text_blocks()

    def choose_device(self, devices: list[Device]) -> Device:
        """Return the device to read: the wanted one, else the first with touches."""
        wanted = self.options.device
        if wanted and devices:
            for device in devices:
                if _is_wanted(device, wanted):
                    return device
            known = ", ".join(f"{device.path} {device.name!r}".strip() for device in devices)
            raise self.error(f"has no device {wanted!r}; there are: {known}")
        return next((device for device in devices if device.has_touch), devices[0] if devices else Device())

    def _read(self) -> Iterator[TouchSamples]:
        scan = EventModel(scanning=True)
        blocks = [self.source.text_head()] if self.source.is_stream else self.telling_blocks(scan)
        for _ in self.pump(scan, blocks):
            pass
        x_axis, y_axis = self._axes(scan)
        model = EventModel(scan.seen_protocol, follow=self.source.is_stream, x_axis=x_axis, y_axis=y_axis)
        model.begin(*self.device.start())
        if self.other_devices:
            self.warnings["other_devices"] += self.other_devices
        for _ in self.pump(model, self.source.text_blocks()):
            if len(model) >= CHUNK_SAMPLES:
                yield from _chunks(model)
        self.warnings.update(model.doubt_counts())
        yield from _chunks(model)

    def _axes(self, scan: EventModel) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Return (low, size, span) of x and of y: px = (raw - low) * size / span."""
        ranges = self.ranges
        screen = self.screen
        if ranges is None:
            if screen is None:
                if scan.seen_protocol:
                    self.warnings["raw_units"] += 1
                return (0, 1, 1), (0, 1, 1)
            x_max, y_max = scan.largest
            ranges = (0, x_max), (0, y_max)
            self.warnings["guessed_range"] += 1
        elif screen is None and self.options.density is not None and scan.seen_protocol:
            # Without a density the strokes are measured in these units too, and nobody takes them for dp.
            self.warnings["panel_units"] += 1
        spans = [high - low + 1 for low, high in ranges]
        width, height = screen or spans
        return (ranges[0][0], width, spans[0]), (ranges[1][0], height, spans[1])


class EvdevTextLog(EvdevLog):
    """A log of evdev events as text, one a line, which the native tokenizer reads."""

    dialect: ClassVar[int]
    #: What stands in a line that makes a device type A: once type B is seen, only such blocks can tell more.
    #: With each the place of two bytes in it that are rare in such a log.
    type_a_signs: tuple[tuple[bytes, int], ...] = ()

    def strange(self, line: str) -> Event | bool:
        """Return the event on a line that the tokenizer does not know; else whether that is no loss."""
        raise NotImplementedError

    def telling_blocks(self, scan: EventModel) -> Iterator[bytes]:
        """Yield the blocks, whole lines each, that may still tell the protocol or the largest values."""
        largest_wanted = self.screen is not None and self.ranges is None
        rest = b""
        for block in self.source.text_blocks():
            end = block.rfind(b"\n") + 1
            if not end and len(rest) <= LINE_LIMIT_BYTES:
                rest += block
                continue
            decided = not largest_wanted and scan.seen_protocol >= TYPE_B
            if not (decided and self.type_a_signs) or self._may_be_type_a(rest, block):
                yield rest + block[:end]
            rest = block[end:]
        yield rest

    def _may_be_type_a(self, rest: bytes, block: bytes) -> bool:
        """Return whether a sign of type A stands in a block, or in the line that was open before it."""
        joint = rest + block[:64]
        return any(contains(text, *sign) for sign in self.type_a_signs for text in (joint, block))

    def enter(self, reader: TextReader, line: str) -> None:
        """Notice where the part of another device begins, in a log that has the devices one by one."""

    def pump(self, model: EventModel, blocks: Iterable[bytes]) -> Iterator[None]:
        """Feed the events of the chosen device to the model, and yield after each block."""
        reader = TextReader(model, self.dialect, self.device.path.encode())
        rest = b""
        for block in blocks:
            text = rest + block
            rest = text[self._feed(reader, text, last=False) :]
            if len(rest) > LINE_LIMIT_BYTES:
                raise self.error("the line is longer than 1 MiB", line=reader.lines + 1)
            yield
        self._feed(reader, rest, last=True)
        if reader.untimed and not model.scanning:
            self.warnings["no_clock"] += 1

    def _feed(self, reader: TextReader, text: bytes, *, last: bool) -> int:
        """Feed whole lines; return where the unfinished one starts."""
        model = reader.model
        start, length = reader.feed(text, 0, last)
        while length >= 0:
            line = text[start : start + length].decode("utf-8", "replace")
            self.enter(reader, line)
            event = self.strange(line)
            if isinstance(event, tuple):
                model.event(*event)
            elif not event and not model.scanning:
                self.warnings["unknown_lines"] += 1
            after = text.find(b"\n", start + length) + 1
            start, length = reader.feed(text, after or len(text), last)
        return start


def _chunks(model: EventModel) -> Iterator[TouchSamples]:
    pointer, action, time, x, y = model.take()
    samples = TouchSamples(
        pointer=memoryview(pointer).cast("i"),
        action=action,
        time=memoryview(time).cast("q"),
        x=memoryview(x).cast("f"),
        y=memoryview(y).cast("f"),
    )
    for start in range(0, len(samples), CHUNK_SAMPLES):
        yield samples[start : start + CHUNK_SAMPLES]


def _is_wanted(device: Device, wanted: str) -> bool:
    number = f"event{wanted}" if wanted.isdecimal() else wanted
    return (
        device.path == wanted
        or device.path.rpartition("/")[2] == number
        or (not wanted.isdecimal() and wanted.lower() in device.name.lower())
    )
