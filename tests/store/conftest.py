"""A store on a disk that fails when it is told to."""

import errno
import os

import pytest

from capture.store import Store
from capture.testing import FakeClock


class Disk:
    """Writes as the system does, as long as it is told to."""

    def __init__(self):
        self.room = None
        self.error = None
        self.short = 0

    def __call__(self, descriptor, data, place):
        if self.error is not None:
            raise OSError(self.error, os.strerror(self.error))
        if self.room is not None:
            if self.room == 0:
                raise OSError(errno.ENOSPC, "no room")
            data = data[: self.room]
            self.room -= len(data)
        if self.short:
            data = data[: self.short]
        return os.pwrite(descriptor, data, place)


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def store(tmp_path, disk):
    made = Store(tmp_path / "store", formats={"a": "native"}, clock=FakeClock(), pwrite=disk)
    yield made
    made.close()
