"""Write the sources of the native core that come from tables: ``python scripts/make_rule.py``.

``actions.h`` and ``rule.h`` are made from `capture.gestures.kinds` and `capture.GestureConfig`: the numbers
of the enums, the thresholds, and the rule that finds the kind of a stroke. ``record.pxd`` declares to Cython
the content of ``record.h``. A file is only written when its text changes, so that nothing else is rebuilt.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Literal, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable
    from enum import IntEnum

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from capture.gestures.config import GestureConfig  # noqa: E402 - after the path to it
from capture.gestures.kinds import (  # noqa: E402 - as above
    KINDS,
    Action,
    Condition,
    Direction,
    GestureKind,
    Kind,
    Mode,
    MultiKind,
    MultiReason,
    Reason,
)

NATIVE = ROOT / "capture" / "_native"
MADE = "Made by scripts/make_rule.py from {}: do not edit."

#: Member of `capture_thresholds` for each type of setting: C type, how it is filled.
TYPES = {
    "time": ("int64_t", "CAPTURE_NANOSECONDS"),
    "reached time": ("int64_t", "CAPTURE_FROM_BELOW"),
    "limit": ("capture_limit", "CAPTURE_LIMIT"),
    "number": ("capture_limit", "CAPTURE_NUMBER"),
    "count": ("int32_t", "CAPTURE_COUNT"),
    "flag": ("int32_t", "CAPTURE_FLAG"),
    "word": ("int32_t", "CAPTURE_WORD"),
    "words": ("int32_t", "CAPTURE_WORDS"),
}
#: Settings that the core does not read, or reads apart.
NOT_READ = {"unknown_responsive", "verdict_columns", "dialect", "dialects", "open"}
#: Times that are to be reached, and settings with a type of their own.
KNOWN = {
    "hold_ms": "reached time",
    "multi_tap_min_ms": "reached time",
    "free_fingers": "count",
    "modes": "words",
    "pinch_scale": "number",
    "rotate_deg": "number",
    "swipe_ratio": "number",
}
MODES = tuple(str(mode.name).lower() for mode in Mode)
#: A float32 that is no number exceeds nothing: "<=" holds for it (capture/gestures/kinds.py). Whether a limit
#: is open is in its member `inside`.
COMPARED = {
    "<": "!({measure} > {limit}.inside)",
    "<=": "!({measure} > {limit}.inside)",
    ">": "{measure} > {limit}.inside",
    ">=": "{measure} > {limit}.inside",
}
#: A dialect's fact on a setting; its opposite is the other side of the limit.
FACTS = {
    ("touch_slop_dp", "<"): "near",
    ("touch_slop_dp", ">"): "!near",
    ("drag_distance_dp", "<"): "!dragged",
    ("drag_distance_dp", ">"): "dragged",
    ("fling_velocity_dp_s", "<"): "!flung",
    ("fling_velocity_dp_s", ">"): "flung",
    ("tap_timeout_ms", "<"): "in_time",
    ("tap_timeout_ms", ">"): "pressed",
}


def settings() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return the settings that the core reads: name -> (type, words)."""
    found: dict[str, tuple[str, tuple[str, ...]]] = {}
    hints = get_type_hints(GestureConfig)
    for name in GestureConfig.__struct_fields__:
        if name in NOT_READ:
            continue
        if name in KNOWN:
            found[name] = KNOWN[name], MODES if KNOWN[name] == "words" else ()
        elif get_origin(hints[name]) is Literal:
            found[name] = "word", get_args(hints[name])
        elif name.endswith("_ms"):
            found[name] = "time", ()
        elif name.endswith(("_dp", "_dp_s")):
            found[name] = "limit", ()
        elif hints[name] is bool:
            found[name] = "flag", ()
        elif hints[name] is int:
            found[name] = "count", ()
    return found


def member(setting: str) -> str:
    """Return the member of `capture_thresholds` for a setting: times are whole nanoseconds there."""
    return f"{setting.removesuffix('_ms')}_ns" if setting.endswith("_ms") else setting


def comparison(condition: Condition) -> str:
    """Return a condition as C."""
    of_time = condition.measure == "duration"
    if settings().get(condition.setting, ("none",))[0] != ("time" if of_time else "limit"):
        raise ValueError(f"{condition}: {condition.measure} cannot be compared with it")
    limit = f"limits->{member(condition.setting)}"
    if of_time:
        return f"(duration_ns {condition.relation} {limit})"
    return f"({COMPARED[condition.relation].format(measure=condition.measure, limit=limit)})"


