"""A slow, plain reading of evdev text (getevent, evemu, evtest) and of .kvi, to compare the fast one with.

Written from the rules alone: one `re.match` a line, every frame kept as a list of events, one small
function for each protocol. It shares no code with `capture.logs`.
"""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

DOWN, UP, MOVE, CANCEL = range(4)

_GETEVENT = re.compile(
    r"(?:\[\s*(?P<time>\d+\.\d+)\]\s+)?(?:(?P<path>/dev/\S+):\s+)?(?P<type>EV_\w+|[0-9a-f]{4})\s+(?P<code>\w+)\s+(?P<value>\w+)\s*$"
)
_EVEMU = re.compile(r"E: (?P<time>\d+\.\d+) (?P<type>[0-9a-f]{4}) (?P<code>[0-9a-f]{4}) (?P<value>-?\d+)")
_EVTEST = re.compile(
    r"(?:Event: )?time (?P<time>\d+\.\d+),? "
    r"(?:type (?P<type>\d+) \(.*?\), code (?P<code>\d+)\s+\(.*?\), value (?P<value>-?\w+)"
    r"|(?P<sync>[-+]+ [A-Z_]+))"
)
_TYPES = {"EV_SYN": 0, "EV_KEY": 1, "EV_ABS": 3}
_CODES = {
    "SYN_REPORT": 0, "SYN_MT_REPORT": 2, "SYN_DROPPED": 3, "BTN_TOUCH": 0x14A, "ABS_X": 0, "ABS_Y": 1,
    "ABS_MT_TOUCH_MAJOR": 0x30, "ABS_MT_TOOL_TYPE": 0x37, "ABS_MT_PRESSURE": 0x3A, "ABS_MT_DISTANCE": 0x3B,
    "ABS_MT_SLOT": 0x2F, "ABS_MT_POSITION_X": 0x35, "ABS_MT_POSITION_Y": 0x36, "ABS_MT_TRACKING_ID": 0x39,
}  # fmt: skip
_VALUES = {"DOWN": 1, "UP": 0, "REPEAT": 2}


class Event(NamedTuple):
    time: int  # ns
    type: int
    code: int
    value: int


class Sample(NamedTuple):
    pointer: int
    action: int
    time: int
    x: int
    y: int


def samples(text: str, dialect: str) -> list[Sample]:
    """Return the touch samples of a text of one device, in raw units."""
    parse = {"getevent": _getevent, "evemu": _evemu, "evtest": _evtest}[dialect]
    return of_events([event for line in text.splitlines() if (event := parse(line.rstrip())) is not None])


def of_events(events: list[Event]) -> list[Sample]:
    """Return the touch samples of the events of one device, in raw units."""
    kinds = {(event.type, event.code) for event in events}
    if (0, 2) in kinds:
        frames = _type_a
    elif (3, 0x39) in kinds or (3, 0x2F) in kinds:
        frames = _type_b
    else:
        frames = _single
    return frames(_frames(events))


def kvi_samples(text: str, width: int, height: int) -> list[tuple[int, int, int, float, float]]:
    """Return the touch samples of Kivy's recorder, in px."""
    actions = {"begin": DOWN, "update": MOVE, "end": UP}
    rows = []
    for line in text.splitlines()[1:]:
        seconds, kind, uid, attributes = ast.literal_eval(line)
        if attributes["is_touch"]:
            x, y = attributes["sx"] * width, (1 - attributes["sy"]) * height
            rows.append((uid, actions[kind], round(seconds * 1e9), x, y))
    return rows


def strokes(found: list[Sample]) -> int:
    """Count what one pointer did from a DOWN to its end, or to the end of the log."""
    return sum(1 for sample in found if sample.action == DOWN)


def _ns(stamp: str) -> int:
    whole, part = stamp.split(".")
    return int(whole) * 10**9 + int(part.ljust(9, "0"))


def _signed(digits: str) -> int:
    number = int(digits, 16)
    return number - 2**32 if number >= 2**31 else number


def _getevent(line: str) -> Event | None:
    found = re.match(_GETEVENT, line)
    if found is None:
        return None
    kind, code, value = found["type"], found["code"], found["value"]
    type_number = _TYPES.get(kind, 99) if kind.startswith("EV_") else int(kind, 16)
    if kind.startswith("EV_") and not re.fullmatch(r"[0-9a-f]{4}", code):
        code_number = _CODES.get(code, -1)
    else:
        code_number = int(code, 16)
    number = _signed(value) if re.fullmatch(r"[0-9a-fA-F]{8}", value) else _VALUES.get(value, 0)
    return Event(_ns(found["time"]), type_number, code_number, number)


