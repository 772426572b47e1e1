"""Cases of what other engines call strokes: their notation, and what a case's words ask of records.

Both the corpus in ``../shared`` and the cases of this folder are written so: ``samples`` are
``action pointer@ms(x,y)`` (``D`` DOWN, ``M`` MOVE, ``U`` UP, ``C`` CANCEL; ``2:D0@..`` is stream 2).
"""

import math
import re

ACTIONS = {"D": 0, "U": 1, "M": 2, "C": 3}
SAMPLE = re.compile(r"(?:(\d+):)?([DMUC])(\d+)@(-?[\d.]+)\((-?[\d.e]+),(-?[\d.e]+)\)")
KINDS = {"none": 0, "tap": 6, "long_press": 8, "drag": 9, "fling": 10}
MULTI_KINDS = {"none": 0, "tap": 1, "pinch": 2, "rotate": 3, "pan": 4, "swipe": 5}
DIRECTIONS = {"none": 0, "up": 1, "down": 2, "left": 3, "right": 4, "complex_pattern": 5}
TAPS = {1: "tap", 2: "double_tap", 3: "triple_tap"}


def rows_of(case):
    """Rows of (stream, pointer, action, time ns, x, y)."""
    rows, places = [], {}
    for stream, action, pointer, ms, x, y in SAMPLE.findall(case["samples"]):
        at, finger = round(float(ms) * 1e6), (int(stream or 0), int(pointer))
        rows.append((*finger, ACTIONS[action], at, float(x), float(y)))
        if action in "DM":
            places[finger] = float(x), float(y)
        else:
            places.pop(finger, None)
    if "advance_ms" in case:
        at = rows[-1][3] + round(case["advance_ms"] * 1e6)
        rows += [(*finger, ACTIONS["M"], at, *place) for finger, place in places.items()]
    if case.get("lift"):
        rows += [(*finger, ACTIONS["U"], rows[-1][3], *place) for finger, place in places.items()]
    return rows


def called(records, chords, slop):
    """What an engine would have reported: the words of strokes and of chords, and those of modes."""
    words, may = set(), set()
    for index, record in enumerate(records):
        kind, count = record["kind"], record["tap_count"]
        if kind == KINDS["tap"]:
            later = [each for each in records[index + 1 :] if each["stream"] == record["stream"]]
            # A run counts once, by its last tap; a drag that continues it takes the tap along.
            if not later or later[0]["tap_count"] <= count:
                words.add(TAPS.get(count, "taps"))
        elif kind == KINDS["long_press"]:
            words.add("long_press")
        elif kind:
            words.add("drag")
            if kind == KINDS["fling"]:
                [way] = [way for way, number in DIRECTIONS.items() if number == record["direction"]]
                words |= {"fling", "swipe", f"swipe_{way}"}
            if count == 2 and record["height"] > slop:
                words.add("quick_scale")
        if record["begun"] & 1:
            may.add("long_press")
    for chord in chords:
        name = next(name for name, number in MULTI_KINDS.items() if number == chord["kind"])
        found = {
            "tap": {"two_finger_tap"} if chord["fingers"] == 2 else {f"{chord['fingers']}_finger_tap"},
            "pinch": {"pinch", "pinch_out" if chord["scale"] > 1 else "pinch_in"},
            "rotate": {"rotate"},
            "pan": {"two_finger_drag"},
            "swipe": {"two_finger_drag", "two_finger_swipe"},
            "none": set(),
        }[name]
        words |= found
        if chord["modes"] & 1:
            may |= {"pinch", "pinch_out" if chord["scale"] > 1 else "pinch_in"}
        may |= {"rotate"} if chord["modes"] & 2 else set()
        may |= {"two_finger_drag", "drag"} if chord["modes"] & 4 else set()
    return words, words | may


def check(case, records, chords, slop):
    """Return what of a case does not come out, in words."""
    expect, wrong = case["expect"], []
    words, may = called(records, chords, slop)
    wrong += [f"no {word}: {sorted(may)}" for word in expect.get("must", ()) if word not in may]
    wrong += [f"a {word}: {sorted(words)}" for word in expect.get("must_not", ()) if word in words]
    if "tap_counts" in expect:
        counts = [record["tap_count"] for record in records if record["kind"] == KINDS["tap"]]
        wrong += [f"tap counts {counts}"] if counts != expect["tap_counts"] else []
    for name, found, kinds in (("records", records, KINDS), ("multi", chords, MULTI_KINDS)):
        wanted = expect.get(name, [])
        if name in expect and len(wanted) != len(found):
            wrong.append(f"{len(found)} {name}, not {len(wanted)}")
        for record, want in zip(found, wanted, strict=False):
            wrong += [f"{key}: {want[key]}" for key in want if not holds(record, key, want, kinds)]
    return wrong


def holds(record, key, want, kinds):
    """Return whether one column of a record is what the case says."""
    value = want[key]
    match key:
        case "tol":
            return True
        case "kind":
            return record["kind"] == kinds[value]
        case "kind_in":
            return record["kind"] in {kinds[each] for each in value}
        case "direction":
            return record["direction"] == DIRECTIONS[value]
    if key.endswith("_abs"):
        return math.isclose(abs(record[key.removesuffix("_abs")]), value, abs_tol=want.get("tol", 1e-3))
    return math.isclose(record[key], value, rel_tol=1e-5, abs_tol=want.get("tol", 1e-3))
