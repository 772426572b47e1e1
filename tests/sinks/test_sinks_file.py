"""The file sink: whole lines, whatever happens."""

import errno
import os
import shutil

import pytest

from capture.errors import SinkError
from capture.sinks import ACCEPTED, Batch, Outcome
from capture.sinks.file import FileSink


def batch(body):
    return Batch(body, 1, 1, "id", "native", [body])


def test_one_batch_a_line(tmp_path):
    sink = FileSink(tmp_path / "new" / "folder")
    assert sink.send(batch(b'{"a":1}'), 1) is ACCEPTED
    assert sink.send(batch(b'{"a":2}'), 1) is ACCEPTED
    sink.close()
    sink.close()

    assert sink.path.read_bytes() == b'{"a":1}\n{"a":2}\n'


def test_no_file_before_the_first_batch(tmp_path):
    sink = FileSink(tmp_path / "out")
    sink.flush()
    sink.close()

    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("replace", "expected"), [(False, b"old\nnew\n"), (True, b"new\n")])
def test_append_or_replace(tmp_path, replace, expected):
    (tmp_path / "batches.jsonl").write_bytes(b"old\n")
    sink = FileSink(tmp_path, replace=replace)
    sink.send(batch(b"new"), 1)
    sink.close()

    assert sink.path.read_bytes() == expected


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (b"whole\nhal", b"whole\nnew\n"),
        (b"hal", b"new\n"),
        (b"whole\n" + b"x" * 200_000, b"whole\nnew\n"),
        (b"", b"new\n"),
    ],
)
def test_a_half_line_of_a_killed_process_is_cut_off(tmp_path, left, expected):
    (tmp_path / "batches.jsonl").write_bytes(left)
    sink = FileSink(tmp_path)
    sink.send(batch(b"new"), 1)
    sink.close()

    assert sink.path.read_bytes() == expected


@pytest.mark.skipif(os.name != "posix", reason="an open file cannot be moved here")
@pytest.mark.parametrize("replace", [False, True])
def test_a_file_that_is_rotated_or_removed_is_made_anew(tmp_path, replace):
    sink = FileSink(tmp_path / "out", replace=replace)
    sink.send(batch(b"1"), 1)
    sink.send(batch(b"2"), 1)
    rotated = sink.path.rename(tmp_path / "rotated.jsonl")
    assert sink.send(batch(b"3"), 1) is ACCEPTED
    assert (rotated.read_bytes(), sink.path.read_bytes()) == (b"1\n2\n", b"3\n")
    shutil.rmtree(tmp_path / "out")
    assert sink.send(batch(b"4"), 1) is ACCEPTED
    assert sink.path.read_bytes() == b"4\n"
    # As logrotate does it: another file is there already.
    sink.path.unlink()
    sink.path.write_bytes(b"other\n")
    assert sink.send(batch(b"5"), 1) is ACCEPTED
    sink.close()

    assert sink.path.read_bytes() == b"other\n5\n"


def test_a_line_that_was_cut_short_is_taken_back(tmp_path, monkeypatch):
    sink = FileSink(tmp_path)
    sink.send(batch(b"first"), 1)
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:3]))
    answer = sink.send(batch(b"second"), 1)
    monkeypatch.undo()

    assert answer.outcome is Outcome.TEMPORARY
    assert sink.path.read_bytes() == b"first\n"
    assert sink.send(batch(b"second"), 1) is ACCEPTED
    sink.close()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_failing_write_is_temporary(tmp_path, monkeypatch, code):
    sink = FileSink(tmp_path)

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "write", fail)
    answer = sink.send(batch(b"x"), 1)
    monkeypatch.undo()

    assert answer.outcome is Outcome.TEMPORARY
    assert os.strerror(code) in answer.reason
    sink.close()


def test_a_failing_fsync_is_an_error(tmp_path, monkeypatch):
    sink = FileSink(tmp_path)
    sink.send(batch(b"x"), 1)

    def fail(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(SinkError):
        sink.close()


def test_a_batch_of_several_lines_is_refused(tmp_path):
    assert FileSink(tmp_path).send(batch(b"a\nb"), 1).outcome is Outcome.REFUSED