def _evemu(line: str) -> Event | None:
    found = re.match(_EVEMU, line)
    if found is None:
        return None
    return Event(_ns(found["time"]), int(found["type"], 16), int(found["code"], 16), int(found["value"]))


def _evtest(line: str) -> Event | None:
    found = re.match(_EVTEST, line)
    if found is None:
        return None
    if found["sync"]:
        code = 2 if found["sync"].startswith("+") else 0
        return Event(_ns(found["time"]), 0, code, 0)
    kind = int(found["type"])
    value = int(found["value"]) if kind in {0, 1, 3} else 0
    return Event(_ns(found["time"]), kind, int(found["code"]), value)


def _frames(events: list[Event]) -> list[tuple[int, list[Event]]]:
    """Cut at SYN_REPORT; a frame with SYN_DROPPED holds that alone."""
    frames, frame, dropped = [], [], None
    for event in events:
        if event.type == 0 and event.code == 3 and dropped is None:
            dropped = event
        if event.type == 0 and event.code == 0:
            frames.append((dropped.time, [dropped]) if dropped else (event.time, frame))
            frame, dropped = [], None
        else:
            frame.append(event)
    return frames


_MAJOR, _TOOL, _PRESSURE, _DISTANCE = 0x30, 0x37, 0x3A, 0x3B


class _Touching:
    """Whether what was reported of a contact lets it touch; a width of 0 says so once one was above 0."""

    def __init__(self) -> None:
        self.has_width = False

    def __call__(self, said: dict[int, int]) -> bool:
        lifted = said.get(_PRESSURE) == 0 or said.get(_DISTANCE, 0) > 0 or said.get(_TOOL) == 2
        return not (lifted or (said.get(_MAJOR) == 0 and self.has_width))

    def see(self, event: Event) -> None:
        self.has_width = self.has_width or (event.code == _MAJOR and event.value > 0)


def _type_b(frames: list[tuple[int, list[Event]]]) -> list[Sample]:  # noqa: PLR0912 - plain on purpose
    out: list[Sample] = []
    slots: dict[int, dict] = {}
    current = 0
    touches = _Touching()
    for time, events in frames:
        if events and events[0][1:3] == (0, 3):
            for number, slot in slots.items():
                if slot["down"]:
                    out.append(Sample(number, CANCEL, time, *slot["at"]))
                slot.update(id=-1, down=False)
            continue
        lifts: list[Sample] = []
        changed: list[int] = []
        for event in events:
            if event.type != 3:
                continue
            touches.see(event)
            if event.code == 0x2F:
                current = event.value
                continue
            if event.code not in {0x35, 0x36, 0x39, _MAJOR, _TOOL, _PRESSURE, _DISTANCE}:
                continue
            slot = slots.setdefault(
                current, {"id": -1, "x": 0, "y": 0, "down": False, "at": (0, 0), "said": {}}
            )
            if current not in changed:
                changed.append(current)
                slot["moved"] = False
            if event.code == 0x35:
                slot.update(x=event.value, moved=True)
            elif event.code == 0x36:
                slot.update(y=event.value, moved=True)
            elif event.code != 0x39:
                # A palm stays one.
                if event.code != _TOOL or event.value == 2:
                    slot["said"][event.code] = event.value
            elif event.value != slot["id"]:
                if slot["down"]:
                    lifts.append(_end(current, slot, time))
                slot.update(id=event.value, down=False, said={} if event.value >= 0 else slot["said"])
        out += lifts + _frame_of_slots(slots, changed, time, touches)
    return out


def _end(number: int, slot: dict, time: int) -> Sample:
    if slot["said"].get(_TOOL) == 2:
        return Sample(number, CANCEL, time, *slot["at"])
    return Sample(number, UP, time, slot["x"], slot["y"])


