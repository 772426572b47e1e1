"""Record 100,000 events with the server down; print how the process grew (bytes): ``offline.py FOLDER``."""

import os
import socket
import sys
from pathlib import Path

from capture.config import (
    BufferConfig,
    DeliveryConfig,
    DeviceConfig,
    PrivacyConfig,
    ProjectConfig,
    RunConfig,
    SinkConfig,
)
from capture.engine import Capture
from capture.targets import Target

EVENTS = 100_000
WARM = 2_000


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


with socket.socket() as taken:
    taken.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
    config = RunConfig(
        project=ProjectConfig(id=8, app_id="app"),
        device=DeviceConfig(connectivity=1),
        buffer=BufferConfig(path=sys.argv[1], max_store_bytes=2**30),
        delivery=DeliveryConfig(shutdown_timeout_s=0.0),
        privacy=PrivacyConfig(opted_in=True),
        sinks=(SinkConfig(type="http", options={"url": f"http://127.0.0.1:{taken.getsockname()[1]}/"}),),
    )
    capture = Capture(config)
    capture.screen_view("A")
    target = Target(path="[root]>btn#ok>", id="ok", responsive=True)

    def tap():
        capture.touch_down(0, 10, 10, target=target)
        capture.touch_up(0, 10, 10)

    for _ in range(WARM):
        tap()
    while not capture.stats.sinks["http"].attempts:  # the first one imports what it needs
        capture.flush(0.2)
    before = resident_bytes()
    for _ in range(EVENTS):
        tap()
    grown = resident_bytes() - before
    stats = capture.stats
    sys.stdout.write(f"{grown} {stats.pending} {stats.delivered} {stats.collected}\n")
    sys.stdout.flush()
    capture.close()