def fact(condition: Condition) -> str:
    """Return a condition on a dialect's fact of a stroke, as C; other settings are compared."""
    said = FACTS.get((condition.setting, condition.relation[0]))
    return f"({said})" if said else comparison(condition)


def first_row(conditions: Callable[[Condition], str]) -> str:
    """Return C that finds the first row whose conditions all hold, from the last to the first."""
    return "".join(
        f"    is = -({' & '.join(conditions(each) for each in row.when)});\n"
        f"    kind = (is & {c_name(row)}) | (~is & kind);\n"
        for row in reversed(KINDS)
    )


def enum(prefix: str, members: type[IntEnum]) -> str:
    """Return an enum as C."""
    text = ", ".join(f"CAPTURE_{prefix}{each.name}~=~{each.value}" for each in members)
    return "\n".join(wrap(f"enum {{ {text} }};", 108, subsequent_indent="    ")).replace("~", " ") + "\n"


def mask(name: str, rows: list[Kind], what: str) -> str:
    """Return a function that is -1 for some kinds, else 0."""
    test = " | ".join(f"(kind == {c_name(row)})" for row in rows) or "0"
    head = f"/* -1 {what}, else 0. */\nstatic inline int32_t {name}(int32_t kind)"
    return f"{head}\n{{\n    return -(int32_t)({test});\n}}\n"


def c_name(row: Kind) -> str:
    """Return the C name of a kind."""
    return f"CAPTURE_KIND_{row.kind.name}"


def header(name: str, origin: str, *parts: str) -> str:
    """Return a header file."""
    guard = f"CAPTURE_{name}_H"
    body = "\n".join(parts)
    return f"/* {MADE.format(origin)} */\n#ifndef {guard}\n#define {guard}\n\n{body}\n#endif\n"


def actions() -> str:
    """Return actions.h."""
    return header("ACTIONS", "capture.gestures.kinds", enum("", Action))


def rule() -> str:
    """Return rule.h."""
    fields = {name: (*TYPES[kind], words) for name, (kind, words) in settings().items()}
    struct = "".join(f"    {c_type} {member(name)};\n" for name, (c_type, _, _) in fields.items())
    described = "".join(
        f'    {{"{name}", {how}, offsetof(capture_thresholds, {member(name)}), "{" ".join(words)}"}},\n'
        for name, (_, how, words) in fields.items()
    )
    words = "".join(
        f"enum {{ {', '.join(f'CAPTURE_{name.upper()}_{word.upper()}' for word in each)} }};\n"
        for name, (_, _, each) in fields.items()
        if each
    )
    return header(
        "RULE",
        "capture.gestures.kinds and capture.GestureConfig",
        '#include "thresholds.h"\n',
        enum("KIND_", GestureKind) + enum("REASON_", Reason) + enum("DIRECTION_", Direction) + words,
        f"/* GestureConfig: dp, dp/s and ns; derived values come last. */\ntypedef struct {{\n{struct}"
        "    double tap_timeout_value; /* ms, as configured */\n"
        "    double hold_value;\n"
        "    double chord_timeout_value;\n"
        "    int32_t plain;    /* the decision is that of the default dialect */\n"
        "    int32_t verdicts; /* records have the verdict columns */\n"
        "    int32_t seen;     /* strokes are looked at as dialects do */\n"
        "    int32_t history;  /* recent samples are kept */\n"
        "} capture_thresholds;\n",
        f"enum {{ CAPTURE_SETTINGS = {len(fields)} }};\n"
        f"static const capture_setting capture_settings[CAPTURE_SETTINGS] = {{\n{described}}};\n",
        "/* The first row whose conditions all hold, so rows are tried from the last to the first. This\n"
        " * is the decision of the default dialect; `plain` is whether a configuration has it. */\n"
        "static inline int32_t capture_kind_of(\n"
        "    float distance, float velocity, int64_t duration_ns, const capture_thresholds *limits)\n"
        f"{{\n    int32_t is, kind = CAPTURE_KIND_NONE;\n{first_row(comparison)}    return kind;\n}}\n",
        "/* The same by a dialect's facts of a stroke: 0 or 1 each, near and dragged not both. */\n"
        "static inline int32_t capture_kind_by(\n"
        "    int near, int dragged, int in_time, int pressed, int flung,\n"
        "    float distance, float velocity, int64_t duration_ns, const capture_thresholds *limits)\n"
        f"{{\n    int32_t is, kind = CAPTURE_KIND_NONE;\n"
        "    (void)distance, (void)velocity, (void)duration_ns, (void)limits; /* of settings of your own */\n"
        f"{first_row(fact)}    return kind;\n}}\n",
        mask("capture_moves", [row for row in KINDS if row.moves], "for kinds that have a direction"),
        mask("capture_runs", [row for row in KINDS if row.runs], "for kinds that form runs"),
    )


