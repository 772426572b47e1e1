"""Feed the readers damaged logs: ``python tests/fuzz/fuzz_logs.py --count 100000`` (`make soak` does it too).

The inputs of a reader are numbered: ``fuzz_logs.py evtest --first 4711 --count 1`` reads one of them again.
They are made of the seeds in `log_seeds` and, with ``../shared/touchlogs`` there, of real recordings. A
reader gives samples or a `TouchLogError` that names the file, in bounded time and memory. Hypothesis
would spend nine tenths of the time on choosing what to damage.
"""

import argparse
import contextlib
import functools
import gzip
import io
import json
import lzma
import random
import re
import sys
import tempfile
import time
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from log_seeds import SEEDS

from capture import logs
from capture.errors import TouchLogError

RECORDINGS = Path(__file__).parents[3] / "shared" / "touchlogs"
FOLDERS = {
    "evemu": ["evemu"],
    "evtest": ["evtest"],
    "getevent": ["getevent_lt", "getevent_t_hex"],
    "howweswipe": ["howweswipe_log"],
    "kvi": ["kivy_kvi"],
    "monkeyrecorder": ["monkeyrecorder_mr"],
    "motionevent": ["motionevent_log"],
    "rrweb": ["rrweb_json"],
    "sendevent": ["sendevent_sh"],
    "strokes": ["mmg_xml"],
    "testfairy": ["testfairy_json"],
}
#: Formats that hold one document: a piece of one is damaged already.
DOCUMENTS = {"rrweb", "testfairy", "strokes"}
#: Formats that a torn piece makes unreadable as a whole: most of their inputs are damaged with more care.
FRAGILE = DOCUMENTS | {"jsonl", "parquet", "compressed"}
#: What is kept of a recording: its head, and as much from anywhere behind it.
EXCERPT = 2_000
DOCUMENT = 24_000
LARGEST_BYTES = 65_536
#: No input may take longer (s, processor time), nor the process grow by more than this.
SLOWEST_S = 5.0
LARGEST_MIB = 600

PIECES = [
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"-",
    b"0",
    b"9" * 30,
    b"ffffffff",
    b"{",
    b"}",
    b"[" * 200,
    b'"',
    b"'",
    b",",
    b"nan",
    b"1e400",
    b"-1",
    b"\xff\xfe",
    b"\xc3",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>",
    b"&b;",
    b"$1",
    b"touchev 1 2\n",
    b"[    1.000000] EV_SYN       SYN_DROPPED          00000000\n",
    b"9223372036854775807",
    b"0003 002f 7fffffff\n",
]
VALUES = [
    b"0",
    b"-1",
    b"1.5",
    b"1e400",
    b"-1e-9",
    b"2147483648",
    b"9223372036854775808",
    b"null",
    b'"7"',
    b"[]",
]
NUMBER = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?")
SCREENS = [None, (480, 800)]


