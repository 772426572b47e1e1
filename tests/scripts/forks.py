"""A supervisor that records nothing, and a worker process that records: who delivers?"""

import multiprocessing
import os
import sys

from capture import Capture
from capture.config import BufferConfig, PrivacyConfig, ProjectConfig, RunConfig, SinkConfig

INTERVAL_S = float(os.environ.get("INTERVAL_S", "0.5"))


def config(store, url):
    return RunConfig(
        project=ProjectConfig(id=8, app_id="a.b"),
        buffer=BufferConfig(path=store, flush_interval_s=INTERVAL_S),
        privacy=PrivacyConfig(opted_in=True),
        sinks=(SinkConfig(type="http", options={"url": url}),),
    )


def work(store, url, done, cap=None):
    """Record, and stay until told: a session that is over would be sent at once."""
    own = cap or Capture(config(store, url))
    for number in range(101):
        own.track_variable("k", number)
    done.wait()


if __name__ == "__main__":
    how, store, url = sys.argv[1:]
    context = multiprocessing.get_context(how)
    cap = Capture(config(store, url))
    # It holds the delivery from now on.
    cap.flush(5.0)
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    done = context.Event()
    worker = context.Process(
        target=work, args=(store, url, done, cap) if how == "fork" else (store, url, done)
    )
    worker.start()
    sys.stdin.read()
    done.set()
    worker.join()
    cap.close()