def chord_kinds() -> str:
    """Return chord_kinds.h."""
    return header(
        "CHORD_KINDS",
        "capture.gestures.kinds",
        '#include "dialect.h"\n',
        enum("MULTI_KIND_", MultiKind) + enum("MULTI_REASON_", MultiReason) + enum("MODE_", Mode),
    )


def multi() -> str:
    """Return multi.pxd."""
    return f'''"""The record of a chord. {MADE.format("multi.h")}"""

from libc.stdint cimport int32_t, int64_t, uint8_t

from capture._native.record cimport Field


cdef extern from "multi.h" nogil:
    enum:
        MULTI_FIELDS "CAPTURE_MULTI_FIELDS"
    const Field[MULTI_FIELDS] CHORD_FIELDS "capture_multi_fields"
    ctypedef struct MultiRecord "capture_multi":
{members_of("multi.h")[0]}'''


def members_of(name: str) -> tuple[str, list[str]]:
    """Return the fields that a header lists as Cython declares them, and their types."""
    fields = re.findall(
        r"^ +FIELD\((\w+), (\w+), \"", (NATIVE / name).read_text(encoding="utf-8"), re.MULTILINE
    )
    types = list(dict.fromkeys(kind for _, kind in fields))
    return declared({kind: [field for field, each in fields if each == kind] for kind in types}), types


def declared(names: dict[str, list[str]]) -> str:
    """Return members of a struct, those of one type together, as Cython declares them."""
    lines = [f"{c_type} {', '.join(some)}" for c_type, each in names.items() for some in batched_names(each)]
    return "".join(f"        {line}\n" for line in lines)


def batched_names(names: list[str]) -> list[list[str]]:
    """Return names in groups that fit a line."""
    return [names[start : start + 6] for start in range(0, len(names), 6)]


def record() -> str:
    """Return record.pxd."""
    members, types = members_of("record.h")
    pointers = "".join(f"ctypedef {c_type} *{c_type}_column\n" for c_type in types)
    columns = re.sub(r"^( +\w+)", r"\1_column", members, flags=re.MULTILINE)
    return f'''"""The record of one stroke. {MADE.format("record.h")}"""

from libc.stdint cimport int32_t, int64_t, uint8_t

{pointers}

cdef extern from "record.h" nogil:
    enum:
        STROKE_FIELDS "CAPTURE_STROKE_FIELDS"
        FIELDS "CAPTURE_FIELDS"
        COLUMNS "CAPTURE_STROKE_COLUMNS"
    ctypedef struct Field "capture_field":
        const char *name
        const char *format
        size_t size
        size_t offset
    const Field[COLUMNS] RECORD_FIELDS "capture_stroke_fields"
    ctypedef struct Record "capture_stroke":
{members}        bint verdict
    ctypedef struct RecordColumns "capture_stroke_columns":
{columns}        int64_t *ended
    void no_verdict "capture_no_verdict"(Record *record) noexcept
    void columns_at "capture_stroke_at"(void **data, int64_t at, RecordColumns *to) noexcept
    void put_record "capture_stroke_put"(void **data, int64_t at, const Record *record) noexcept
    void get_record "capture_stroke_get"(void **data, int64_t at, Record *record) noexcept
'''


FILES = {
    "actions.h": actions,
    "rule.h": rule,
    "record.pxd": record,
    "chord_kinds.h": chord_kinds,
    "multi.pxd": multi,
}


def main() -> None:
    """Write the files whose text changed."""
    for name, make in FILES.items():
        path, text = NATIVE / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
