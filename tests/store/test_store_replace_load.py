"""Several processes on one store whose file is found damaged again and again: each event arrives once."""

import os
import random
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

import capture
from capture.errors import StoreError
from capture.store import Store

ROOT = str(Path(capture.__file__).parents[1])
SOAK = os.environ.get("CAPTURE_SOAK", "") not in {"", "0"}
LONG_S = 120.0

WRITER = """
import contextlib, random, sys, threading, time
from capture.errors import StoreError
from capture.store import Store

folder, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = Store(folder, formats={"a": "native"}, max_bytes=2**30)
stop = threading.Event()

def keep():
    chance = random.Random(name)
    while not stop.wait(chance.random() / 20):
        with contextlib.suppress(StoreError):
            store.upkeep()

keeper = threading.Thread(target=keep)
keeper.start()
for n in range(count):
    now_ms = time.time_ns() // 10**6
    store.append(1, [("native", b"x" * 300)], time_ms=now_ms, event_id=f"{name}{n}")
    while store.waiting_in_memory > 500:
        stop.wait(0.001)
while store.waiting_in_memory:
    stop.wait(0.001)
stop.set()
keeper.join()
store.close()
print(sum(store.dropped.values()), store._file.generation)
"""


@pytest.mark.parametrize("count", [50_000 if SOAK else 20_000])
def test_writers_and_a_file_that_is_replaced_again_and_again(tmp_path, count):
    store = Store(tmp_path, formats={"a": "native"}, max_bytes=2**30)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name, str(count)],
            env={**os.environ, "PYTHONPATH": ROOT},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one-", "two-")
    ]
    chance, pause = random.Random(3), threading.Event()
    delivered, sent_again = Counter(), 0
    while any(writer.poll() is None for writer in writers):
        pause.wait(chance.random() / 10)
        store._file.damaged = chance.random() < 0.5
        for _ in range(chance.randrange(3)):
            try:
                batch = store.next_batch("a", 50)
                if batch is not None:
                    store.acknowledge("a", batch)
                    delivered.update(batch.event_ids)
            except StoreError:
                sent_again += 50
    replaced = store._file.generation
    told = [writer.communicate(timeout=LONG_S)[0].split() for writer in writers]
    while (batch := store.next_batch("a", 500)) is not None:
        delivered.update(batch.event_ids)
        store.acknowledge("a", batch)
    store.close()

    assert all(writer.returncode == 0 for writer in writers)
    assert [dropped for dropped, _ in told] == ["0", "0"]
    assert replaced >= 3
    assert set(delivered) == {f"{name}{n}" for name in ("one-", "two-") for n in range(count)}
    assert delivered.total() - len(delivered) <= sent_again
    for name in ("one-", "two-"):
        own = [int(event.removeprefix(name)) for event in delivered if event.startswith(name)]
        assert own == sorted(own)
