"""A supervisor that records nothing, and a worker process that records: who delivers?"""

import multiprocessing
import sys

from capture import Capture
from capture.config import BufferConfig, PrivacyConfig, ProjectConfig, RunConfig, SinkConfig

INTERVAL_S = 0.5


def config(store, url):
    return RunConfig(
        project=ProjectConfig(id=8, app_id="a.b"),
        buffer=BufferConfig(path=store, flush_interval_s=INTERVAL_S),
        privacy=PrivacyConfig(opted_in=True),
        sinks=(SinkConfig(type="http", options={"url": url}),),
    )


def work(store, url, cap=None):
    own = cap or Capture(config(store, url))
    for number in range(100):
        own.track_variable("k", f"v{number}")
    own.close()


if __name__ == "__main__":
    how, store, url = sys.argv[1:]
    context = multiprocessing.get_context(how)
    cap = Capture(config(store, url))
    # It holds the delivery from now on.
    cap.flush(5.0)
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    worker = context.Process(target=work, args=(store, url, cap) if how == "fork" else (store, url))
    worker.start()
    worker.join()
    sys.stdout.write("WORKED\n")
    sys.stdout.flush()
    sys.stdin.read()
    cap.close()
