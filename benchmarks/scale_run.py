"""The whole pipeline on many samples: generated, written as partitioned Parquet, recognised, read again.

    python benchmarks/scale_run.py FOLDER --samples 1e9          (generates missing partitions: run it twice)
    python benchmarks/scale_run.py FOLDER --engine ray --workers 1 2
    python benchmarks/scale_run.py FOLDER --engine ray --kill    (kill a worker, compare with local)

Prints one JSON object: the rates of the engine, of the recogniser in memory and of the Parquet decoder
alone, side by side, and the largest resident set. Files: a partition for each 15.6 million samples of
30 streams, in pieces that cut strokes. The samples of a stream stand together, as in a fleet's files
that are sorted by device and time.
"""

import argparse
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet
from touches import single

from capture import Recognizer, TouchSamples
from capture.gestures.arrow import sample_schema
from capture.scale import classify_dataset

PARTITIONS = 64
STREAMS = 30  # of a partition
FILES = 3  # of a partition
LAYOUTS = {
    # As docs/scale.md advises, cheap to decode: differences of times, plain floats.
    "advised": {
        "row_group_size": 1 << 20,
        "compression": "lz4",
        "use_dictionary": ["stream", "pointer", "action"],
        "column_encoding": {"time": "DELTA_BINARY_PACKED", "x": "PLAIN", "y": "PLAIN"},
    },
    # As pyarrow writes by default: dictionaries tried for every column, Snappy.
    "default": {},
}


def partition(number, samples):
    """Return the samples of a partition: streams one after the other, seeded by its number."""
    action, time_ns, x, y = single(samples, seed=1000 + number)
    ends = np.flatnonzero(action == 1) + 1
    cuts = ends[np.linspace(0, len(ends) - 1, STREAMS + 1).astype(int)[1:]]
    stream = np.searchsorted(cuts, np.arange(len(action)), side="right")
    columns = [
        stream.astype(np.int64) + number * STREAMS,
        np.zeros(len(action), np.int32),
        action,
        time_ns.astype(np.int64),
        x,
        y,
    ]
    return pa.table(columns, schema=sample_schema())


def generate(folder, samples, layout):
    """Write missing partitions; a partition is there when its folder has its name."""
    for number in range(PARTITIONS):
        path = folder / f"bucket={number:03}"
        if path.exists():
            continue
        unfinished = folder / f"_{path.name}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        table = partition(number, samples // PARTITIONS)
        piece = len(table) // FILES + 1
        for place in range(FILES):
            file = unfinished / f"{place}.parquet"
            parquet.write_table(table.slice(place * piece, piece), file, **LAYOUTS[layout])
        unfinished.rename(path)


def in_memory(folder):
    """Return the recogniser's rate on one partition in memory, in one thread."""
    paths = sorted(folder.glob("bucket=000/*"))
    table = pa.concat_tables(parquet.read_table(path, partitioning=None) for path in paths)
    parts = [
        TouchSamples(**{name: batch[name] for name in table.schema.names}) for batch in table.to_batches()
    ]
    best = []
    for _ in range(5):
        recognizer = Recognizer()
        begun, used = time.perf_counter(), time.process_time()
        for part in parts:
            recognizer.feed(part)
        best.append((time.perf_counter() - begun, time.process_time() - used))
    wall, processor = (min(times) for times in zip(*best, strict=True))
    return {"samples_per_s": len(table) / wall, "cpu_ns_per_sample": processor / len(table) * 1e9}


