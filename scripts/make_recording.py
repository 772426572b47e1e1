"""Make the project's own recording: a person who uses a shop app on a phone for half a minute.

The motion is made, not recorded. It has minimum-jerk paths with a slight bow, a tremor of 9 Hz, a panel that
reports about 90 times a second with some jitter, and pauses as people make them. It is seeded, so the
files come out the same each time:

- ``session.touch.jsonl``: the common form, with screens and targets (``make run`` replays it)
- ``phone.getevent.txt``: the same touches as ``getevent -lp`` and ``getevent -lt`` print them
- ``session.kvi``: the same touches, but for the cancelled one, as Kivy's recorder writes them

Run ``python scripts/make_recording.py [FOLDER]``; the folder is ``tests/data`` if none is given.
"""

from __future__ import annotations

import json
import math
import random
import sys
from pathlib import Path
from typing import Any, NamedTuple

SEED = 20240
WIDTH, HEIGHT, DENSITY = 1080, 2340, 2.75
UNITS_PER_PX = 4  # of the panel
PERIOD_S = 1 / 90
TREMOR_HZ, TREMOR_PX = 9.0, 0.6
DOWN, UP, MOVE, CANCEL = range(4)
KVI_KINDS = {DOWN: "begin", MOVE: "update", UP: "end"}


class Sample(NamedTuple):
    """A touch sample; time in µs, x and y in px."""

    pointer: int
    action: int
    time: int
    x: float
    y: float


