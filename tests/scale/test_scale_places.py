"""``capture places``: one heat map for each screen and size, over Parquet and Currents."""

import base64
import json
import xml.etree.ElementTree as ET

import pytest

from capture.cli import run

pytest.importorskip("duckdb")
parquet = pytest.importorskip("pyarrow.parquet")
arrow = pytest.importorskip("pyarrow")
PIXEL = base64.b64encode(
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
).decode()
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def folder(tmp_path):
    columns = {
        "device_id": ["a", "b", "a", "b", "a"],
        "stream": [0] * 5,
        "kind": ["tap"] * 5,
        "time_down": [10, 11, 20, 21, 30],
        "time_up": [15, 16, 25, 26, 35],
        "screen": ["Home", "Home", "Home", "Shop", "Shop"],
        "screen_width": [480, 480, 960, 480, None],
        "screen_height": [960, 960, 480, 960, None],
        "x_down": [10.0, 20.0, 500.0, 100.0, float("nan")],
        "y_down": [10.0, 20.0, 100.0, 200.0, 5.0],
    }
    (tmp_path / "data").mkdir()
    parquet.write_table(arrow.table(columns), tmp_path / "data" / "gestures.parquet")
    marks = [{"mark": "screen", "time": 0, "name": "Home"}, {"mark": "screenshot", "time": 0, "image": PIXEL}]
    lines = "".join(json.dumps(mark) + "\n" for mark in marks)
    (tmp_path / "data" / "log.marks.jsonl").write_text(lines)
    return tmp_path


def test_one_heat_map_for_each_screen_and_size(folder, capsys):
    assert run(["places", str(folder / "data"), "-o", str(folder / "heat"), "--json"]) == 0
    places = json.loads(capsys.readouterr().out)["places"]

    assert [(each["screen"], each["width"], each["height"], each["gestures"]) for each in places] == [
        ("Home", 480, 960, 2),
        ("Home", 960, 480, 1),
        ("Shop", 480, 960, 1),
    ]
    home, _, shop = (ET.parse(each["file"]).getroot() for each in places)  # noqa: S314 - our own
    assert len(home.findall(f".//{SVG}image")) == 1
    assert len(shop.findall(f".//{SVG}image")) == 0
    [cell] = [each for each in home.iter(f"{SVG}rect") if each.get("fill-opacity")]
    assert (cell.get("x"), cell.get("y"), cell.get("fill-opacity")) == ("0", "0", "0.85")


def test_without_positions_it_says_what_keeps_them(folder, capsys):
    table = parquet.read_table(folder / "data" / "gestures.parquet").drop_columns(["x_down", "y_down"])
    parquet.write_table(table, folder / "data" / "gestures.parquet")

    with pytest.raises(Exception, match="positions keeps them"):
        run(["places", str(folder / "data"), "-o", str(folder / "heat")])