def decoder(folder, workers):
    """Return the rate of pyarrow's decoder alone, as it comes, over the same files in as many threads."""
    paths = [str(path) for path in sorted(folder.glob("bucket=*/*.parquet"))]
    counts = [0] * workers

    def decode(share):
        for path in paths[share::workers]:
            for batch in parquet.ParquetFile(path).iter_batches(1 << 17, use_threads=False):
                counts[share] += batch.num_rows

    begun, used = time.perf_counter(), time.process_time()
    threads = [threading.Thread(target=decode, args=(share,)) for share in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall, processor = time.perf_counter() - begun, time.process_time() - used
    return {"samples_per_s": sum(counts) / wall, "cpu_ns_per_sample": processor / sum(counts) * 1e9}


def engine_run(source, output, engine, workers):
    """Recognise the data set; return the costs."""
    before = os.times()
    summary = classify_dataset(source, str(output), engine=engine, workers=workers)
    after = os.times()
    used = after.user + after.system - before.user - before.system
    return {
        "samples": summary.samples,
        "gestures": summary.gestures,
        "partitions": summary.partitions,
        "seconds": summary.seconds,
        "samples_per_s": summary.samples / summary.seconds,
        "cpu_ns_per_sample": used / summary.samples * 1e9,
        # The engine comes first: no number has the others' memory before the second round.
        "largest_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def of_the_decoder(result):
    """Return the engine's rate over the decoder's, of each round."""
    return [
        run["samples_per_s"] / alone["samples_per_s"]
        for run, alone in zip(result["runs"], result["decoder"], strict=True)
    ]


def digest(folder):
    """Return one hash over the names and the bytes of all files."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*.parquet")):
        total.update(str(path.relative_to(folder)).encode())
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()


def kill_a_worker(after, killed):
    """Kill one worker of Ray, a child of a child of this process, by its pid."""
    time.sleep(after)
    for _ in range(600):
        shown = subprocess.run(
            ["/usr/bin/ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split(None, 2) for line in shown.splitlines()[1:]]
        parents = {int(pid): int(parent) for pid, parent, _ in rows}
        for pid, _, words in rows:
            if words.startswith("ray::") and "Map" in words and ours(int(pid), parents):
                os.kill(int(pid), signal.SIGKILL)
                killed.append((int(pid), words))
                return
        time.sleep(0.1)


def ours(pid, parents):
    while pid > 1:
        pid = parents.get(pid, 0)
        if pid == os.getpid():
            return True
    return False


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=lambda text: int(float(text)), default=10**9)
    parser.add_argument("--layout", choices=LAYOUTS, default="advised", help="how the samples are encoded")
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    parser.add_argument("--workers", type=int, nargs="*", default=[2])
    parser.add_argument("--partitions", type=int, default=PARTITIONS, help="of the run, not of the data")
    parser.add_argument("--rounds", type=int, default=5, help="of the local engine and the decoder, in turns")
    parser.add_argument("--kill", action="store_true")
    options = parser.parse_args()
    source = options.folder / f"touches-{options.layout}-{options.samples}"
    source.mkdir(parents=True, exist_ok=True)
    generate(source, options.samples, options.layout)
    chosen = (
        str(source) if options.partitions == PARTITIONS else f"{source}/bucket=00[0-{options.partitions - 1}]"
    )
    result = {
        "layout": options.layout,
        "load_before": os.getloadavg(),
        "engine": options.engine,
        "runs": [],
        "decoder": [],
    }
    if options.engine == "ray":
        from capture.scale.ray import start

        start(max(options.workers))
    for workers in options.workers * (options.rounds if options.engine == "local" else 1):
        output = options.folder / f"gestures-{options.engine}-{workers}"
        shutil.rmtree(output, ignore_errors=True)
        os.sync()  # this run does not wait for the last one's writes
        killed = []
        if options.kill:
            threading.Thread(target=kill_a_worker, args=(2.0, killed), daemon=True).start()
        run = engine_run(chosen, output, options.engine, workers)
        result["runs"].append(run | {"workers": workers, "killed": killed, "digest": digest(output)})
        if options.engine == "local":
            # In turns, so that both find the same files as much or as little in memory.
            os.sync()
            result["decoder"].append(decoder(source, workers))
    if options.engine == "local":
        result["recogniser_in_memory"] = in_memory(source)
        result["of_the_decoder"] = of_the_decoder(result)
    result["load_after"] = os.getloadavg()
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