class Person:
    """Somebody with a phone: makes strokes and marks, one after the other."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - a drawn motion, no secret
        self.now_s = 5021.4
        self.records: list[Sample | dict[str, Any]] = []

    def pause(self, low_s: float = 0.5, high_s: float = 1.1) -> None:
        """Look, think, move the hand."""
        self.now_s += self.random.uniform(low_s, high_s)

    def screen(self, name: str) -> None:
        """Come to another screen."""
        self.records.append({"mark": "screen", "time": self._ns(self.now_s), "stream": 0, "name": name})
        self.pause(0.3, 0.6)

    def tap(self, x: float, y: float, target: str, *, hold_s: float = 0.085, responsive: bool = True) -> None:
        """Touch a place and lift again; longer than half a second it is a long press."""
        hold_s *= self.random.uniform(0.85, 1.15)
        self._target(target, 0, responsive=responsive)
        self._play({0: self._path((x, y), (x, y), hold_s)})

    def swipe(
        self,
        start: tuple[float, float],
        travel_dp: tuple[float, float],
        duration_s: float,
        target: str,
        *,
        last: int = UP,
    ) -> None:
        """Draw a finger from a place by a way in dp."""
        end = start[0] + travel_dp[0] * DENSITY, start[1] + travel_dp[1] * DENSITY
        self._target(target, 0, responsive=True)
        self._play({0: self._path(start, end, duration_s)}, last=last)

    def trace(self, corners: list[tuple[float, float]], duration_s: float, target: str) -> None:
        """Draw through corners, stopping at none."""
        count = round(duration_s / PERIOD_S)
        points = []
        for index in range(count + 1):
            along = index / count * (len(corners) - 1)
            leg = min(int(along), len(corners) - 2)
            (x0, y0), (x1, y1) = corners[leg], corners[leg + 1]
            points.append((x0 + (x1 - x0) * (along - leg), y0 + (y1 - y0) * (along - leg)))
        self._target(target, 0, responsive=True)
        self._play({0: self._shaken(points)})

    def pinch(self, center: tuple[float, float], from_dp: float, to_dp: float, duration_s: float) -> None:
        """Spread two fingers; the second comes down a moment after the first."""
        x, y = center
        near, far = from_dp * DENSITY, to_dp * DENSITY
        first = self._path((x - near, y + near), (x - far, y + far), duration_s)
        second = self._path((x + near, y - near), (x + far, y - far), duration_s)
        for pointer in (0, 1):
            self._target("map", pointer, responsive=True)
        self._play({0: first, 1: second}, late=3)

    def _path(
        self, start: tuple[float, float], end: tuple[float, float], duration_s: float
    ) -> list[tuple[float, float]]:
        count = max(2, round(duration_s / PERIOD_S))
        bow = self.random.uniform(-0.04, 0.04)
        dx, dy = end[0] - start[0], end[1] - start[1]
        points = []
        for index in range(count + 1):
            part = index / count
            done = part**3 * (10 - 15 * part + 6 * part * part)  # minimum jerk
            aside = bow * math.sin(math.pi * done)
            points.append((start[0] + dx * done - dy * aside, start[1] + dy * done + dx * aside))
        return self._shaken(points)

    def _shaken(self, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        turn = self.random.uniform(0, 2 * math.pi)
        shaken = []
        for index, (x, y) in enumerate(points):
            angle = turn + 2 * math.pi * TREMOR_HZ * index * PERIOD_S
            dx = TREMOR_PX * math.cos(angle) + self.random.gauss(0, 0.15)
            dy = TREMOR_PX * math.sin(angle) + self.random.gauss(0, 0.15)
            shaken.append((_panel(x + dx, WIDTH), _panel(y + dy, HEIGHT)))
        return shaken

    def _play(self, paths: dict[int, list[tuple[float, float]]], *, last: int = UP, late: int = 0) -> None:
        """Report the paths frame by frame; each further finger is `late` frames behind."""
        before: dict[int, tuple[float, float]] = {}
        length = max(len(path) for path in paths.values()) + late * (len(paths) - 1)
        for frame in range(length + 1):
            time = round(self.now_s * 1e6)
            for pointer, path in paths.items():
                at = frame - late * pointer
                if at == 0:
                    before[pointer] = path[0]
                    self.records.append(Sample(pointer, DOWN, time, *path[0]))
                elif 0 < at < len(path) and path[at] != before[pointer]:
                    before[pointer] = path[at]
                    self.records.append(Sample(pointer, MOVE, time, *path[at]))
                elif at == len(path):
                    self.records.append(Sample(pointer, last, time, *before[pointer]))
            self.now_s += PERIOD_S + self.random.uniform(-4e-4, 4e-4)

    def _target(self, name: str, pointer: int, *, responsive: bool) -> None:
        screen = next(
            record["name"]
            for record in reversed(self.records)
            if isinstance(record, dict) and "name" in record
        )
        mark = {"mark": "target", "time": self._ns(self.now_s), "stream": 0, "pointer": pointer}
        path = f"[root]>screen#{screen.lower()}>{name.partition('_')[0]}#{name}>"
        self.records.append(mark | {"path": path, "id": name, "responsive": responsive})

    @staticmethod
    def _ns(seconds: float) -> int:
        return round(seconds * 1e6) * 1000


def use_the_app(person: Person) -> None:
    """Make each gesture that the engine tells apart, at least once."""
    person.screen("Home")
    person.tap(540, 1990, "button_start")
    person.pause()
    person.tap(310, 820, "image_teaser")
    person.pause(0.09, 0.13)
    person.tap(312, 818, "image_teaser")
    person.pause()
    person.tap(760, 1120, "card_offer", hold_s=0.85)
    person.pause()
    person.swipe((540, 1800), (6, -260), 0.16, "list_offers")
    person.pause()
    person.swipe((560, 900), (-4, 240), 0.15, "list_offers")
    person.screen("Catalogue")
    person.swipe((900, 1200), (-230, 5), 0.14, "pager_catalogue")
    person.pause()
    person.swipe((180, 1210), (225, -8), 0.15, "pager_catalogue")
    person.pause()
    person.swipe((540, 1500), (3, -95), 1.6, "list_catalogue")
    person.pause()
    person.swipe((540, 900), (-2, 90), 1.5, "list_catalogue")
    person.pause()
    person.swipe((820, 1700), (-85, 4), 1.4, "slider_price")
    person.pause()
    person.swipe((300, 1700), (80, 2), 1.3, "slider_price")
    person.pause()
    person.swipe((500, 1300), (22, 27), 0.4, "card_item")
    person.screen("Product")
    person.trace(
        [
            (540 + 190 * math.cos(a / 12 * math.pi), 1000 + 190 * math.sin(a / 12 * math.pi))
            for a in range(25)
        ],
        1.3,
        "image_product",
    )
    person.pause()
    person.trace([(200, 1500), (420, 1300), (640, 1500), (860, 1300), (960, 1500)], 0.7, "image_product")
    person.pause()
    person.pinch((540, 1100), 30, 95, 0.5)
    person.pause()
    for _ in range(4):
        person.tap(540, 2100, "label_price", hold_s=0.06, responsive=False)
        person.pause(0.1, 0.14)
    person.pause()
    person.swipe((500, 40), (0, 150), 0.3, "list_product", last=CANCEL)
    person.pause()
    person.tap(880, 2180, "button_buy")


def common_form(records: list[Sample | dict[str, Any]]) -> str:
    """Return the records as JSON lines, info first."""
    info = {
        "format": "jsonl",
        "width": WIDTH,
        "height": HEIGHT,
        "density": DENSITY,
        "device": "Example Phone",
    }
    lines: list[Any] = [{"info": info}]
    for record in records:
        if isinstance(record, dict):
            lines.append(record)
        else:
            row = {"stream": 0, "pointer": record.pointer, "action": record.action}
            lines.append(row | {"time": record.time * 1000, "x": record.x, "y": record.y})
    return "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)


def getevent(samples: list[Sample]) -> str:
    """Return the samples as getevent prints them; a cancelled touch is one that the device lost."""
    axes = {"ABS_MT_SLOT": 9, "ABS_MT_POSITION_X": WIDTH * UNITS_PER_PX - 1}
    axes |= {"ABS_MT_POSITION_Y": HEIGHT * UNITS_PER_PX - 1, "ABS_MT_TRACKING_ID": 65535}
    ranges = [
        f"{name:<22}: value 0, min 0, max {most}, fuzz 0, flat 0, resolution 0" for name, most in axes.items()
    ]
    lines = ["add device 1: /dev/input/event3", '  name:     "example_ts"', "  events:"]
    lines.append("    KEY (0001): BTN_TOUCH")
    lines += [("    ABS (0003): " if row == 0 else " " * 16) + text for row, text in enumerate(ranges)]
    slot, tracking_id = 0, 0
    reported: dict[tuple[int, str], float] = {}
    for index, sample in enumerate(samples):
        events: list[tuple[str, str, str]] = []
        if sample.pointer != slot:
            slot = sample.pointer
            events.append(("EV_ABS", "ABS_MT_SLOT", f"{slot:08x}"))
        if sample.action == DOWN:
            events.append(("EV_ABS", "ABS_MT_TRACKING_ID", f"{tracking_id:08x}"))
            tracking_id += 1
        if sample.action in {DOWN, MOVE}:
            for axis, value in (("X", sample.x), ("Y", sample.y)):
                if reported.get((slot, axis)) != value:
                    reported[slot, axis] = value
                    events.append(("EV_ABS", f"ABS_MT_POSITION_{axis}", f"{round(value * UNITS_PER_PX):08x}"))
        elif sample.action == UP:
            events.append(("EV_ABS", "ABS_MT_TRACKING_ID", "ffffffff"))
        else:
            events.append(("EV_SYN", "SYN_DROPPED", "00000000"))
        same_frame = index + 1 < len(samples) and samples[index + 1].time == sample.time
        if not same_frame:
            events.append(("EV_SYN", "SYN_REPORT", "00000000"))
        stamp = f"[{sample.time // 10**6:>8}.{sample.time % 10**6:06}]"
        lines += [f"{stamp} {kind:<12} {code:<20} {value:<20}" for kind, code, value in events]
    return "".join(line + "\n" for line in lines)


def kvi(samples: list[Sample]) -> str:
    """Return the samples as Kivy's recorder writes them, without the cancelled touch: it cannot write one."""
    lines = ["#RECORDER1.0"]
    cancelled = [index for index, sample in enumerate(samples) if sample.action == CANCEL]
    left_out: set[int] = set()
    for end in cancelled:
        start = max(index for index in range(end) if samples[index].action == DOWN)
        left_out |= set(range(start, end + 1))
    for index, sample in enumerate(samples):
        if index not in left_out:
            place = {
                "is_touch": True,
                "sx": sample.x / WIDTH,
                "sy": 1 - sample.y / HEIGHT,
                "profile": ["pos"],
            }
            since = (sample.time - samples[0].time) / 1e6
            lines.append(repr((since, KVI_KINDS[sample.action], sample.pointer, place)))
    return "".join(line + "\n" for line in lines)


def main(folder: Path) -> None:
    """Write the files."""
    person = Person(SEED)
    use_the_app(person)
    samples = [record for record in person.records if isinstance(record, Sample)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "session.touch.jsonl").write_text(common_form(person.records), encoding="utf-8")
    (folder / "phone.getevent.txt").write_text(getevent(samples), encoding="utf-8")
    (folder / "session.kvi").write_text(kvi(samples), encoding="utf-8")


def _panel(value: float, size: int) -> float:
    """Return the value as the panel reports it: in its own units, on the panel."""
    return min(max(round(value * UNITS_PER_PX), 0), size * UNITS_PER_PX - 1) / UNITS_PER_PX


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "tests" / "data")