def _frame_of_slots(
    slots: dict[int, dict], changed: list[int], time: int, touches: _Touching
) -> list[Sample]:
    lifts, others = [], []
    for number in changed:
        slot = slots[number]
        if slot["id"] < 0:
            continue
        touching = touches(slot["said"])
        if slot["down"] and not touching:
            lifts.append(_end(number, slot, time))
        elif touching and not slot["down"]:
            others.append(Sample(number, DOWN, time, slot["x"], slot["y"]))
        elif touching and slot["moved"]:
            others.append(Sample(number, MOVE, time, slot["x"], slot["y"]))
        slot.update(down=touching, at=(slot["x"], slot["y"]))
    return lifts + others


def _type_a(frames: list[tuple[int, list[Event]]]) -> list[Sample]:  # noqa: PLR0912 - plain on purpose
    out: list[Sample] = []
    there: dict[int, tuple[int, int]] = {}
    down: set[int] = set()
    palms: set[int] = set()
    touches = _Touching()
    for time, events in frames:
        if events and events[0][1:3] == (0, 3):
            out += [
                Sample(pointer, CANCEL, time, *place) for pointer, place in there.items() if pointer in down
            ]
            there, down, palms = {}, set(), set()
            continue
        contacts, contact = [], {}
        for event in [*events, Event(time, 0, 2, 0)]:
            if event.type == 3 and event.code in {0x35, 0x36, 0x39, _MAJOR, _TOOL, _PRESSURE, _DISTANCE}:
                touches.see(event)
                contact[event.code] = event.value
            elif event.type == 0 and event.code == 2:
                if contact.keys() & {0x35, 0x36} or contact.get(0x39, -1) >= 0:
                    contacts.append(contact)
                contact = {}
        places: dict[int, tuple[int, int]] = {}
        said: dict[int, dict] = {}
        unnamed = [found for found in contacts if 0x39 not in found]
        for found in contacts:
            if 0x39 in found and found[0x39] not in places:
                old = there.get(found[0x39], (0, 0))
                places[found[0x39]] = found.get(0x35, old[0]), found.get(0x36, old[1])
                said[found[0x39]] = found
        near = _nearest([(found.get(0x35, 0), found.get(0x36, 0)) for found in unnamed], there)
        for (pointer, place), found in zip(near.items(), unnamed, strict=True):
            places[pointer], said[pointer] = place, found
        lifts = [
            Sample(pointer, UP, time, *there[pointer])
            for pointer in there
            if pointer not in places and pointer in down
        ]
        others = []
        for pointer, place in places.items():
            if said[pointer].get(_TOOL) == 2:
                if pointer in down and pointer not in palms:
                    lifts.append(Sample(pointer, CANCEL, time, *there[pointer]))
                palms.add(pointer)
            elif pointer in down and not touches(said[pointer]):
                lifts.append(Sample(pointer, UP, time, *place))
            elif touches(said[pointer]) and pointer not in palms:
                others.append(Sample(pointer, MOVE if pointer in down else DOWN, time, *place))
        out += lifts + others
        there = places
        palms &= places.keys()
        down = {p for p in places if touches(said[p]) and p not in palms}
    return out


def _nearest(found: list[tuple[int, int]], down: dict[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """Give each place the finger that was nearest, the nearest pair first; else the lowest free number."""
    pairs = sorted(
        ((x - u) ** 2 + (y - v) ** 2, index, pointer)
        for index, (x, y) in enumerate(found)
        for pointer, (u, v) in down.items()
    )
    given: dict[int, int] = {}
    for _, index, pointer in pairs:
        if index not in given and pointer not in given.values():
            given[index] = pointer
    for index in range(len(found)):
        if index not in given:
            given[index] = next(number for number in range(99) if number not in given.values())
    return {given[index]: found[index] for index in range(len(found))}


def _single(frames: list[tuple[int, list[Event]]]) -> list[Sample]:
    out: list[Sample] = []
    x = y = 0
    down = False
    for time, events in frames:
        if events and events[0][1:3] == (0, 3):
            out += [Sample(0, CANCEL, time, x, y)] * down
            down = False
            continue
        moved, touch = False, down
        for event in events:
            if event.type == 3 and event.code == 0:
                x, moved = event.value, True
            elif event.type == 3 and event.code == 1:
                y, moved = event.value, True
            elif event.type == 1 and event.code == 0x14A:
                touch = touch if event.value == 2 else event.value == 1
        if touch and not down:
            out.append(Sample(0, DOWN, time, x, y))
        elif down and not touch:
            out.append(Sample(0, UP, time, x, y))
        elif down and moved:
            out.append(Sample(0, MOVE, time, x, y))
        down = touch
    return out
