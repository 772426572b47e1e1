"""A host app for the fault tests: records events, notes each one that was recorded, and ends as it is told.

    python app.py FOLDER URL COUNT END

END is close, exit (without a flush), wait (until it is killed), fork (half of it in a child) or spawn.
The id of every event whose call has returned is a line of FOLDER/confirmed.
"""

import multiprocessing
import os
import sys
import threading
from pathlib import Path

from capture.config import BufferConfig, DeliveryConfig, PrivacyConfig, ProjectConfig, RunConfig, SinkConfig
from capture.engine import Capture, app_data
from capture.store import Store

#: The stores that captures opened, the one in use last.
stores = []


class KeptStore(Store):
    """A store that this script can reach."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        stores.append(self)


app_data.Store = KeptStore


def configuration(folder, url):
    return RunConfig(
        project=ProjectConfig(id=1),
        buffer=BufferConfig(path=str(folder / "store"), flush_interval_s=1.0),
        delivery=DeliveryConfig(
            timeout_s=float(os.environ.get("APP_TIMEOUT_S", "5")),
            exit_timeout_s=float(os.environ.get("APP_EXIT_TIMEOUT_S", "2")),
        ),
        privacy=PrivacyConfig(opted_in=True),
        sinks=(SinkConfig(type="http", options={"url": url}),),
    )


def record(cap, folder, first, last):
    """Track events; confirm each once it is in the file: what waits in memory for a busy file is not yet."""
    descriptor = os.open(folder / "confirmed", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    waiting = []
    for number in range(first, last):
        event_id = cap.track_variable("n", number)
        if event_id is not None:
            waiting.append(f"{event_id}\n")
        if not stores[-1].waiting_in_memory:
            os.write(descriptor, "".join(waiting).encode())
            waiting.clear()
    stores[-1].upkeep()
    os.write(descriptor, "".join(waiting).encode())
    os.close(descriptor)


def child(folder, url, first, last):
    """Another process on the same store, with a Capture of its own."""
    with Capture(configuration(folder, url)) as cap:
        record(cap, folder, first, last)


def main(folder, url, count, end):
    cap = Capture(configuration(folder, url))
    if end == "fork":
        record(cap, folder, 0, count // 2)
        pid = os.fork()
        if pid == 0:
            record(cap, folder, count // 2, count)
            cap.close()
            os._exit(0)
        os.waitpid(pid, 0)
    elif end == "spawn":
        process = multiprocessing.get_context("spawn").Process(
            target=child, args=(folder, url, count // 2, count)
        )
        process.start()
        record(cap, folder, 0, count // 2)
        process.join()
    else:
        record(cap, folder, 0, count)
    (folder / "recorded").touch()
    if end == "wait":
        # Until it is killed.
        threading.Event().wait(600)
    if end in {"close", "fork", "spawn"}:
        cap.flush(20.0)
        cap.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
