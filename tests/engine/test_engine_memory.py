"""A server that is down costs disk, not memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "offline.py"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the process's size from /proc")
def test_100_000_events_offline_cost_less_than_3_mb_of_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])},
    )
    assert done.returncode == 0, done.stderr
    grown, pending, delivered, collected = (int(word) for word in done.stdout.split())

    assert grown < 3_000_000
    assert pending == collected == 102_002
    assert delivered == 0
