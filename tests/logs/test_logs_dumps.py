"""Evdev events as bytes and as the tools of a shell print them: one recording."""

import shutil
import struct
import subprocess

import pytest

from capture import logs

PRINTED = [
    "xxd", "hexdump", "hexdump -C", "od -x", "od -t x1", "od -t x2", "od -A x -t x1", "od -t x1 -w8",
    "od -v -t x1", "od -t x1z", "xxd -p", "xxd -p -c 24", "od -An -v -t x1",
]  # fmt: skip


def recording(strokes=60):
    """Return records of a 64 bit machine: strokes of three samples."""
    records = []
    for number in range(strokes):
        frames = [
            [(3, 0x39, number), (3, 0x35, 100 + number), (3, 0x36, 200), (1, 330, 1)],
            [(3, 0x35, 110 + number)],
            [(3, 0x39, -1), (1, 330, 0)],
        ]
        for step, frame in enumerate(frames):
            micros = number * 500_000 + step * 10_000
            time = 1_600_000_000 + micros // 1_000_000, micros % 1_000_000
            records += [struct.pack("<QQHHi", *time, *event) for event in [*frame, (0, 0, 0)]]
    return b"".join(records)


def rows(path):
    log = logs.open_log(path)
    assert log.name == "evdevbinary"
    return [row for chunk in log.chunks() for row in chunk.rows()]


@pytest.mark.parametrize("command", PRINTED)
def test_a_dump_is_read_as_its_bytes(tmp_path, command):
    tool, *options = command.split()
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool}")
    data, dump = tmp_path / "a.bin", tmp_path / "a.txt"
    data.write_bytes(recording())
    dump.write_bytes(subprocess.run([tool, *options, data], capture_output=True, check=True).stdout)

    expected = rows(data)
    assert len(expected) == 180
    assert rows(dump) == expected


@pytest.mark.parametrize("command", ["xxd", "hexdump", "hexdump -C", "od -t x1"])
def test_a_dump_without_its_second_line_is_read_on(tmp_path, command):
    """The third line of a hex dump has the address that the second has in octal."""
    tool, *options = command.split()
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool}")
    data, dump = tmp_path / "a.bin", tmp_path / "a.txt"
    data.write_bytes(recording())
    lines = subprocess.run([tool, *options, data], capture_output=True, check=True).stdout.split(b"\n")
    dump.write_bytes(b"\n".join([lines[0], *lines[2:]]))

    assert rows(dump) == rows(data)[3:]
