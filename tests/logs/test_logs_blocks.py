"""However a log is cut into blocks and chunks, it gives the same samples, marks and doubts."""

import random

import pytest
from log_seeds import SEEDS

from capture import logs
from capture.errors import TouchLogError
from capture.logs import _base, _source


def read(path, name):
    log = logs.open_log(path, format=name)
    rows = [row for chunk in log.chunks() for row in chunk.rows()]
    return str(rows), log.marks, log.warnings


def outcome(path, name):
    try:
        return read(path, name)
    except TouchLogError as error:
        return str(error)


@pytest.mark.parametrize("name", [name for name in SEEDS if name != "csv"])
@pytest.mark.parametrize("size", [1, 7, 64])
def test_blocks_of_any_size(tmp_path, monkeypatch, name, size):
    path = tmp_path / "log"
    path.write_bytes(SEEDS[name] * (1 if name in {"testfairy", "rrweb", "strokes"} else 3))
    whole = read(path, name)
    monkeypatch.setattr(_source, "BLOCK_BYTES", size)
    monkeypatch.setattr(_base, "CHUNK_SAMPLES", size)

    assert read(path, name) == whole


@pytest.mark.parametrize("name", ["getevent", "evemu", "evtest", "libinput", "kvi", "jsonl", "strokes"])
def test_damaged_logs_in_blocks_of_any_size(tmp_path, monkeypatch, name):
    chance = random.Random(name)
    path = tmp_path / "log"
    for _ in range(60):
        data = bytearray(SEEDS[name])
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data))
            data[at : at + chance.randint(0, 9)] = chance.randbytes(chance.randint(0, 5))
        path.write_bytes(data)
        with monkeypatch.context() as patch:
            whole = outcome(path, name)
            patch.setattr(_source, "BLOCK_BYTES", chance.randint(1, 50))

            assert outcome(path, name) == whole
