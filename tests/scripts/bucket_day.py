"""A part of an app's day, in a process of its own: ``bucket_day.py FOLDER URL PART``.

Records 40 events whose names begin with PART, notes in FOLDER/confirmed those that are in the store, and
delivers all the while. It is killed meanwhile, or ends once everything is delivered.
"""

import sys
from pathlib import Path

from capture.config import BufferConfig, DeviceConfig, PrivacyConfig, ProjectConfig, RunConfig, SinkConfig
from capture.engine import Capture, app_data
from capture.store import Store

EVENTS = 40
folder, url, part = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
stores = []


class KeptStore(Store):
    """A store that this script can reach."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        stores.append(self)


app_data.Store = KeptStore
config = RunConfig(
    project=ProjectConfig(id=8),
    device=DeviceConfig(os_version="1", timezone="UTC", connectivity=1),
    buffer=BufferConfig(path=str(folder / "store")),
    privacy=PrivacyConfig(opted_in=True),
    sinks=(SinkConfig(type="cloud_storage", options={"url": url, "max_events": 7, "max_age_s": 0.05}),),
)
with Capture(config) as cap, (folder / "confirmed").open("a", buffering=1) as confirmed:
    waiting = []
    for number in range(EVENTS):
        name = f"{part}-{number}"
        if number % 3:
            cap.track_custom_event(name)
        else:
            cap.track_purchase(name, 1.0, "EUR")
        waiting.append(name)
        # What waits in memory for a busy file is not stored yet.
        if not stores[-1].waiting_in_memory:
            confirmed.writelines(f"{each}\n" for each in waiting)
            waiting.clear()
    stores[-1].upkeep()
    confirmed.writelines(f"{each}\n" for each in waiting)
    if not cap.flush(60.0):
        sys.exit("not delivered")
