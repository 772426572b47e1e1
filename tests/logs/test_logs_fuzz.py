"""Whatever the bytes are, a reader gives samples or a TouchLogError, and ends."""

import os
import time
import warnings

import pytest
from fuzz import fuzz_logs
from fuzz.fuzz_logs import read
from hypothesis import given, settings, strategies as st
from log_seeds import SEEDS

from capture import logs

#: Inputs per reader; `make soak` sets it to 100,000.
EXAMPLES = int(os.environ.get("CAPTURE_FUZZ_EXAMPLES", "300"))

#: For fifty readings of 32 to 64 kB; a few quadratic ones take longer.
LONG_RUNS_S = 30.0
RUN_LENGTH = 32768


@pytest.mark.parametrize("name", SEEDS)
def test_the_seed_itself_has_samples(name):
    assert read(SEEDS[name], name) > 0
    assert read(SEEDS[name], None) > 0


@pytest.mark.parametrize("reader", fuzz_logs.READERS)
def test_damaged_logs_end_in_samples_or_a_clear_error(reader):
    figures = fuzz_logs.run(reader, 0, EXAMPLES, float("inf"))

    assert figures["inputs"] == EXAMPLES
    assert figures["refused"] < EXAMPLES


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
    start = time.process_time()
    for run in RUNS:
        for line in (b"", lines[0].rstrip(), lines[-1].rstrip()):
            read(line + run * RUN_LENGTH + b"!", name)

    assert time.process_time() - start < LONG_RUNS_S


def test_long_runs_are_told_apart_in_no_long_time():
    heads = [seed.splitlines()[0] + run * RUN_LENGTH + b"!" for seed in SEEDS.values() for run in RUNS]
    start = time.process_time()
    for head in heads:
        for name in logs.FORMATS:
            logs.reader_of(name).matches(head[:65536])

    assert time.process_time() - start < LONG_RUNS_S


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("kvi", b"#RECORDER1.0\n(0.5or, 'end', 2, {'\\d': 1})\n", id="kvi"),
        pytest.param("monkeyrecorder", b"TOUCH|{'x':5or 6,'y':17,'type':'\\d',}\n", id="monkeyrecorder"),
    ],
)
def test_python_does_not_comment_on_a_damaged_line(name, content):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        read(content, name)

    assert said == []
