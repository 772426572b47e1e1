"""Where bytes come from: compression, encodings, seeds, and everything that is no log."""

import errno
import gzip
import hashlib
import io
import lzma
import os
import subprocess
import sys
import threading

import pytest

from capture import logs
from capture.errors import TouchLogError
from capture.logs import source

LOG = (
    b"[    1.000000] EV_ABS       ABS_MT_TRACKING_ID   00000001\n"
    b"[    1.000000] EV_ABS       ABS_MT_POSITION_X    0000000a\n"
    b"[    1.000000] EV_SYN       SYN_REPORT           00000000\n"
    b"[    1.100000] EV_ABS       ABS_MT_TRACKING_ID   ffffffff\n"
    b"[    1.100000] EV_SYN       SYN_REPORT           00000000\n"
)
SAMPLES = [(0, 0, 0, 10**9, 10.0, 0.0), (0, 0, 1, 1_100_000_000, 10.0, 0.0)]


def rows(path, **options):
    log = logs.open_log(path, options=logs.ReadOptions(**options))
    return [row for chunk in log.chunks() for row in chunk.rows()]


def zstd(data):
    return pytest.importorskip("backports.zstd").compress(data)


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, zstd], ids=["gz", "xz", "zst"])
def test_compressed_logs_are_read_as_they_were(tmp_path, compress):
    path = tmp_path / "log"
    path.write_bytes(compress(LOG))
    log = logs.open_log(path)

    assert [row for chunk in log.chunks() for row in chunk.rows()] == SAMPLES
    assert log.seed == hashlib.sha256(LOG).hexdigest()
    assert log.bytes_read == log.size == path.stat().st_size
    assert log.warnings == {"raw_units": 1}


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, zstd], ids=["gz", "xz", "zst"])
def test_compressed_log_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path, compress):
    noise = b"".join(b"[    1.000000] 0004 0004 %s\n" % os.urandom(4).hex().encode() for _ in range(20_000))
    path = tmp_path / "log"
    path.write_bytes(compress(LOG + noise)[:-200])
    log = logs.open_log(path)

    assert [row for chunk in log.chunks() for row in chunk.rows()] == SAMPLES
    assert log.warnings["cut_off"] == 1


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, zstd], ids=["gz", "xz", "zst"])
def test_damaged_compression_is_an_error(tmp_path, compress):
    data = bytearray(compress(os.urandom(100_000).hex().encode()))
    data[len(data) // 2 : len(data) // 2 + 60] = b"\xff" * 60
    path = tmp_path / "log"
    path.write_bytes(data)

    with pytest.raises(TouchLogError, match=r"damaged"):
        rows(path, format="getevent")


def test_decompression_stops_at_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "EXPANDED_LIMIT_BYTES", 3 << 20)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(LOG + b"\n" * (16 << 20)))

    with pytest.raises(TouchLogError, match="grows beyond"):
        rows(path)


def test_line_without_an_end_is_an_error_and_takes_no_memory(tmp_path):
    path = tmp_path / "long"
    path.write_bytes(LOG + b"x" * (3 << 20))

    with pytest.raises(TouchLogError, match="longer than 1 MiB") as caught:
        rows(path)
    assert caught.value.line == 6


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
def test_encodings_that_windows_writes(tmp_path, encoding):
    text = LOG.decode().replace("\n", "\r\n")
    path = tmp_path / "log"
    path.write_bytes(b"\xff\xfe" * (encoding == "utf-16-le") + text.encode(encoding))

    assert rows(path) == SAMPLES


def test_seed_is_of_the_content_and_not_of_the_name(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(LOG)
    second.write_bytes(LOG)

    assert logs.open_log(first).seed == logs.open_log(second).seed == hashlib.sha256(LOG).hexdigest()


def test_seed_of_standard_input_is_of_its_first_64_kib():
    content = LOG * 1000
    code = "from capture import logs; log = logs.open_log('-'); list(log.chunks()); print(log.seed)"
    done = subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, check=True)

    assert done.stdout.decode().strip() == hashlib.sha256(content[: 64 * 1024]).hexdigest()


def test_file_is_read_again_and_standard_input_is_not(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(LOG)
    log = logs.open_log(path)
    first = [row for chunk in log.chunks() for row in chunk.rows()]

    assert [row for chunk in log.chunks() for row in chunk.rows()] == first == SAMPLES
    assert log.warnings == {"raw_units": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "the log is empty", id="empty"),
        pytest.param(b"hello\n", r"not a touch log of a known format; tried: parquet, .*--format", id="text"),
        pytest.param(b"\x7fELF\0\0\0\1" * 40, "a binary file; tried", id="binary"),
        pytest.param(bytes(range(256)) * 40, "a binary file; tried", id="all-bytes"),
        pytest.param(b"a,b,c\n1,2,3\n", "is a table with the columns a, b, c: say which", id="other-csv"),
        pytest.param(b"{}\n", "not a touch log", id="empty-json"),
        pytest.param(
            b'{"pid":8,"r":{"w":1},"pl":[{"ea":6,"upt":1}]}\n', "is a file of batches", id="batches"
        ),
        pytest.param(b"<html></html>", "not a touch log", id="html"),
    ],
)
def test_what_is_no_log_is_a_clear_error(tmp_path, content, message):
    path = tmp_path / "log"
    path.write_bytes(content)

    with pytest.raises(TouchLogError, match=message) as caught:
        logs.open_log(path)
    assert str(caught.value).startswith(f"{path}:")