@functools.cache
def parquet_seed():
    """Return a Parquet file of a few strokes."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table(
        {
            "stream": pa.array([0, 0, 0, 1, 1] * 4, pa.int64()),
            "pointer": pa.array([0] * 20, pa.int32()),
            "action": pa.array([0, 2, 1, 0, 1] * 4, pa.uint8()),
            "time": pa.array(range(0, 160_000_000, 8_000_000), pa.int64()),
            "x": pa.array([float(at) for at in range(20)], pa.float32()),
            "y": pa.array([1.5] * 20, pa.float32()),
        }
    )
    file = io.BytesIO()
    parquet.write_table(table, file, row_group_size=10)
    return file.getvalue()


def compressed_seeds():
    """Return logs that are compressed in each of the ways that are read."""
    plain = SEEDS["getevent"]
    found = [gzip.compress(plain, mtime=0), lzma.compress(plain)]
    try:
        from backports import zstd
    except ImportError:
        return found
    return [*found, zstd.compress(plain)]


def wrapped_seeds():
    """Return logs inside of others: records of a logging service, cells of an export, texts of JSON."""
    found = []
    for seed in SEEDS.values():
        lines = seed.decode().replace("\r", "").rstrip("\n").split("\n")
        records = [json.dumps({"log": line + "\n", "stream": "stdout", "time": "1"}) for line in lines]
        cells = ['2024-05-02,"{}"'.format(line.replace('"', '""')) for line in lines]
        found += [
            "\n".join(records),
            "\n".join(cells),
            json.dumps(lines),
            json.dumps({"log": "\n".join(lines)}),
        ]
    return [text.encode() for text in found]


def table_seeds():
    """Return tables whose names do not tell enough, and lines of names and values."""
    rows = [(1.0, 320, 480, "down"), (1.045, 321, 480, "move"), (1.09, 0, 0, "up"), (2.3, 100, 120, "down")]
    rows += [(2.7, 101, 120.5, "move"), (3.1, 0, 0, "up")]
    held = {"down": 1, "move": 1, "up": 0}
    german = {"down": "gedrückt", "move": "bewegt", "up": "losgelassen"}
    texts = [
        "".join(f"{at}\t{what}\t{x}\t{y}\n" for at, x, y, what in rows),
        "t_ms,x,y,pressed\n" + "".join(f"{at * 1000:.0f},{x},{y},{held[what]}\n" for at, x, y, what in rows),
        "sep=;\nZeit (s);X;Y;Ereignis\n"
        + "".join(f"{at:.3f};{x};{y};{german[what]}\n".replace(".", ",") for at, x, y, what in rows),
        "No.,Start (s),End (s),Start X,Start Y,End X,End Y\n1,1.0,1.09,320,480,321,480\n2,2.3,3.1,1,2,3,4\n",
        "id,created_at,payload\n"
        + "".join(
            f'{n},2026-05-02 10:11:{at:06.3f},"{{""x"":{x},""y"":{y},""type"":""{what}""}}"\n'
            for n, (at, x, y, what) in enumerate(rows)
        ),
        "".join(f"05-02 10:11:1{at:.3f} D/T ( 8): action={what} x={x} y={y}\n" for at, x, y, what in rows),
        "".join(f"touchesBegan: ({x}, {y}) at {at}\n" for at, x, y, _ in rows),
        "".join(f"Touch(t={at}, kind='{what}', x={x}, y={y})\n" for at, x, y, what in rows),
        "user,t,x,y,type\n"
        + "".join(f"u{n % 2},{at},{x},{y},touch{what}\n" for n, (at, x, y, what) in enumerate(rows)),
    ]
    return [text.encode(coding) for text in texts for coding in ("utf-8", "cp1252")]


#: Readers with seeds of their own besides those of the text formats.
OTHERS = {
    "parquet": lambda: [parquet_seed()],
    "compressed": compressed_seeds,
    "wrapped": wrapped_seeds,
    "tables": table_seeds,
}
#: The formats that they are read as; None finds it by content.
READ_AS = {"compressed": "getevent", "wrapped": None, "tables": None}
READERS = (*SEEDS, *OTHERS)


@functools.cache
def seeds(reader):
    """Return what is damaged for a reader, and the recordings that more of it is cut from."""
    own = OTHERS[reader]() if reader in OTHERS else [SEEDS[reader]]
    real = []
    for folder in FOLDERS.get(reader, ()):
        real += [
            path.read_bytes() for path in sorted((RECORDINGS / folder).glob("*")) if path.suffix != ".md"
        ]
    if reader in DOCUMENTS:
        real = [content for content in real if len(content) <= DOCUMENT]
    return own, real


def chosen(rng, reader):
    """Return the log that is damaged next: a seed of our own, or an excerpt of a recording."""
    own, real = seeds(reader)
    if not real or rng.random() < 0.4:
        return rng.choice(own)
    content = rng.choice(real)
    if reader in DOCUMENTS or len(content) <= 2 * EXCERPT:
        return content
    start = content.find(b"\n", rng.randrange(EXCERPT, len(content))) + 1 or EXCERPT
    return content[: content.rfind(b"\n", 0, EXCERPT) + 1] + content[start : start + EXCERPT]


def damaged(rng, reader, data):
    """Damage a log: its first line too or not, all over or no more than a few of its bits or numbers."""
    head = b""
    if rng.random() < 0.5:
        end = data.find(b"\n") + 1
        head, data = data[:end], data[end:]
    if reader in FRAGILE and rng.random() < 0.8:
        return head + (flipped(rng, data) if reader in {"parquet", "compressed"} else renumbered(rng, data))
    return head + torn(rng, data)


def flipped(rng, data):
    """Turn one or two bits, or set a byte to the smallest or the largest."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 2)):
        at = rng.randrange(len(data))
        data[at] = rng.choice([data[at] ^ (1 << rng.randrange(8)), 0, 0x7F, 0xFF])
    return bytes(data)


