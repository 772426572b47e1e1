"""Whatever the bytes are, a reader gives samples or a TouchLogError, and ends."""

import importlib
import os
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from log_seeds import SEEDS

from capture import logs
from capture.errors import TouchLogError

#: Inputs per reader; `make soak` sets it to 100,000.
EXAMPLES = int(os.environ.get("CAPTURE_FUZZ_EXAMPLES", "150"))

#: For fifty readings of 32 to 64 kB; a few quadratic ones take longer.
LONG_RUNS_S = 30.0
RUN_LENGTH = 32768

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


@st.composite
def damaged(draw, seed):
    """A seed with pieces cut out, doubled, swapped and put in."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        to = min(len(data), at + draw(st.integers(0, 80)))
        kind = draw(st.sampled_from(["cut", "double", "piece", "bytes"]))
        if kind == "cut":
            del data[at:to]
        elif kind == "double":
            data[at:at] = data[at:to]
        elif kind == "piece":
            data[at:to] = draw(st.sampled_from(PIECES))
        else:
            data[at:at] = draw(st.binary(max_size=8))
    return bytes(data)


def read(data, name, **options):
    """Read bytes as a format; only a TouchLogError may stop it."""
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


@pytest.mark.parametrize("name", SEEDS)
def test_the_seed_itself_has_samples(name):
    assert read(SEEDS[name], name) > 0
    assert read(SEEDS[name], None) > 0


@pytest.mark.parametrize("name", SEEDS)
def test_damaged_logs_end_in_samples_or_a_clear_error(name):
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=damaged(SEEDS[name]), screen=st.sampled_from([None, (480, 800)]))
    def check(data, screen):
        read(data, name, screen=screen)

    check()


@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.one_of(st.binary(max_size=300), st.sampled_from(list(SEEDS.values())).flatmap(damaged)))
def test_formats_are_told_apart_or_refused(data):
    read(data, None)


@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.binary(min_size=1, max_size=300), name=st.sampled_from(list(logs.FORMATS)))
def test_random_bytes_end_in_samples_or_a_clear_error(data, name):
    read(data, name)


RUNS = [
    b"a",
    b" ",
    b"\t",
    b"\r",
    b"\n",
    b"\r\n",
    b"0",
    b"9 ",
    b"[",
    b"{",
    b"> ",
    b"a=",
    b"- ",
    b'"',
    b",",
    b"<",
    b"x\n",
]


@pytest.mark.parametrize("name", SEEDS)
def test_long_runs_take_no_long_time(name):
    lines = SEEDS[name].splitlines(keepends=True)
    start = time.perf_counter()
    for run in RUNS:
        for line in (b"", lines[0].rstrip(), lines[-1].rstrip()):
            read(line + run * RUN_LENGTH + b"!", name)

    assert time.perf_counter() - start < LONG_RUNS_S


def test_long_runs_are_told_apart_in_no_long_time():
    heads = [seed.splitlines()[0] + run * RUN_LENGTH + b"!" for seed in SEEDS.values() for run in RUNS]
    start = time.perf_counter()
    for head in heads:
        for entry in logs.FORMATS.values():
            importlib.import_module(f"capture.logs.{entry.module}").Log.matches(head[:65536])

    assert time.perf_counter() - start < LONG_RUNS_S