class Failing(io.RawIOBase):
    """A file on a disk that fails after some bytes."""

    def __init__(self, data, good):
        self._data, self._good, self._at = data, good, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self._at

    def seek(self, at, whence=0):
        self._at = at if whence == 0 else self._at + at
        return self._at

    def read(self, size=-1):
        if self._at >= self._good:
            raise OSError(errno.EIO, "Input/output error")
        part = self._data[self._at : min(self._good, self._at + size)]
        self._at += len(part)
        return part

    def readinto(self, place):
        part = self.read(len(place))
        place[: len(part)] = part
        return len(part)


CSV = b"stream,pointer,action,time,x,y\n" + b"0,0,2,20,1.5,2\n" * 20_000
COMMON = b'{"pointer":0,"action":2,"time":20,"x":1.5,"y":2}\n' * 20_000


@pytest.mark.parametrize("good", [3, 60_000, 200_000], ids=["at-once", "in-the-head", "in-the-middle"])
@pytest.mark.parametrize(
    ("data", "name"),
    [
        pytest.param(LOG * 2_000, "getevent", id="text"),
        pytest.param(gzip.compress(os.urandom(300_000)), "getevent", id="gz"),
        pytest.param(lzma.compress(os.urandom(300_000)), "getevent", id="xz"),
        pytest.param(CSV, "csv", id="csv"),
        pytest.param(COMMON, "jsonl", id="jsonl"),
    ],
)
def test_a_disk_that_fails_is_said_with_the_path(tmp_path, monkeypatch, data, name, good):
    class Place(type(tmp_path)):
        def open(self, *_):
            return Failing(data, good)

    path = tmp_path / "log"
    path.write_bytes(data)
    monkeypatch.setattr(source, "Path", Place)
    with pytest.raises(TouchLogError) as caught:
        rows(path, format=name)

    assert str(caught.value) == f"{path}: cannot be read: Input/output error"


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="no /proc")  # noqa: PTH110 - it is no file
def test_a_file_that_cannot_be_read_at_all():
    with pytest.raises(TouchLogError, match=r"^/proc/self/mem: cannot be read: Input/output error$"):
        logs.open_log("/proc/self/mem")


def test_a_description_that_cannot_be_read_is_said_with_its_path(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / "log.events").write_bytes(b"E: 0.000001 0003 0035 0400\n")
    (tmp_path / "log.desc").write_bytes(b"N: x\n")
    monkeypatch.setattr(type(tmp_path), "read_text", fail)
    with pytest.raises(TouchLogError, match=r"log\.desc: cannot be read: Input/output error$"):
        logs.open_log(tmp_path / "log.events")


@pytest.mark.parametrize("path", ["x" * 300, "a/\0b", "/dev/null/log"])
def test_a_path_that_cannot_be(path):
    with pytest.raises(TouchLogError, match=r"cannot be opened: File name too long|there is no such file"):
        logs.open_log(path)
    with pytest.raises(TouchLogError, match="there is no such file"):
        logs.find_logs([path])


def test_missing_file_folder_and_unknown_format(tmp_path):
    with pytest.raises(TouchLogError, match="there is no such file"):
        logs.open_log(tmp_path / "missing")
    with pytest.raises(TouchLogError, match="is a folder"):
        logs.open_log(tmp_path)
    (tmp_path / "log").write_bytes(LOG)
    with pytest.raises(TouchLogError, match=r"unknown format 'getevnt'; .*getevent"):
        logs.open_log(tmp_path / "log", format="getevnt")


def test_log_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "log"
    for length in range(1, len(LOG)):
        path.write_bytes(LOG[:length])

        assert rows(path, format="getevent") in ([], SAMPLES[:1], SAMPLES)


def test_folders_and_globs_stand_for_their_logs(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("b.txt", "a.txt", "in/c.log"):
        (tmp_path / name).write_bytes(LOG)
    (tmp_path / "README.md").write_text("no log", encoding="ascii")
    (tmp_path / "panel.desc").write_text("# EVEMU 1.3\n", encoding="ascii")
    (tmp_path / ".hidden").write_bytes(LOG)
    (tmp_path / "d.marks.jsonl").write_text('{"mark": "screen", "time": 1, "name": "a"}\n', encoding="ascii")
    found = [str(tmp_path / name) for name in ("a.txt", "b.txt", "in/c.log")]

    assert logs.find_logs([tmp_path]) == found
    assert logs.find_logs([tmp_path / "*.txt"]) == found[:2]
    assert logs.find_logs([tmp_path / "b.txt", "-"]) == [found[1], "-"]
    assert logs.find_logs(str(tmp_path / "b.txt")) == logs.find_logs(tmp_path / "b.txt") == [found[1]]


def test_folder_without_a_log_and_glob_without_a_file(tmp_path):
    with pytest.raises(TouchLogError, match="has no touch log in it"):
        logs.find_logs([tmp_path])
    with pytest.raises(TouchLogError, match="there is no such file"):
        logs.find_logs([tmp_path / "*.events"])


def test_named_pipe_is_read_like_standard_input(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(LOG,))
    writer.start()
    log = logs.open_log(path)
    found = [row for chunk in log.chunks() for row in chunk.rows()]
    writer.join()

    assert found == SAMPLES
    assert log.size is None
    with pytest.raises(TouchLogError, match="only once"):
        list(log.chunks())


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("action,time,x,y\n0,1,2,3\n", encoding="ascii")
    logs.write(logs.open_log(tmp_path / "a.csv"), tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(TouchLogError, match=r"touchcapture\[arrow\]"):
        logs.open_log(tmp_path / "a.parquet")
    assert [len(chunk) for chunk in logs.open_log(tmp_path / "a.csv").chunks()] == [1]
