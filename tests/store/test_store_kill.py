"""Two processes on one store that are killed at random moments: what an append returned for is never lost."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from journal_events import batches, event_id

import capture
from capture.store import Store

ROOT = str(Path(capture.__file__).parents[1])
SOAK = os.environ.get("CAPTURE_SOAK", "") not in {"", "0"}

#: Appends for ever, in short segments; confirms each event behind its call; delivers where it may.
APP = """
import os, sys, threading
sys.path.insert(0, sys.argv[4])
from journal_events import event_id, number_of
from capture.store import Store, context as module

module._SEGMENT_BYTES = 20_000
moment, _, number = sys.argv[5].partition(":")
if moment:
    # It dies at this call of the system: before an even one, after an odd one.
    call, left = getattr(os, moment), [int(number)]
    def deadly(*values, **options):
        left[0] -= 1
        if left[0] == 0 and int(number) % 2 == 0:
            os.kill(os.getpid(), 9)
        result = call(*values, **options)
        if left[0] == 0:
            os.kill(os.getpid(), 9)
        return result
    setattr(os, moment, deadly)
folder, first, log = sys.argv[1], int(sys.argv[2]), sys.argv[3]
store = Store(folder, formats={"a": "native"}, max_bytes=2**30)
confirmed = os.open(log + ".confirmed", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
received = os.open(log + ".received", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

def deliver():
    while True:
        batch = store.next_batch("a", 20) if store.claim_delivery() else None
        if batch is None or not store.begin_send("a", batch):
            pause.wait(0.001)
            continue
        os.write(received, b"".join(b"%d\\n" % number_of(each) for each in batch.event_ids))
        store.end_send("a", batch)
        store.acknowledge("a", batch)
        if batch.start % 7 == 0:
            store.upkeep()

pause = threading.Event()
number = store.last_session() + 1
while not store.claim_session(number, new=True):
    number += 1
threading.Thread(target=deliver, daemon=True).start()
print("up", flush=True)
n = first
while True:
    if store.append(number, [("native", b"x" * 200)], time_ms=2**42, event_id=event_id(n)):
        os.write(confirmed, b"%d\\n" % n)
    n += 1
    if n % 50 == 0:
        pause.wait(0.001)
"""


def numbers(folder, suffix):
    """Return the numbers of a log; the last line of a killed process may be cut off."""
    return [
        [int(line) for line in path.read_bytes().split(b"\n")[:-1]]
        for path in sorted(folder.glob(f"*.{suffix}"))
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_kills_lose_nothing(tmp_path):
    chance, kills = random.Random(11), 1000 if SOAK else 20
    folder, logs = tmp_path / "store", tmp_path / "logs"
    logs.mkdir()
    pause = threading.Event()

    def start(at):
        # Every other one dies by itself, between the calls that make, fill and delete segments.
        moment = f"{chance.choice(('open', 'close', 'unlink'))}:{chance.randrange(1, 60)}" if at % 2 else ""
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                APP,
                str(folder),
                str(at * 10**7),
                str(logs / f"{at:05}"),
                ROOT + "/tests",
                moment,
            ],
            env={**os.environ, "PYTHONPATH": ROOT},
            stdout=subprocess.PIPE,
        )
        said = process.stdout.readline()
        assert moment or said == b"up\n"
        return process

    live = [start(0), start(1)]
    for at in range(kills):
        pause.wait(chance.random() * 0.1)
        victim = live.pop(chance.randrange(2))
        victim.send_signal(signal.SIGKILL)
        victim.wait(30)
        victim.stdout.close()
        if at < kills - 2:
            live.append(start(at + 2))
        elif not live:
            break
        else:
            live += [live[0]]
    for victim in live:
        victim.kill()
        victim.wait(30)
        victim.stdout.close()
    with (logs / "z.received").open("w") as file:
        store = Store(folder, formats={"a": "native"}, max_bytes=2**30)
        for _, found in batches(store, size=20):
            file.writelines(f"{n}\n" for n in found)
        store.close()

    confirmed = [n for each in numbers(logs, "confirmed") for n in each]
    received = [n for each in numbers(logs, "received") for n in each]
    counts = Counter(received)
    assert len(confirmed) > kills * 5
    assert not set(confirmed) - set(counts)
    # One batch at most is sent again for a kill.
    assert counts.total() - len(counts) <= 20 * kills
    for each in numbers(logs, "received"):
        by_process = {}
        for n in each:
            by_process.setdefault(n // 10**7, []).append(n)
        for own in by_process.values():
            assert own == sorted(own)
    assert event_id(0) == "00000000-0000-0000-0000-000000000001"
