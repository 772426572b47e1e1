"""A gateway that is killed, at every step and under load: nothing is lost, nothing is there twice."""

import asyncio
import contextlib
import errno
import gzip
import http.client
import json
import os
import random
import threading
import time
import uuid

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

import duckdb
from free_port import free_port
from gateway_kit import ENVIRON, Gateway, batch, configure, event, journal_lines, request

from capture.gateway import journal as journal_module
from capture.gateway.config import GatewayConfig
from capture.gateway.journal import Journal, Line, line_of, recover, segments
from capture.gateway.writer import Writer

SOAK = bool(os.environ.get("CAPTURE_SOAK"))
DOOR_STEPS = [
    "journal.open",
    "journal.write",
    "journal.sync",
    "journal.answer",
    "journal.seal",
    "journal.renamed",
]

KILL = """
import os, signal
from capture.gateway import steps
left = {times}
def stop(step):
    global left
    if step == {step!r}:
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
steps.on_step.append(stop)
"""
#: The planted fault: the answer goes before the write.
EARLY = """
from capture.gateway.journal import Journal
append = Journal.append
async def early(self, line):
    import asyncio
    self.early = asyncio.get_running_loop().create_task(append(self, line))
Journal.append = early
"""


def send(gateway, number):
    """Return whether a batch was acknowledged."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        return gateway.post(batch(event(number)))[0] == 200
    return False


def lost_events(folder, step, prelude=""):
    """Send batches to a gateway that is killed at a step; return the acknowledged ones that are lost."""
    config = configure(folder, journal={"segment_bytes": 600})
    gateway = Gateway(
        config, prelude=prelude + KILL.format(step=step, times=3 if step != "journal.open" else 2)
    )
    acknowledged = []
    # One write may serve many batches that are answered early: as many as it takes.
    for number in range(4_000):
        if not send(gateway, number):
            break
        acknowledged.append(number)
    assert gateway.process.wait(120) == -9
    gateway.kill()
    config = GatewayConfig.load(config, environ=ENVIRON)
    recover(config.journal_folder)
    found = [line["batch"]["pl"][0]["upt"] for line in journal_lines(folder) if line]
    assert len(found) == len(set(found))
    return set(acknowledged) - set(found)


@pytest.mark.parametrize("step", DOOR_STEPS)
def test_a_door_killed_at_any_step_loses_nothing(tmp_path, step):
    assert lost_events(tmp_path, step) == set()


def test_an_answer_before_the_write_is_caught(tmp_path):
    assert lost_events(tmp_path, "journal.write", EARLY) != set()


# Disks that fail


def test_a_failing_disk_tears_no_line_and_recovers_by_itself(tmp_path, monkeypatch):
    settings = GatewayConfig.load(configure(tmp_path), environ=ENVIRON).journal
    whole = line_of(Line(received=1, project=8, wire="native"), gzip.compress(b'{"pl":[]}'))
    real = os.write, os.fdatasync
    failures = iter([errno.ENOSPC, errno.EIO, "short", "sync", errno.EROFS])
    failing = []

    def write(descriptor, data):
        if failing[-1:] == ["short"]:
            failing.append(errno.ENOSPC)
            return real[0](descriptor, data[: len(data) // 2])
        if failing and isinstance(failing[-1], int):
            raise OSError(failing[-1], os.strerror(failing[-1]))
        return real[0](descriptor, data)

    def sync(descriptor):
        if failing[-1:] == ["sync"]:
            raise OSError(errno.EIO, "sync")
        real[1](descriptor)

    monkeypatch.setattr(journal_module.os, "write", write)
    monkeypatch.setattr(journal_module.os, "fdatasync", sync)

    async def run():
        made = Journal(tmp_path / "journal", settings)
        taken = 0
        for failure in failures:
            await made.append(whole)
            failing.append(failure)
            with pytest.raises(OSError, match=r".*"):
                await made.append(whole)
            failing.clear()
            taken += 1
        await made.append(whole)
        await made.close()
        return taken + 1

    taken = asyncio.run(run())
    recover(tmp_path / "journal")
    assert len(journal_lines(tmp_path)) == taken
    assert all(path.name.endswith(".gz") for path in (tmp_path / "journal").iterdir())


def test_a_folder_that_cannot_be_made_is_503_until_it_can(tmp_path):
    (tmp_path / "journal").write_text("in the way")
    with Gateway(configure(tmp_path)) as gateway:
        assert gateway.post(batch(event(1)))[0] == 503
        (tmp_path / "journal").unlink()
        for _ in range(100):
            if gateway.post(batch(event(1)))[0] == 200:
                break
            time.sleep(0.1)  # the door looks at its disk once a second
        else:
            pytest.fail("it did not recover")


# The whole of it, under load


def rows_of(folder):
    with duckdb.connect(":memory:") as connection:
        rows = connection.read_parquet(f"{folder}/output/events/**/*.parquet")
        return [row[0] for row in rows.select("event_id::VARCHAR").fetchall()]


class Device(threading.Thread):
    """Sends batches until each is acknowledged; sends one in ten again on purpose."""

    def __init__(self, number, port, batches):
        super().__init__()
        self.chance = random.Random(number)
        self.port = port
        self.left = [[self.event(index) for index in range(10)] for _ in range(batches)]
        self.ids = [each["euid"] for events in self.left for each in events]
        self.user = str(uuid.UUID(int=number + 1))

    def event(self, index):
        return event(index, euid=str(uuid.UUID(int=self.chance.getrandbits(128))))

    def run(self):
        while self.left:
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                data = json.dumps(batch(*self.left[-1], user=self.user)).encode()
                if request(self.port, data)[0] == 200 and self.chance.random() > 0.1:
                    self.left.pop()
                continue
            time.sleep(0.05)  # the gateway is being started again


def test_kills_of_door_and_writer_under_load(tmp_path):
    """Kills at random moments; in `make soak` 50 of either."""
    kills, batches = (50, 3000) if SOAK else (2, 60)
    config = configure(tmp_path, journal={"segment_bytes": 20_000, "segment_age_s": 0.5})
    port = free_port()
    gateway = Gateway(config, "--with-writer", port=port)
    devices = [Device(number, port, batches) for number in range(4)]
    for device in devices:
        device.start()
    for number in range(kills):
        time.sleep(random.Random(number).random() * 2)  # under load; nothing is timed
        gateway.kill()
        gateway = Gateway(config, "--with-writer", port=port)
    for device in devices:
        device.join(120 if not SOAK else 1200)
        assert not device.is_alive()
    with gateway:
        pass
    write_all(config)
    assert sorted(rows_of(tmp_path)) == sorted(each for device in devices for each in device.ids)


def write_all(path):
    config = GatewayConfig.load(path, environ=ENVIRON)
    recover(config.journal_folder)
    writer = Writer(config)
    list(iter(writer.run_once, None))
    writer.close()
    assert segments(config.journal_folder) == []
