"""Captures 40 events into files, in a process of its own: ``storage_writer.py FOLDER MOMENT NUMBER``.

It kills itself at the NUMBER-th call of MOMENT: even numbers before the call, odd ones after it. ``never``
ends in order, and finishes what an earlier run left in the store.
"""

import os
import signal
import sys
import threading
import types
from pathlib import Path

from capture.config import BufferConfig, DeviceConfig, PrivacyConfig, ProjectConfig, RunConfig, SinkConfig
from capture.engine import Capture
from capture.sinks import cloud_storage, objects

folder, moment, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
calls = 0
#: Set when everything is recorded: no delivery, and no death, before that.
ready = threading.Event()


def deadly(function):
    def call(*values, **options):
        global calls  # noqa: PLW0603 - one count for the process
        if values and isinstance(values[0], Path) and folder / "out" not in values[0].parents:
            return function(*values, **options)
        ready.wait(30)
        calls += 1
        mine = calls
        if mine == number and number % 2 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*values, **options)
        if mine == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return call


class Files:
    """The folder of files, with one of its calls deadly."""

    def __init__(self, files):
        self._files = files
        self.kind = files.kind

    def put(self, path, content, timeout_s):
        self._files.put(path, content, timeout_s)

    def add_line(self, name, part, line, timeout_s):
        self._files.add_line(name, part, line, timeout_s)


def arm():
    if moment in {"put", "manifest"}:
        whole = objects.open_objects

        def opened_objects(*values):
            files = Files(whole(*values))
            files.add_line = deadly(files.add_line)
            if moment == "put":
                files.put = deadly(files.put)
            return files

        cloud_storage.open_objects = opened_objects
    elif moment == "fsync":
        # Of the files alone: the store syncs, too.
        objects.os = types.SimpleNamespace(**{**vars(os), "fsync": deadly(os.fsync)})
    elif moment in {"open", "mkdir", "replace"}:
        setattr(Path, moment, deadly(getattr(Path, moment)))
    elif moment == "write":
        # In the middle of a file: a part of it is on the disk.
        whole_open = Path.open

        def opened(path, *values, **options):
            file = whole_open(path, *values, **options)
            return Half(file) if path.parent.name == ".incoming" else file

        Path.open = opened


class Half:
    """A file whose write stops in the middle."""

    def __init__(self, file):
        self._file = file
        self.write = deadly(self._write)

    def _write(self, content):
        self._file.write(content[: len(content) // 2])
        self._file.flush()
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        self._file.write(content[len(content) // 2 :])

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def __getattr__(self, name):
        return getattr(self._file, name)


config = RunConfig(
    project=ProjectConfig(id=8),
    device=DeviceConfig(os_version="1", timezone="UTC", connectivity=1),
    buffer=BufferConfig(path=str(folder / "store")),
    privacy=PrivacyConfig(opted_in=True),
    sinks=(
        SinkConfig(
            type="cloud_storage",
            options={"url": os.environ.get("STORAGE_URL") or (folder / "out").as_uri(), "max_age_s": 3600.0},
        ),
    ),
)
# What an earlier run recorded is all there is to record.
recorded = (folder / "recorded").exists()
arm()
with Capture(config) as cap:
    if not recorded:
        for index in range(40):
            cap.track_custom_event(f"event {index}")
        (folder / "recorded").touch()
    ready.set()
    if not cap.flush(60):
        sys.exit("not delivered")
