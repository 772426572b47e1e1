"""The evdev event model, which getevent, evemu, evtest, libinput and sendevent logs share.

A reader of one of these names the devices of its header and pumps events into the native model.
The choice of device, the protocol, the axis ranges and the chunks are here.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

import msgspec

from capture._native.evdev.frames import EventModel
from capture._native.evdev.text import TextReader, contains
from capture.gestures.samples import TouchSamples
from capture.logs.base import LogInfo, TouchLog
from capture.logs.lines import CONTEXT, LINE_LIMIT_BYTES, USED, Start, is_nothing, whole_lines
from capture.logs.samples import CHUNK_SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "ABS_CODES",
    "PX_PER_MM",
    "Device",
    "EvdevLog",
    "EvdevTextLog",
    "panel_density",
    "turned_axes",
]

ABS_X, ABS_Y, MT_SLOT, MT_X, MT_Y = 0x00, 0x01, 0x2F, 0x35, 0x36
BTN_TOUCH = 0x14A
#: px per mm where 1 px is 1/160 inch.
PX_PER_MM = 160 / 25.4
#: A panel that its resolution makes smaller or larger than this (mm) has another resolution.
_SMALLEST_MM, _LARGEST_MM = 10, 3000
_DENSITIES = (0.75, 10)
TYPE_B = 3

#: The axes whose ranges matter, by name.
ABS_CODES = {"ABS_X": ABS_X, "ABS_Y": ABS_Y, "ABS_MT_POSITION_X": MT_X, "ABS_MT_POSITION_Y": MT_Y}

#: (low, size, span): px = (raw - low) * size / span
Axis = tuple[float, float, float]


class Device(msgspec.Struct, kw_only=True):
    """A device as a log's header describes it."""

    path: str = ""
    name: str = ""
    axes: dict[int, tuple[int, int]] = {}  # code -> (smallest, largest)
    resolutions: dict[int, int] = {}  # code -> units per mm, where the header has it
    has_touch_button: bool = False  # by the header
    moves: bool = False  # by the header it has relative axes: a mouse
    values: dict[int, int] = {}  # code -> value when the recording began, where the header has it

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
        codes = self._codes()
        return None if codes is None else (self.axes[codes[0]], self.axes[codes[1]])

    def _codes(self) -> tuple[int, int] | None:
        known = {code for code, (low, high) in self.axes.items() if high > low}
        return next((codes for codes in ((MT_X, MT_Y), (ABS_X, ABS_Y)) if known.issuperset(codes)), None)

    def units_per_mm(self) -> tuple[int, int] | None:
        """Return the resolutions of x and y, where both are there and make a panel of a sane size."""
        codes = self._codes()
        if codes is None:
            return None
        x, y = (self.resolutions.get(code, 0) for code in codes)
        for code, units in zip(codes, (x, y), strict=True):
            low, high = self.axes[code]
            if units <= 0 or not _SMALLEST_MM <= (high - low) / units <= _LARGEST_MM:
                return None
        return x, y


def panel_density(x_per_mm: float, y_per_mm: float) -> float | None:
    """Return the mean of the px per 1/160 inch by those per mm of both axes; None if no density can be so."""
    mean = (x_per_mm / PX_PER_MM + y_per_mm / PX_PER_MM) / 2
    return mean if _DENSITIES[0] <= mean <= _DENSITIES[1] else None


def turned_axes(
    ranges: tuple[tuple[int, int], tuple[int, int]], size: tuple[float, float], rotate: int | None
) -> tuple[Axis, Axis]:
    """Return (low, size, span) of x and of y of the picture, as `EventModel` takes them.

    Parameters
    ----------
    ranges : pair of (int, int)
        Of the raw x and y.
    size : (float, float)
        Of the picture (px).
    rotate : int or None
        Degrees by which the picture was turned clockwise against the panel; across it at 90 and 270,
        where the raw y gives x.
    """
    x_range, y_range = ranges[::-1] if rotate in {90, 270} else ranges
    x_axis = _axis(x_range, size[0], mirrored=rotate in {180, 270})
    return x_axis, _axis(y_range, size[1], mirrored=rotate in {90, 180})


def _axis(limits: tuple[int, int], pixels: float, *, mirrored: bool) -> Axis:
    low, high = limits
    span = high - low + 1
    return (high, -pixels, span) if mirrored else (low, pixels, span)


