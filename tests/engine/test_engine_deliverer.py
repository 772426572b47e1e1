"""Whoever holds the delivery delivers what others record, and records nothing itself meanwhile."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from capture.collector import Collector

SCRIPTS = Path(__file__).parents[1] / "scripts"
#: A deadline, not a measure.
LONG_S = 60.0


def wait_for(collector, count):
    """Wait until the collector has so many events; return them."""
    end = time.monotonic() + LONG_S
    while len(collector.events) < count and time.monotonic() < end:
        time.sleep(0.02)
    return len(collector.events)


@pytest.mark.parametrize("how", ["fork", "spawn", "forkserver"])
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")
def test_a_supervisor_delivers_what_its_worker_records(tmp_path, how):
    with Collector() as collector:
        command = [sys.executable, SCRIPTS / "forks.py", how, tmp_path / "store", collector.url]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout.readline() == "READY\n"
            assert process.stdout.readline() == "WORKED\n"
            # An app start of the processes that have one, and a hundred variables.
            wanted = 100 + (how != "fork")
            assert wait_for(collector, wanted) == wanted
        finally:
            process.communicate()
        assert collector.counters.duplicates == 0
