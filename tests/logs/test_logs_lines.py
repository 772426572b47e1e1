"""Prefixes of lines: a pattern by the prefix of one line, for the others; and no line takes long."""

import subprocess
import sys

import pytest
from hypothesis import given, strategies as st

from capture import logs
from capture.logs.lines import shape

PREFIXES = st.text(st.sampled_from("ab1_ 2:\t[]()-/.>ä"), min_size=1, max_size=60)


@given(PREFIXES)
def test_a_prefix_has_its_own_shape(prefix):
    assert shape(prefix).sub("", prefix + "|", count=1) == "|"


@pytest.mark.parametrize(
    ("prefix", "line"),
    [
        pytest.param(" 9 ", "10 ", id="number"),
        pytest.param("I/tag ( 123): ", "I/tag (1234): ", id="pid"),
        pytest.param("07-01 10:00:00.1 ", "12-31 23:59:59.123 ", id="time"),
        pytest.param("app3 out > ", "app12 out > ", id="name"),
        pytest.param("host kernel: ", "other kernel: ", id="word"),
    ],
)
def test_a_prefix_of_the_same_shape_is_taken_off(prefix, line):
    assert shape(prefix).sub("", line + "|", count=1) == "|"


#: A prefix in the first line, and a line that nearly has it: each ended after hours.
SLOW = {
    "words": ("ence " * 40, "e" * 250),
    "numbers": ("1 " * 40, "1" * 250),
    "letters-and-numbers": ("a1" * 60 + " ", "a1" * 125),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_line_that_nearly_has_the_prefix_is_read_at_once(tmp_path, name):
    prefix, line = SLOW[name]
    path = tmp_path / "a.txt"
    path.write_text(f"{prefix}sendevent /dev/input/event2 3 57 1\n{line}\n", encoding="ascii")
    code = f"from capture import logs; print(len(list(logs.open_log({str(path)!r}).chunks())))"

    assert subprocess.run([sys.executable, "-c", code], timeout=300, check=True, capture_output=True).stdout


def test_functions_that_call_each_other_end_soon(tmp_path):
    path = tmp_path / "a.sh"
    calls = "f\n" * 10
    path.write_text(f"f()\n{{\nsendevent /dev/input/event2 3 57 1\n{calls}}}\nf\n", encoding="ascii")

    with pytest.raises(logs.TouchLogError, match="its functions call each other endlessly"):
        list(logs.open_log(path).chunks())
