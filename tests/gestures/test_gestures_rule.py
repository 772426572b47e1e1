"""The sources of the native core that are made from tables, and the rule in them."""

import re
import runpy
from pathlib import Path

import pytest

from capture import GestureConfig
from capture._native.output import LAYOUT, VERDICT
from capture.gestures.kinds import Condition

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "capture" / "_native"
MAKER = runpy.run_path(str(ROOT / "scripts" / "make_rule.py"))


@pytest.mark.parametrize("name", MAKER["FILES"])
def test_what_is_made_is_up_to_date(name):
    text = (NATIVE / name).read_text(encoding="utf-8")

    assert text == MAKER["FILES"][name](), "python scripts/make_rule.py"


def test_the_core_reads_every_threshold():
    assert set(MAKER["settings"]()) == set(GestureConfig.__struct_fields__) - MAKER["NOT_READ"]


def test_a_measure_is_only_compared_with_its_like():
    with pytest.raises(ValueError, match="cannot be compared"):
        MAKER["comparison"](Condition("duration", "<", "touch_slop_dp"))
    with pytest.raises(ValueError, match="cannot be compared"):
        MAKER["comparison"](Condition("distance", "<", "tap_timeout_ms"))


def test_the_layout_is_the_list_of_the_header():
    header = (NATIVE / "record.h").read_text(encoding="utf-8")

    assert [*LAYOUT, *VERDICT] == re.findall(r'^ +FIELD\((\w+), \w+, "(.)"\)', header, re.MULTILINE)


def test_the_stub_lists_the_fields():
    kinds = {"q": "int", "i": "int", "B": "int", "f": "float", "d": "float", "?": "bool"}
    stub = (NATIVE / "recognizer.pyi").read_text(encoding="utf-8")
    enums = {"kind", "reason", "direction"}

    assert re.findall(r"^    (\w+): Final\[(\w+)\]$", stub, re.MULTILINE) == [
        (name, kinds[letter]) for name, letter in LAYOUT + VERDICT if name not in enums
    ]


def test_no_number_of_a_kind_is_written_by_hand():
    made = set(MAKER["FILES"])
    by_hand = [path for path in NATIVE.rglob("*.[hp]*") if path.name not in made and path.suffix != ".pyc"]
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in by_hand if path.suffix in {".h", ".pxd", ".pyx"}
    )

    assert not re.findall(r"(?i)kind\w* *(?:==|=|\?) *(?:6|8|9|10)\b|\? *(?:6|8|9|10) *:", text)
