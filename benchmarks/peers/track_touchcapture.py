"""Ours: `touch_up`, which recognises the tap, encodes the event and commits it to the store."""

import tempfile

from capture.config import (
    BufferConfig,
    DeviceConfig,
    PrivacyConfig,
    ProjectConfig,
    RunConfig,
    SinkConfig,
)
from capture.engine import Capture
from capture.targets import Target

TARGET = Target(path="[root]>view#id>view2>", id="btn_ok", responsive=True)


class Contender:
    def __init__(self, url):
        self.folder = tempfile.TemporaryDirectory(prefix="bench-")
        config = RunConfig(
            project=ProjectConfig(id=8, app_name="bench", app_id="bench", app_version="3.1", app_build=4),
            device=DeviceConfig(connectivity=1),
            buffer=BufferConfig(path=self.folder.name, max_store_bytes=2**30),
            privacy=PrivacyConfig(opted_in=True),
            sinks=(SinkConfig(type="http", options={"url": url + "/batches"}),) if url else (),
        )
        self.capture = Capture(config)
        self.capture.screen_view("Checkout")
        self.call = self.capture.touch_up

    def prepare(self):
        self.capture.touch_down(0, 100.0, 200.0, target=TARGET)
        return (0, 100.0, 200.0)

    def settle(self):
        self.capture.flush(60)

    def close(self):
        self.capture.close()
        self.folder.cleanup()
