"""How long after it was recorded in one process an event arrives, while another process holds the delivery.

    python benchmarks/deliverer_times.py [--interval 1.0] [--only fork,celery]

Aim: all of 101 events within two flush intervals, none twice. Hosts that are not installed are left out.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from deliverer_hosts import COUNT, HOSTS, missing, running


def measure(host, interval_s):
    with (
        tempfile.TemporaryDirectory() as folder,
        running(host, Path(folder), interval_s) as (collector, arrivals),
    ):
        arrivals.wait()
        waits = [came - recorded for recorded, came in arrivals.came.values()]
        return waits, collector.counters.duplicates


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--interval", type=float, default=1.0)
    parser.add_argument("--only", default=",".join(HOSTS))
    options = parser.parse_args()
    print(f"flush interval {options.interval} s, {COUNT} events")
    for host in options.only.split(","):
        if lacking := missing(host):
            print(f"{host:16} not installed: {', '.join(lacking)}")
            continue
        waits, duplicates = measure(host, options.interval)
        verdict = "within two intervals" if max(waits) <= 2 * options.interval else "LATER THAN TWO INTERVALS"
        print(
            f"{host:16} {len(waits)} arrived, {duplicates} twice; median {statistics.median(waits):.2f} s, "
            f"last {max(waits):.2f} s: {verdict}"
        )


if __name__ == "__main__":
    main()