class EvdevLog(TouchLog):
    """A log of evdev events."""

    turns = True
    starts: ClassVar[Start]

    own_screen: tuple[int, int] | None = None
    other_devices = 0

    def _describe(self) -> LogInfo:
        options = self.options
        self.device = self.choose_device(self.devices())
        self.ranges = self.device.ranges()
        if options.axis_max is not None:
            self.ranges = (0, options.axis_max[0]), (0, options.axis_max[1])
        if options.screen is not None and self.ranges is None and self.is_stream:
            raise self.error(
                "--screen needs the range of the panel, which standard input cannot be searched for: "
                "give it with --axis-max X,Y"
            )
        self.screen = options.screen or self.own_screen
        self._resolution = None if self.ranges is None else self.device.units_per_mm()
        density = options.density
        self._by_resolution = self._resolution is not None and self.screen is None
        if self._resolution is not None and density is None and self.own_screen is None:
            density = 1.0
            if options.screen is not None:
                panel = options.screen[::-1] if options.rotate in {90, 270} else options.screen
                axes = zip(panel, self._spans(), self._resolution, strict=True)
                density = panel_density(*(size / span * units for size, span, units in axes))
            self._by_resolution = density is not None
        self._size = self.screen or self._panel_px()
        width, height = map(round, self._size) if self._size else (None, None)
        device = self.device.name or self.device.path or None
        return LogInfo(format=self.name, width=width, height=height, density=density, device=device)

    def _spans(self) -> list[int]:
        return [high - low + 1 for low, high in self.ranges or ()]

    def _panel_px(self) -> tuple[float, float] | None:
        """Return the size of the picture by the resolution of the panel, else by its range."""
        sizes: list[float] = list(self._spans())
        if not sizes:
            return None
        if self._resolution is not None:
            per_mm = PX_PER_MM * (self.options.density or 1.0)
            sizes = [span / units * per_mm for span, units in zip(sizes, self._resolution, strict=True)]
        return (sizes[1], sizes[0]) if self.options.rotate in {90, 270} else (sizes[0], sizes[1])

    def devices(self) -> list[Device]:
        """Return the devices that the header names."""
        raise NotImplementedError

    def pump(self, model: EventModel, blocks: Iterable[bytes]) -> Iterator[None]:
        """Feed the events of the chosen device to the model, line by line; yield now and then."""
        bare = self.starts.bare(self.source.text_head())
        counts: Counter[str] = Counter()
        self._begin()
        for number, line in enumerate(self.lines(blocks)):
            try:
                counts[self.play(bare(line), model)] += 1
            except OverflowError:
                # A number is too large for an event or a clock.
                counts["unknown_lines"] += 1
            if number % 1000 == 0:
                yield
        for became, number in counts.items():
            self.count(became, number)

    def play(self, line: str, model: EventModel) -> str:
        """Feed the events of a line; return its outcome, for `TouchLog.count`."""
        raise NotImplementedError

    def lines(self, blocks: Iterable[bytes]) -> Iterator[str]:
        """Yield the lines of blocks, for the readers that go by lines."""
        for block in whole_lines(blocks):
            for line in block.decode("utf-8", "replace").split("\n"):
                yield line.rstrip()

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
        touches = [device for device in devices if MT_X in device.axes or ABS_X in device.axes]
        return next(iter([*touches, *devices]), Device())

    def _read(self) -> Iterator[TouchSamples]:
        scan = EventModel(scanning=True)
        blocks = [self.source.text_head()] if self.source.is_stream else self.telling_blocks(scan)
        for _ in self.pump(scan, blocks):
            pass
        self._restart()
        x_axis, y_axis = self._axes(scan)
        model = EventModel(
            scan.seen_protocol,
            follow=self.source.is_stream,
            x_axis=x_axis,
            y_axis=y_axis,
            swapped=self.options.rotate in {90, 270},
            left_button=scan.asks_for_left_button and not (self.device.has_touch_button or self.device.moves),
        )
        model.begin(*self.device.start())
        if self.other_devices:
            self.warnings["other_devices"] += self.other_devices
        for _ in self.pump(model, self.source.text_blocks()):
            if len(model) >= CHUNK_SAMPLES:
                yield from _chunks(model)
        self.warnings.update(model.doubt_counts())
        yield from _chunks(model)

    def _axes(self, scan: EventModel) -> tuple[Axis, Axis]:
        """Return (low, size, span) of x and of y of the picture: px = (raw - low) * size / span."""
        ranges = self._known_ranges(scan)
        rotate = self.options.rotate
        if ranges is None:
            if rotate:
                raise self.error("--rotate needs the range of the panel: give it with --axis-max X,Y")
            return (0, 1, 1), (0, 1, 1)
        return turned_axes(ranges, self._size or (1, 1), rotate)

    def _known_ranges(self, scan: EventModel) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """Return the ranges of the panel, and report assumptions about them."""
        if self.ranges is None:
            if self.screen is None:
                if scan.seen_protocol:
                    self.warnings["raw_units"] += 1
                return None
            x_max, y_max = scan.largest
            self.warnings["guessed_range"] += 1
            return (0, x_max), (0, y_max)
        if scan.seen_protocol and self.own_screen is None:
            if self._by_resolution:
                self.warnings["density_from_resolution"] += 1
            elif self.screen is None:
                self.warnings["panel_units"] += 1
        return self.ranges


class EvdevTextLog(EvdevLog):
    """A log of evdev events as text, one a line, which the native tokenizer reads."""

    dialect: ClassVar[int]
    #: Text in a line that makes a device type A: once type B is seen, only such blocks can tell more.
    #: With each the place of two bytes in it that are rare in such a log.
    type_a_signs: tuple[tuple[bytes, int], ...] = ()

    def strange(self, line: str, reader: TextReader) -> str:
        """Return the outcome of a line that the tokenizer does not know, for `TouchLog.count`."""
        raise NotImplementedError

    def held_back(self) -> int:
        """Return how many lines still wait for the next, which does not come."""
        return 0

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
        """Return whether a block, or the open line before it, has a sign of type A."""
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
        self.count("unknown_lines", self.held_back())
        self.count(USED, reader.used)
        self.count(CONTEXT, reader.skipped)
        self.count("other_device_lines", reader.others)

    def _feed(self, reader: TextReader, text: bytes, *, last: bool) -> int:
        """Feed whole lines; return where the unfinished one starts."""
        start, length = reader.feed(text, 0, last)
        while length >= 0:
            line = text[start : start + length].decode("utf-8", "replace")
            self.enter(reader, line)
            became = self.strange(line, reader)
            self.count(CONTEXT if became == "unknown_lines" and is_nothing(line) else became)
            after = text.find(b"\n", start + length) + 1
            start, length = reader.feed(text, after or len(text), last)
        self.untimed = reader.untimed
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