def renumbered(rng, data):
    """Put other numbers, or what is none, in the places of a few numbers."""
    for _ in range(rng.randint(1, 4)):
        places = [found.span() for found in NUMBER.finditer(data)]
        if places:
            start, end = rng.choice(places)
            data = data[:start] + rng.choice(VALUES) + data[end:]
    return data


def torn(rng, data):
    """Cut pieces out of a log, double and swap them, put others in."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randint(0, len(data))
        to = min(len(data), at + rng.randint(0, 80))
        kind = rng.randrange(6)
        if kind == 0:
            del data[at:to]
        elif kind == 1:
            data[at:at] = data[at:to] * rng.choice([1, 1, 1, 20])
        elif kind == 2:
            data[at:to] = rng.choice(PIECES)
        elif kind == 3:
            data[at:at] = rng.randbytes(rng.randint(0, 8))
        elif kind == 4 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        else:
            other = rng.randint(0, len(data))
            data[other:other] = data[at:to]
    return bytes(data)


def damaged_input(reader, number):
    """Return input `number` of a reader, and the screen that it is read with."""
    rng = random.Random(f"{reader} {number}")
    if rng.random() < 0.02:
        return rng.randbytes(rng.randint(1, 300)), None
    return damaged(rng, reader, chosen(rng, reader))[:LARGEST_BYTES], rng.choice(SCREENS)


def read(data, name, **options):
    """Read bytes as a format; only a TouchLogError may stop it. Return the samples, -1 where it did."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as file:  # noqa: S108
        file.write(data)
        file.flush()
        try:
            log = logs.open_log(file.name, format=name, options=logs.ReadOptions(**options))
            total = sum(len(chunk) for chunk in log.chunks())
        except TouchLogError as error:
            assert error.path == file.name  # noqa: PT017 - an error is allowed, not expected
            return -1
        assert set(log.warnings) <= set(logs.CAUSES)
        return total


def once(reader, number):
    """Read one input by the name of its format and, now and then, with the format found by content."""
    data, screen = damaged_input(reader, number)
    by_content = number % 4 == 3
    name = READ_AS.get(reader, reader)
    begun = time.process_time()
    total = read(data, None if by_content else name, screen=screen)
    used_s = time.process_time() - begun
    assert used_s < SLOWEST_S
    return total, used_s


def resident_mib(which):
    """Return the resident set of this process (MiB): ``VmRSS``, or ``VmHWM``, the largest so far."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(which)).split()[1]) >> 10


def forget_peak():
    """Let the largest resident set be that of now, in a process that has done other things before."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def run(reader, first, count, seconds):
    """Read inputs until enough are read or the time is up; return the figures."""
    forget_peak()
    before_mib = resident_mib("VmHWM")
    begun = time.perf_counter()
    done = refused = samples = 0
    slowest = 0.0
    while done < count and time.perf_counter() - begun < seconds:
        try:
            total, used_s = once(reader, first + done)
        except BaseException:
            sys.stderr.write(f"{reader}: input {first + done}\n")
            raise
        refused += total < 0
        samples += max(total, 0)
        slowest = max(slowest, used_s)
        done += 1
    peak_mib = resident_mib("VmHWM")
    assert peak_mib - before_mib < LARGEST_MIB
    return {
        "reader": reader,
        "first": first,
        "inputs": done,
        "refused": refused,
        "samples": samples,
        "slowest_ms": round(slowest * 1e3, 1),
        "peak_mib": peak_mib,
        "seconds": round(time.perf_counter() - begun, 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("readers", nargs="*", default=READERS, metavar="READER")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    options = parser.parse_args()
    for reader in options.readers:
        sys.stdout.write(json.dumps(run(reader, options.first, options.count, options.seconds)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
