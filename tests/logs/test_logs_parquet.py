"""Damaged Parquet files end in an error."""

import subprocess
import sys

import pytest

from capture import logs
from capture.errors import TouchLogError

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

DAMAGED_FOOTERS = """
import sys
from pathlib import Path

from capture import logs
from capture.errors import TouchLogError

path = Path(sys.argv[1])
data = path.read_bytes()
begin = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
for at in range(begin, len(data) - 8, 3):
    path.write_bytes(data[:at] + bytes([data[at] ^ 3]) + data[at + 1 :])
    try:
        list(logs.open_log(path).chunks())
    except TouchLogError:
        pass
print(len(data) - 8 - begin)
"""


def test_a_damaged_footer_ends_in_an_error_not_in_an_abort(tmp_path):
    path = tmp_path / "a.parquet"
    columns = {"action": [0, 2, 1], "time": [0, 8, 16], "x": [1.0, 2.0, 3.0], "y": [1.0, 2.0, 3.0]}
    parquet.write_table(pa.table(columns), path)

    done = subprocess.run(
        [sys.executable, "-c", DAMAGED_FOOTERS, path], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 500


@pytest.mark.parametrize("names", [("action", "time", "x", "y", "x"), ("event", "t", "posX", "posY", "posX")])
def test_two_columns_of_one_name_are_refused(tmp_path, names):
    path = tmp_path / "a.parquet"
    columns = [[0, 1], [0, 80], [1.0, 2.0], [1.0, 2.0], [5.0, 6.0]]
    parquet.write_table(pa.Table.from_arrays(list(map(pa.array, columns)), names=names), path)

    with pytest.raises(TouchLogError, match=f"the column {names[2]!r} occurs twice"):
        logs.open_log(path)
