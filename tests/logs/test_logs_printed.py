"""Objects as programs print them: read as JSON, in one look at each place, and never taken for another's."""

import msgspec
import pytest

from capture import logs
from capture.logs.printed import json_of

STROKE = "{x: 1, y: 2, t: 0, type: 'down'}\n{x: 1, y: 2, t: 80, type: 'up'}\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("{x: 1, 'y': 2}", {"x": 1, "y": 2}, id="keys"),
        pytest.param("[{a: 'it\\'s', b: \"c: d\"},]", [{"a": "it's", "b": "c: d"}], id="texts"),
        pytest.param(r"{a: 'l\nn\u0041\\'}", {"a": "l\nnA\\"}, id="escapes"),
        pytest.param(
            "{a: undefined, b: NaN, c: -Infinity,};", {"a": None, "b": None, "c": None}, id="values"
        ),
        pytest.param("{'a': None, 'b': True}", {"a": None, "b": True}, id="python"),
        pytest.param("{a: 'open}", None, id="text-without-an-end"),
        pytest.param("{a: b}", None, id="a-name"),
        pytest.param("once {a: 1}", None, id="text-before"),
    ],
)
def test_what_is_printed_is_json(text, value):
    found = json_of(text.encode())

    assert (found if found is None else msgspec.json.decode(found)) == value


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param("{a: '" + "\\'" * 100_000, id="escapes"),
        pytest.param("{a:" * 80 + "a" * 300_000, id="nested"),
        pytest.param("{a: " + "x " * 200_000, id="words"),
        pytest.param('{a: "' + "x" * 900_000, id="long-text"),
    ],
)
def test_a_long_line_takes_no_longer_than_it_is(tmp_path, odd):
    """Each took seconds to hours where places were looked at again and again."""
    path = tmp_path / "a.txt"
    path.write_text(f"{STROKE * 3}{odd}\n{STROKE}", encoding="ascii")
    log = logs.open_log(path)

    assert sum(len(chunk) for chunk in log.chunks()) == 8
    assert log.counts == {"read": 9, "used": 8, "unknown_lines": 1}


@pytest.mark.parametrize("before", ["# settings {rate: 60}\n", "[10:00:00] config {debug: true}\n"])
def test_an_object_in_the_head_of_a_table_is_no_json(tmp_path, before):
    path = tmp_path / "a.csv"
    prefix = before[:11] if before[0] == "[" else ""
    rows = ["time,x,y,action", *(f"{number * 16},1,2,{number % 2}" for number in range(100))]
    path.write_text(before + "".join(f"{prefix}{row}\n" for row in rows), encoding="ascii")
    log = logs.open_log(path)

    assert (log.name, sum(len(chunk) for chunk in log.chunks())) == ("csv", 100)
